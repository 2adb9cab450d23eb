"""Which row of the table of replicas counts what of a regression."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from pipeline.tasks.against import edges_of
from pipeline.tasks.regression import OWN_PT, VARIABLES, Settings
from pipeline.tasks.residuals import N_BINS, N_REGULAR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.statistics.sums import Quantum

# In curves four bins of a residual are joined to one: σ68 is off by up to 1 %, by up to 5 % where it is below half a scale.
JOINED = 4
N_CURVE_BINS = N_REGULAR // JOINED + 2
# What is found as a whole: every object that is asked for, and every jet of a parton.
EVENT = "event"
ASSIGNED = "assignment"


@dataclass(frozen=True, slots=True)
class CountedBy:
    """What the counts of two chunks must have in common.

    Args:
        dataset: its name.
        models: their names.
        task: what is counted of it, as JSON, because the order of its parts counts.
        quantum: unit of the weights.
    """

    dataset: str
    models: tuple[str, ...]
    task: str
    quantum: Quantum

    @classmethod
    def of_dataset(cls, analysis: Analysis, dataset: str, quantum: Quantum) -> CountedBy:
        """For *dataset* with the models and the task of *analysis*."""
        return cls(dataset, tuple(analysis.models), counted(analysis.task), quantum)

    @property
    def settings(self) -> Settings:
        """The task."""
        return _settings(self.task)

    @property
    def layout(self) -> Layout:
        """Where what is counted."""
        return _layout(self.task, self.models)


def counted(task: Settings) -> str:
    """What of *task* decides what is counted, as JSON."""
    return task.model_dump_json(exclude={"costs", "system_labels"})


@lru_cache(maxsize=8)
def _settings(task: str) -> Settings:
    return Settings.model_validate_json(task)


@lru_cache(maxsize=8)
def _layout(task: str, models: tuple[str, ...]) -> Layout:
    return Layout(_settings(task), models)


@dataclass(frozen=True)
class Layout:
    """The rows: for each model and class of events a block of residuals, of curves and of what was found; then, for each
    class, how many events could be found.

    Args:
        task: what is evaluated.
        models: their names.
    """

    task: Settings
    models: tuple[str, ...]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Classes of events; one, of all, where the task has none."""
        return self.task.event_classes or ("all",)

    @cached_property
    def bodies(self) -> tuple[str, ...]:
        """Objects and systems."""
        return (*self.task.objects, *self.task.systems)

    @cached_property
    def quantities(self) -> tuple[tuple[str, str], ...]:
        """Body and variable of each residual."""
        return tuple((body, variable) for body in self.bodies for variable in self.task.variables)

    @cached_property
    def drawn(self) -> tuple[int, ...]:
        """Which of the quantities have curves: pt of objects, the mass of systems; else the first variable."""
        main = ["mass" if body in self.task.systems else "pt" for body in self.bodies]
        chosen = [one if one in self.task.variables else self.task.variables[0] for one in main]
        return tuple(self.quantities.index(pair) for pair in zip(self.bodies, chosen, strict=True))

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """What may be found: objects, all of them, the jet of each parton, all of these."""
        found = (*self.task.objects, EVENT) if self.task.objects else ()
        assigned = (*(f"{ASSIGNED}_{p}" for p in self.task.partons), ASSIGNED) if self.task.partons else ()
        return (*found, *assigned)

    @cached_property
    def axes(self) -> dict[str, NDArray[np.float64]]:
        """Edges of the axes of curves, by name."""
        return {name: edges_of(binned) for name, binned in self.task.against.items()}

    @cached_property
    def axis_bins(self) -> dict[str, slice]:
        """Where each axis is in a row of cells: the first cell is that of all events."""
        sizes = [len(edges) - 1 for edges in self.axes.values()]
        return {name: slice(stop - size, stop) for name, size, stop in zip(self.axes, sizes, accumulate(sizes), strict=True)}

    @property
    def n_cells(self) -> int:
        """Bins of all axes together."""
        return sum(len(edges) - 1 for edges in self.axes.values())

    @property
    def n_residuals(self) -> int:
        """Rows of the residuals of one model and class."""
        return len(self.quantities) * N_BINS

    @property
    def n_curves(self) -> int:
        """Rows of the curves of one model and class."""
        return len(self.bodies) * self.n_cells * N_CURVE_BINS

    @property
    def n_targets(self) -> int:
        """Rows of what was found of one model and class, and of what could be of one class."""
        return len(self.targets) * (1 + self.n_cells)

    @property
    def n_block(self) -> int:
        """Rows of one model and class."""
        return self.n_residuals + self.n_curves + self.n_targets

    @property
    def first_total(self) -> int:
        """First row of what could be found."""
        return len(self.models) * len(self.classes) * self.n_block

    @property
    def n_rows(self) -> int:
        """All rows."""
        return self.first_total + len(self.classes) * self.n_targets

    def first(self, model: int, event_class: int | NDArray[np.int64]) -> int | NDArray[np.int64]:
        """First row of the block of a model and a class."""
        return (model * len(self.classes) + event_class) * self.n_block

    @cached_property
    def responses(self) -> dict[str, tuple[int, int, slice, NDArray[np.float64]]]:
        """By quantity: body, variable among all that are known, place in the row of matrices, and edges of both axes."""
        edges = {name: edges_of(binned) for name, binned in self.task.response.items()}
        stops = list(accumulate((len(one) + 1) ** 2 for one in edges.values()))
        found = {}
        for (name, one), stop in zip(edges.items(), stops, strict=True):
            body, variable = self.task.quantity(name) or ("", "")
            place = slice(stop - (len(one) + 1) ** 2, stop)
            found[name] = (self.bodies.index(body), VARIABLES.index(variable), place, one)
        return found

    @property
    def n_matrices(self) -> int:
        """Bins of all response matrices of one model and class, with underflow and overflow."""
        return sum(place.stop - place.start for _, _, place, _ in self.responses.values())

    def is_own(self, axis: str) -> bool:
        """Whether *axis* is another one for each object: its own true transverse momentum."""
        return axis == OWN_PT
