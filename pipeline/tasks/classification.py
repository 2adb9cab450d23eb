"""Classification: which class does an event belong to?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from pipeline.config import Binned, Observable, Section
from pipeline.errors import nearest
from pipeline.stream.spec import Head, OutputSpec
from pipeline.stream.truth import TruthSpec
from pipeline.tasks.costs import ABOUT_COSTS, Costs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from pipeline.config import Analysis, Collection
    from pipeline.statistics.sums import Quantum
    from pipeline.stream.rows import Tensors
    from pipeline.tasks.products import TaskProducts
    from pipeline.tasks.score_counts import ScoreCounts
    from pipeline.tasks.score_entries import ScoreEntries, Seen


class Settings(Section):
    """The `task` section of an analysis."""

    # By the names that the libraries know them by.
    keras_loss: ClassVar[str] = "categorical_crossentropy"
    xgboost_objective: ClassVar[str] = "multi:softprob"
    xgboost_metric: ClassVar[str] = "mlogloss"
    # Some events are scored by a model that was trained on them as well.
    compares_training: ClassVar[bool] = True
    # The class is that of the dataset: nothing is asked of the processor.
    truth: ClassVar[TruthSpec] = TruthSpec()
    # What training events are turned by.
    augment: ClassVar[tuple[str, ...]] = ()
    # Whether boosted trees learn it.
    takes_trees: ClassVar[bool] = True
    # Settings that a training does not depend on, as pydantic's `exclude` takes them.
    evaluated: ClassVar[Mapping[str, Any]] = {"against": True, "costs": True}

    kind: Literal["classification"]
    classes: dict[str, tuple[str, ...]] = Field(min_length=2, description="processes of each class, as the outputs go")
    signal: str
    against: dict[Observable, Binned] = Field({}, description="what curves are drawn against: an observable, or an input")
    costs: Costs | None = Field(None, description=ABOUT_COSTS)

    def check(self, analysis: Analysis) -> None:
        """See that classes, processes and datasets of *analysis* fit together.

        Raises:
            ValueError: they do not.
        """
        if self.signal not in self.classes:
            raise ValueError(f"task.signal: {self.signal!r} is no class. {nearest(self.signal, self.classes)}")
        listed = [process for processes in self.classes.values() for process in processes]
        for process in listed:
            if process not in analysis.processes:
                raise ValueError(f"task.classes: {process!r} is no process. {nearest(process, analysis.processes)}")
            if listed.count(process) > 1:
                raise ValueError(f"task.classes: process {process!r} is listed twice; a process belongs to one class")
        for key, model in analysis.models.items():
            for head in model.heads:
                if head != "classes":
                    raise ValueError(f"models.{key}.heads: {head!r} is not known; a classification has one, 'classes'")
        for name in self.classes:
            if not any(d.is_mc and self.class_of(d.process) == name for d in analysis.datasets.values()):
                raise ValueError(f"task.classes: class {name!r} has no simulated dataset; add one, or remove the class")

    def class_of(self, process: str) -> str | None:
        """The class that holds *process*, or None."""
        return next((name for name, processes in self.classes.items() if process in processes), None)

    def names(self, models: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Names of histograms and figures of *models*, and what has them."""
        for model in models:
            yield f"{model}_score", f"the scores of model {model!r}"
            yield f"{model}_score_train", f"the scores of model {model!r} of events that it was trained on"
            yield f"{model}_overtraining", f"the figure of overtraining of model {model!r}"
        yield "roc", "the figure of ROC curves"
        yield "roc_linear", "the figure of ROC curves on linear axes"
        for kind in ("auc", "rejection"):
            yield f"cost_{kind}", "a figure of what the models cost"
            yield f"learning_curve_{kind}", "a figure of learning curves"
        for name in self.against:
            for kind in ("auc", "rejection"):
                yield f"{kind}_against_{name.replace('.', '_')}", f"the figure of curves against {name}"

    @property
    def observables(self) -> tuple[str, ...]:
        """Observables that the evaluation asks for."""
        return tuple(self.against)

    @property
    def outputs(self) -> OutputSpec:
        """One unit a class, as probabilities."""
        names = tuple(self.classes)
        return OutputSpec(names=names, activation="softmax", heads=(Head("classes", ("event",), names, "softmax"),))

    @property
    def answers(self) -> OutputSpec:
        """What is evaluated: the outputs, as they are."""
        return self.outputs

    def outputs_for(self, collections: Mapping[str, Collection], heads: tuple[str, ...] = ()) -> OutputSpec:
        """What a network answers that takes *collections*: the same, whatever they are; there is one head."""
        return self.outputs

    def trained_for(self, outputs: OutputSpec) -> Settings:
        """What a learner asks for the loss; it is the same for all *outputs*."""
        return self

    def answered(
        self, outputs: OutputSpec, scores: NDArray[np.float32], collections: Mapping[str, Collection], tensors: Tensors
    ) -> NDArray[np.float32]:
        """The *scores* as they are."""
        return scores

    def targets(self, name: str, n_events: int, truth: Tensors) -> NDArray[np.float32]:
        """What the network is to answer for *n_events* events of class *name*: one-hot, shape (n_events, n_classes)."""
        row = np.array([key == name for key in self.classes], dtype=np.float32)
        return np.broadcast_to(row, (n_events, len(row)))

    def counts_for(self, analysis: Analysis, dataset: str, quantum: Quantum) -> ScoreCounts:
        """What is counted of the scores of *dataset*, empty."""
        # Here, because it compiles with numba, and every start of Snakemake reads this module.
        from pipeline.tasks.score_counts import ScoreCounts

        return ScoreCounts.for_dataset(analysis, dataset, quantum)

    def entries_of(
        self,
        analysis: Analysis,
        dataset: str,
        quantum: Quantum,
        *,
        unseen: Mapping[str, NDArray[np.float32]],
        seen: Mapping[str, Seen],
        weights: NDArray[np.float64],
        keys: NDArray[np.uint64],
        truth: Tensors,
        observables: Mapping[str, Any],
    ) -> ScoreEntries:
        """What one chunk of *dataset* adds to what is counted: see `score_entries.ScoreEntries.of`.

        The *truth* is not asked for: the class is that of the dataset.
        """
        from pipeline.tasks.score_entries import ScoredBy, ScoreEntries  # here for the same reason

        name = self.class_of(analysis.datasets[dataset].process) if dataset in analysis.trained_datasets() else None
        true_class = None if name is None else self.outputs.names.index(name)
        by = ScoredBy.of_dataset(analysis, dataset, quantum)
        return ScoreEntries.of(by, unseen, seen, weights=weights, keys=keys, true_class=true_class, observables=observables)

    def evaluate(self, analysis: Analysis, folder: Path, scales: Mapping[str, float]) -> TaskProducts:
        """The results of all models, from the counts of every dataset in *folder*.

        Args:
            analysis: whole.
            folder: with `<dataset>.npz` of every dataset (`score_counts.ScoreCounts`).
            scales: factor from weights to events at the analysis' luminosity, by dataset.
        """
        from pipeline.tasks.classification_results import evaluate  # here for the same reason

        return evaluate(analysis, folder, scales)
