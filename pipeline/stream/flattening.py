"""Which bin of `training.flatten` an event belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from pipeline.digest import content_digest
from pipeline.errors import InputError, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.config import Analysis, Binned, Flatten
    from pipeline.physics.selected import Selected


# In how many parts a bin is cut to see what is left of a spectrum within it, as long as there are not more than these bins.
FINE_PARTS, MOST_FINE_BINS = 25, 10_000


@dataclass(frozen=True, slots=True)
class FlatBins:
    """Bins in one or two variables, numbered with the last variable running fastest.

    Args:
        variables: observables of the processor, or inputs as `<collection>.<feature>`.
        edges: of the bins of each variable, in its unit.
    """

    variables: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, flatten: Flatten) -> FlatBins:
        """The bins that the configuration asks for; the order of the variables in it does not matter."""
        variables = tuple(sorted(flatten.variables))
        return cls(variables, tuple(_edges(flatten.variables[variable]) for variable in variables))

    @property
    def name(self) -> str:
        """What these bins are called in caches and in `summary.json`: another name for other variables or edges."""
        return content_digest([self.variables, self.edges])

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of bins of each variable."""
        return tuple(len(edges) - 1 for edges in self.edges)

    @property
    def n_bins(self) -> int:
        """Number of all bins."""
        return prod(self.shape)

    def finer(self, variable: str) -> FlatBins:
        """The same bins, each of them cut into equal parts along *variable*: what is left of its spectrum within a bin."""
        n_parts = max(1, min(FINE_PARTS, MOST_FINE_BINS // self.n_bins))
        place = self.variables.index(variable)
        fine = [np.linspace(low, high, n_parts, endpoint=False) for low, high in pairwise(self.edges[place])]
        edges = (*np.concatenate(fine).tolist(), self.edges[place][-1])
        return FlatBins(self.variables, (*self.edges[:place], edges, *self.edges[place + 1 :]))

    def index(self, selected: Selected, *, place: str) -> NDArray[np.int32]:
        """The bin of each event, shape (n_events,); what lies beyond the edges is in the first or the last bin.

        A bin holds its lower edge and not its upper one.

        Args:
            selected: the events of one range.
            place: file and range, for messages.

        Raises:
            InputError: the processor gives no such variable, or not one number an event.
        """
        bins = np.zeros(len(selected), dtype=np.int32)
        for variable, edges in zip(self.variables, self.edges, strict=True):
            values = _numbers(selected, variable, place)
            bins = bins * (len(edges) - 1) + np.searchsorted(edges[1:-1], values, side="right").astype(np.int32)
        return bins

    def describe(self, index: int) -> str:
        """Bin number *index* in words.

        >>> FlatBins(("pt", "eta"), ((20.0, 30.0, 50.0), (-2.4, 0.0, 2.4))).describe(2)
        'pt 30 to 50, eta -2.4 to 0'
        """
        steps = np.unravel_index(index, self.shape)
        return ", ".join(
            f"{variable} {edges[step]:g} to {edges[step + 1]:g}"
            for variable, edges, step in zip(self.variables, self.edges, steps, strict=True)
        )


def bins_of_models(analysis: Analysis) -> dict[str, FlatBins]:
    """By name, the bins in which any model of *analysis* flattens; empty for most analyses."""
    sections = (analysis.training_of(model).flatten for model in analysis.models)
    found = (FlatBins.of(section) for section in sections if section is not None)
    return {bins.name: bins for bins in found}


def finer_bins_of_models(analysis: Analysis) -> dict[str, FlatBins]:
    """By name, the bins of the models of *analysis* cut finer, along each of their variables in turn."""
    found = (bins.finer(variable) for bins in bins_of_models(analysis).values() for variable in bins.variables)
    return {bins.name: bins for bins in found}


def _edges(binned: Binned) -> tuple[float, ...]:
    if binned.edges is not None:
        return binned.edges
    edges: list[float] = np.linspace(binned.start or 0.0, binned.stop or 0.0, binned.n_bins + 1).tolist()
    return tuple(edges)


def _numbers(selected: Selected, variable: str, place: str) -> NDArray[np.float64]:
    """The values of *variable*, shape (n_events,)."""
    given = _given(selected, variable)
    n_dimensions = given.ndim if hasattr(given, "ndim") else np.ndim(given)
    if n_dimensions != 1 or len(given) != len(selected):
        raise InputError(
            f"{variable!r} of training.flatten has {len(given)} entries in {n_dimensions} dimensions, for {len(selected)}"
            " selected events. Expected one number an event. Flatten in another variable, or add one to the processor."
        )
    values: NDArray[np.float64] = np.ma.filled(np.ma.asarray(ak.to_numpy(given)).astype(np.float64), np.nan)
    if np.isnan(values).any():
        ids, row = selected.ids, int(np.flatnonzero(np.isnan(values))[0])
        raise InputError(
            f"{variable!r} of training.flatten is NaN or missing for run {ids.run[row]}, luminosity block"
            f" {ids.luminosity_block[row]}, event {ids.event[row]} in {place}. Expected a number for every selected event."
            " Give such events a defined value, or cut them, in the processor."
        )
    return values


def _given(selected: Selected, variable: str) -> Any:
    collection, _, feature = variable.partition(".")
    if feature and feature in selected.inputs.get(collection, {}):
        return selected.inputs[collection][feature]
    if variable in selected.observables:
        return selected.observables[variable]
    inputs = [f"{name}.{feature}" for name, features in selected.inputs.items() for feature in features]
    raise InputError(
        f"The processor gives no observable or input {variable!r}. {nearest(variable, [*selected.observables, *inputs])}"
        " Correct `training.flatten` in the YAML."
    )
