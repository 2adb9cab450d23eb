"""Regression: what are the momenta of the particles behind an event, and which jet is which parton?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from pipeline.config import Binned, Name, Positive, Section, Sequence
from pipeline.errors import nearest
from pipeline.inputs import kind_of
from pipeline.stream.spec import Head, OutputSpec
from pipeline.stream.truth import COORDINATES, GIVEN, TruthSpec, truth_table
from pipeline.tasks.costs import ABOUT_COSTS, Costs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.config import Analysis, Collection
    from pipeline.statistics.sums import Quantum
    from pipeline.stream.rows import Tensors
    from pipeline.tasks.products import TaskProducts
    from pipeline.tasks.regression_counts import RegressionCounts
    from pipeline.tasks.regression_entries import RegressionEntries
    from pipeline.tasks.regression_loss import Regressed
    from pipeline.tasks.score_entries import Seen

Variable = Literal["pt", "eta", "phi", "mass", "px", "py", "pz", "energy", "rapidity"]
Augmentation = Literal["rotate_phi", "reflect_eta"]

VARIABLES: tuple[str, ...] = get_args(Variable)

# All that is trained belongs to one class: nothing is to be balanced.
TRAINED = "trained"
# The truth that says which kind of event it is, and the prefix of that which says which jet comes from a parton.
EVENT_CLASS = "event_class"
JET_OF = "jet_of_"
# An axis of curves: of each object, its own true transverse momentum.
OWN_PT = "pt"


class Particle(Section):
    """One object whose momentum is asked for: a four-vector of that name among the processor's targets."""

    mass_gev: float | None = Field(None, ge=0, description="with px_py_pz: its mass, of which the energy is made")
    weight: Positive = Field(1.0, description="of its part of the loss")
    label: str | None = None


class Squared(Section):
    """Mean squared residual, in units of each coordinate's spread."""

    kind: Literal["mse"] = "mse"
    weights: dict[str, Positive] = Field({}, description="by coordinate; those that are not named have 1")


class Huber(Section):
    """Squared up to `delta` spreads, linear beyond (P. J. Huber, doi:10.1214/aoms/1177703732)."""

    kind: Literal["huber"]
    delta: Positive = 1.0
    weights: dict[str, Positive] = Field({}, description="by coordinate; those that are not named have 1")


class Assignment(Section):
    """Which object of a padded collection comes from which parton: cross-entropy over the objects, for each parton."""

    collection: Name = "jets"
    partons: tuple[Name, ...] = Field(min_length=1, description="with a target jet_of_<parton> each; -1 for none")
    symmetric: tuple[tuple[Name, ...], ...] = Field((), description="partons that may be exchanged, such as the two of a W")
    weight: Positive = Field(1.0, description="of the cross-entropy, beside the loss of the momenta")
    momenta: Literal["top_pair"] | None = Field(
        None, description="what makes momenta of the jets that a network assigns, where it answers no momenta itself"
    )
    top_mass_gev: Positive = Field(
        172.5, description="for momenta: where the mass of jet, lepton and neutrino peaks; it tells the neutrino's solution"
    )


class Efficiency(Section):
    """When an object counts as found: within a distance and a window of transverse momentum around the truth."""

    delta_r: Positive = 0.4
    pt_window: Positive = Field(0.5, description="largest |pt / true pt - 1|")
    objects: tuple[Name, ...] = Field((), description="that must all be found for the event to be; none: all objects")


class Settings(Section):
    """The `task` section of an analysis."""

    # Nothing is asked of models about events that they have seen.
    compares_training: ClassVar[bool] = False
    # Boosted trees of xgboost know neither events without an object nor the assignment.
    takes_trees: ClassVar[bool] = False
    # Settings that a training does not depend on, as pydantic's `exclude` takes them.
    evaluated: ClassVar[Mapping[str, Any]] = {
        "objects": {"__all__": {"label"}},
        "assignment": {"momenta", "top_mass_gev"},
        **dict.fromkeys(
            (
                "systems",
                "system_labels",
                "on_shell",
                "event_classes",
                "variables",
                "efficiency",
                "against",
                "response",
                "reference",
                "costs",
            ),
            True,
        ),
    }

    kind: Literal["regression"]
    processes: tuple[Name, ...] = Field(min_length=1, description="learned from, and evaluated")
    coordinates: Literal["px_py_pz", "pt_eta_phi_mass"] = Field("px_py_pz", description="that a network answers")
    objects: dict[Name, Particle] = Field({}, description="in the order of the outputs")
    systems: dict[Name, Annotated[tuple[Name, ...], Field(min_length=2)]] = Field(
        {}, description="sums of objects, which are evaluated as well"
    )
    on_shell: tuple[Name, ...] = Field(
        (), description="systems of objects with their mass_gev and the momenta that a method gives them, not its masses"
    )
    system_labels: dict[Name, str] = Field({}, description="what figures call systems; else their names")
    loss: Annotated[Squared | Huber, Field(discriminator="kind")] = Squared()
    assignment: Assignment | None = None
    event_classes: tuple[Name, ...] = Field((), description="what the target event_class counts from 0")
    variables: tuple[Variable, ...] = Field(("pt", "eta", "phi", "mass"), min_length=1, description="whose residuals count")
    efficiency: Efficiency = Efficiency()
    against: dict[str, Binned] = Field(
        {}, description="what curves are drawn against: an observable, a true <object>_<variable>, or pt, each object's own"
    )
    response: dict[str, Binned] = Field({}, description="response matrices of <object>_<variable>")
    reference: Name | None = Field(None, description="model that the others are compared with, on the same events")
    costs: Costs | None = Field(None, description=ABOUT_COSTS)
    augment: tuple[Augmentation, ...] = Field((), description="what training events are turned by, anew each epoch")

    def check(self, analysis: Analysis) -> None:
        """See that objects, partons, models and datasets of *analysis* fit together.

        Raises:
            ValueError: they do not.
        """
        self._check_names()
        _among("task.processes", self.processes, analysis.processes)
        if not analysis.trained_datasets():
            raise ValueError("task.processes: no simulated dataset is of them; add one, or correct the names")
        if self.reference is not None and analysis.models:
            _among("task.reference", (self.reference,), analysis.models)
        for key, model in analysis.models.items() if self.assignment is not None else ():
            self._check_collection(f"inputs.{model.inputs}, which model {key!r} takes,", analysis.inputs[model.inputs])
        heads = (*(["momenta"] if self.objects else []), *(["assignment"] if self.assignment is not None else []))
        for key, model in analysis.models.items():
            _among(f"models.{key}.heads", model.heads, heads)
            kinds = {kind_of(collection) for collection in analysis.inputs[model.inputs].values()}
            if self.augment and not kinds <= {"flat", "padded"}:
                raise ValueError(
                    f"task.augment: turns the truth, but not inputs.{model.inputs} of model {key!r}, which has a collection"
                    " of another kind than flat and padded; take augment out, or give the model other inputs"
                )

    def class_of(self, process: str) -> str | None:
        """The same for everything that is trained; None for what is not."""
        return TRAINED if process in self.processes else None

    def names(self, models: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Names of histograms of *models*, and what has them; the names of figures end in what no histogram would."""
        for quantity in self.response:
            yield f"truth_{quantity}", f"the truth of {quantity}"
            for model in models:
                yield f"{model}_{quantity}", f"the answers of model {model!r}"
                yield f"{model}_{quantity}_residual", f"the residuals of model {model!r}"

    @property
    def observables(self) -> tuple[str, ...]:
        """Observables of the processor that curves are drawn against."""
        return tuple(name for name in self.against if name != OWN_PT and self.quantity(name) is None)

    @property
    def truth(self) -> TruthSpec:
        """What a batch brings as targets."""
        coordinates = COORDINATES[self.coordinates] if self.objects else ()
        return TruthSpec(tuple(self.objects), coordinates, tuple(f"{JET_OF}{parton}" for parton in self.partons))

    @property
    def partons(self) -> tuple[str, ...]:
        """Those that jets are assigned to."""
        return () if self.assignment is None else self.assignment.partons

    @property
    def answers(self) -> OutputSpec:
        """What is evaluated, and what a method without a network answers: four-vectors, and the jet of each parton.

        A jet is counted from 0, and -1 says that there is none; NaN stands for what a method does not answer.
        """
        momenta = tuple(f"{name}_{column}" for name in self.objects for column in GIVEN)
        jets = tuple(f"{JET_OF}{parton}" for parton in self.partons)
        return OutputSpec((*momenta, *jets), "linear", targets=self.truth.columns)

    def outputs_for(self, collections: Mapping[str, Collection], heads: tuple[str, ...] = ()) -> OutputSpec:
        """What a network answers: scaled momenta, and for each parton a probability of each jet.

        Args:
            collections: of its input set.
            heads: which of these it answers; none for all.
        """
        parts = [head for head in self._heads(collections) if not heads or head.name in heads]
        names = tuple(name for head in parts for name in head.names)
        return OutputSpec(names, parts[0].activation if len(parts) == 1 else "linear", tuple(parts), self.truth.columns)

    def _heads(self, collections: Mapping[str, Collection]) -> list[Head]:
        heads = []
        if self.objects:
            heads.append(Head("momenta", tuple(self.objects), COORDINATES[self.coordinates], "linear"))
        if self.assignment is not None:
            collection = collections[self.assignment.collection]
            n_jets = collection.max_objects if isinstance(collection, Sequence) else 0
            places = tuple(str(place) for place in range(n_jets))
            heads.append(Head("assignment", self.partons, places, "softmax", self.assignment.collection))
        return heads

    def trained_for(self, outputs: OutputSpec) -> Regressed:
        """The loss of a model with *outputs*."""
        # Here, because every start of Snakemake reads this module.
        from pipeline.tasks.regression_loss import Regressed

        return Regressed.of(self, outputs)

    def targets(self, name: str | None, n_events: int, truth: Tensors) -> NDArray[np.float32]:
        """What is to be answered for *n_events* events, shape (n_events, n_targets), from their *truth*."""
        return truth_table(self.truth, truth, n_events)

    def answered(
        self, outputs: OutputSpec, scores: NDArray[np.float32], collections: Mapping[str, Collection], tensors: Tensors
    ) -> NDArray[np.float32]:
        """The answers, shape (n_events, answers.size), from what a model with *outputs* gave to *tensors*."""
        from pipeline.tasks.regression_answers import answered  # here for the same reason

        return answered(self, outputs, scores, collections, tensors)

    def counts_for(self, analysis: Analysis, dataset: str, quantum: Quantum) -> RegressionCounts:
        """What is counted of the answers on *dataset*, empty."""
        from pipeline.tasks.regression_counts import RegressionCounts  # here for the same reason

        return RegressionCounts.for_dataset(analysis, dataset, quantum)

    def entries_of(
        self,
        analysis: Analysis,
        dataset: str,
        quantum: Quantum,
        *,
        unseen: Mapping[str, NDArray[Any]],
        seen: Mapping[str, Seen],
        weights: NDArray[np.float64],
        keys: NDArray[np.uint64],
        truth: Tensors,
        observables: Mapping[str, Any],
    ) -> RegressionEntries:
        """What one chunk of *dataset* adds to what is counted: see `regression_entries.RegressionEntries.of`."""
        from pipeline.tasks.regression_entries import RegressionEntries  # here for the same reason
        from pipeline.tasks.regression_layout import CountedBy

        by = CountedBy.of_dataset(analysis, dataset, quantum)
        known = truth if dataset in analysis.trained_datasets() else {}
        return RegressionEntries.of(by, unseen, weights=weights, keys=keys, truth=known, observables=observables)

    def evaluate(self, analysis: Analysis, folder: Path, scales: Mapping[str, float]) -> TaskProducts:
        """The results of all models, from the counts of every dataset in *folder*.

        Args:
            analysis: whole.
            folder: with `<dataset>.npz` of every dataset (`regression_counts.RegressionCounts`).
            scales: factor from weights to events at the analysis' luminosity, by dataset.
        """
        from pipeline.tasks.regression_results import evaluate  # here for the same reason

        return evaluate(analysis, folder, scales)

    def _check_names(self) -> None:
        if not self.objects and self.assignment is None:
            raise ValueError("task: has neither objects nor assignment; give one, or both")
        for name, particle in self.objects.items():
            if self.coordinates == "px_py_pz" and particle.mass_gev is None:
                raise ValueError(f"task.objects.{name}.mass_gev: is missing; with px_py_pz the energy is made of it")
        for name, members in self.systems.items():
            if name in self.objects:
                raise ValueError(f"task.systems.{name}: has the name of an object; rename one of them")
            _among(f"task.systems.{name}", members, self.objects)
        _among("task.on_shell", self.on_shell, self.systems)
        for member in (one for name in self.on_shell for one in self.systems[name]):
            if self.objects[member].mass_gev is None:
                raise ValueError(f"task.objects.{member}.mass_gev: is missing; a system of task.on_shell is made of it")
        _among("task.system_labels", tuple(self.system_labels), self.systems)
        _among("task.efficiency.objects", self.efficiency.objects, self.objects)
        _among("task.loss.weights", tuple(self.loss.weights), COORDINATES[self.coordinates])
        for group in self.assignment.symmetric if self.assignment is not None else ():
            _among("task.assignment.symmetric", group, self.partons)
        for quantity in self.response:
            if self.quantity(quantity) is None:
                hint = nearest(quantity, self._known())
                raise ValueError(f"task.response: {quantity!r} is no <object>_<variable>. {hint}")

    def quantity(self, name: str) -> tuple[str, str] | None:
        """Object or system and variable of *name*, such as `top_had_pt`; None if it is no such name."""
        return self._known().get(name)

    def _known(self) -> dict[str, tuple[str, str]]:
        return {f"{name}_{v}": (name, v) for name in (*self.objects, *self.systems) for v in VARIABLES}

    def _check_collection(self, where: str, collections: Mapping[str, Collection]) -> None:
        wanted = self.assignment.collection if self.assignment is not None else ""
        collection = collections.get(wanted)
        if not isinstance(collection, Sequence):
            raise ValueError(f"{where} has no padded collection {wanted!r}. {nearest(wanted, collections)}")
        if collection.order_by is not None:
            raise ValueError(
                f"{where} orders {wanted!r} by {collection.order_by!r}, but jet_of_<parton> counts them as the processor"
                " orders them; order them there, and remove order_by"
            )


def _among(place: str, names: tuple[str, ...], known: Any) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{place}: {name!r} is not known. {nearest(name, known)}")
        if names.count(name) > 1:
            raise ValueError(f"{place}: {name!r} is listed twice; once is enough")
