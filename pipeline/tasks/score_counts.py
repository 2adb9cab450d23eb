"""What is kept of the scores of one dataset: counts that give ROC curves, accuracies and their errors, and add exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError, nearest
from pipeline.statistics.bootstrap import ReplicaCounts
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.hashing import salted
from pipeline.statistics.histogram import HistogramAxis
from pipeline.statistics.npz import joined, load_arrays, save_arrays, split
from pipeline.statistics.sums import Quantum, bincount_exact
from pipeline.tasks.discriminant import N_BINS, discriminant, logit_bins, probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Analysis

SCORE_BINS = 50
# One model's rows in the table of replicas: bins of the test scores, one for right answers, bins of the train scores.
CORRECT = N_BINS
TRAIN = N_BINS + 1
ROWS = 2 * N_BINS + 1


@dataclass(frozen=True, slots=True)
class ScoredBy:
    """What the counts of two chunks must have in common.

    Args:
        dataset: its name.
        models: their names.
        classes: the outputs of each model, in order.
        signal: the class whose probability is the discriminant.
        quantum: unit of the weights.
    """

    dataset: str
    models: tuple[str, ...]
    classes: tuple[str, ...]
    signal: str
    quantum: Quantum


@dataclass(slots=True, eq=False)
class ScoreCounts:
    """Counts of the scores of one dataset, of all models; merge two chunks with `+`.

    Args:
        by: dataset, models and classes.
        replicas: sums of weights of the nominal events and of each replica, shape (n_models * ROWS, 1 + n_replicas).
        test_sumw2: sums of squared weights in bins of the test scores, in squared quanta, shape (n_models, N_BINS).
        test: histograms `<model>_score` of the scores by models that have not seen the event.
        train: histograms `<model>_score_train` of the scores by models that have.
    """

    by: ScoredBy
    replicas: ReplicaCounts
    test_sumw2: NDArray[np.int64]
    test: DatasetHistograms
    train: DatasetHistograms

    @classmethod
    def empty(cls, by: ScoredBy, *, n_replicas: int, seed: int) -> ScoreCounts:
        """Without events."""
        axes = {f"{model}_score": _score_axis(model) for model in by.models}
        return cls(
            by,
            ReplicaCounts.empty(len(by.models) * ROWS, n_replicas, seed),
            np.zeros((len(by.models), N_BINS), dtype=np.int64),
            DatasetHistograms.for_axes(axes, by.quantum),
            DatasetHistograms.for_axes({f"{name}_train": axis for name, axis in axes.items()}, by.quantum),
        )

    @classmethod
    def for_dataset(cls, analysis: Analysis, dataset: str, quantum: Quantum) -> ScoreCounts:
        """Empty, for *dataset* of *analysis*; with replicas where the dataset belongs to a class."""
        by = ScoredBy(dataset, tuple(analysis.models), tuple(analysis.task.classes), analysis.task.signal, quantum)
        n_replicas = analysis.bootstrap_replicas if dataset in analysis.trained_datasets() else 0
        return cls.empty(by, n_replicas=n_replicas, seed=analysis.seed)

    @property
    def n_test(self) -> int:
        """Number of events, unweighted."""
        return self.test.totals.n_events

    def fill(
        self,
        test: Mapping[str, NDArray[np.float32]],
        train: Mapping[str, NDArray[np.float32]],
        weights: NDArray[np.float64],
        keys: NDArray[np.uint64],
        true_class: int | None,
    ) -> None:
        """Add one chunk of selected events.

        Args:
            test: probabilities by model, from the fold that has not seen the event, shape (n_events, n_classes).
            train: the same from a fold that has trained on it; empty where that is not wanted.
            weights: event weights, shape (n_events,).
            keys: hash of each event's name, shape (n_events,).
            true_class: place of the dataset's class among the outputs; None for data and for what is not trained.

        Raises:
            InputError: a model is missing, or its scores are not probabilities of the right shape.
        """
        tested = self._checked(test, len(weights))
        trained = self._checked(train, len(weights)) if train else []
        bins = [self._bins(scores) for scores in tested]
        rows = [first + place for first, place in zip(self._first_rows(), bins, strict=True)]
        if true_class is not None:
            rows += [
                np.where(scores.argmax(axis=1) == true_class, first + CORRECT, -1)  # a tie goes to the first class
                for first, scores in zip(self._first_rows(), tested, strict=True)
            ]
        rows += [first + TRAIN + self._bins(scores) for first, scores in zip(self._first_rows(), trained, strict=False)]
        # Events of two datasets often have the same name, but must fluctuate independently.
        own_keys = salted(keys, f"dataset {self.by.dataset}")
        self.replicas.fill(np.stack(rows, axis=1), self.by.quantum.counts(weights), own_keys)
        squares = self.by.quantum.squared.counts(np.asarray(weights, dtype=np.float64) ** 2)
        for sumw2, place in zip(self.test_sumw2, bins, strict=True):
            sumw2 += bincount_exact(place, squares, N_BINS)
        self.test.fill(self._observables(tested), weights)
        if trained:
            self.train.fill(self._observables(trained), weights)

    def test_counts(self, model: str) -> NDArray[np.int64]:
        """Sums of weights in bins of the logit, in quanta, shape (N_BINS, 1 + n_replicas)."""
        return self._block(model)[:N_BINS]

    def train_counts(self, model: str) -> NDArray[np.int64]:
        """The same of the scores by models that have seen the event."""
        return self._block(model)[TRAIN:]

    def correct_counts(self, model: str) -> NDArray[np.int64]:
        """Sums of weights of events whose most probable class is the true one, in quanta, shape (1 + n_replicas,)."""
        return np.asarray(self._block(model)[CORRECT], dtype=np.int64)

    def sumw2_counts(self, model: str) -> NDArray[np.int64]:
        """Sums of squared weights in bins of the test scores' logit, in squared quanta, shape (N_BINS,)."""
        sumw2: NDArray[np.int64] = self.test_sumw2[self.by.models.index(model)]
        return sumw2

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        if self.by != other.by:
            raise ValueError(f"scores differ: {self.by} and {other.by}")
        return ScoreCounts(
            self.by,
            self.replicas + other.replicas,
            self.test_sumw2 + other.test_sumw2,
            self.test + other.test,
            self.train + other.train,
        )

    def save(self, path: str | Path) -> None:
        """Write to *path*, an `.npz`."""
        own: dict[str, NDArray[Any]] = {
            "dataset": np.array(self.by.dataset),
            "models": np.array(self.by.models),
            "classes": np.array(self.by.classes),
            "signal": np.array(self.by.signal),
            "quantum": np.array(self.by.quantum.exponent),
            "seed": np.array(self.replicas.seed),
            "replicas": self.replicas.counts,
            "test_sumw2": self.test_sumw2,
        }
        save_arrays(path, joined({"own": own, "test": self.test.to_arrays(), "train": self.train.to_arrays()}))

    @classmethod
    def load(cls, path: str | Path) -> ScoreCounts:
        """The inverse of `save`.

        Raises:
            InputError: the file is missing, or no `.npz` of this kind.
        """
        arrays = load_arrays(path)
        own = split(arrays, "own/")
        if "replicas" not in own:
            raise InputError(f"{path} holds no counts of scores. Expected those of `score`. Delete it and run `score`.")
        by = ScoredBy(
            dataset=str(own["dataset"]),
            models=tuple(own["models"].tolist()),
            classes=tuple(own["classes"].tolist()),
            signal=str(own["signal"]),
            quantum=Quantum(int(own["quantum"])),
        )
        histograms = (DatasetHistograms.from_arrays(split(arrays, f"{sample}/")) for sample in ("test", "train"))
        return cls(by, ReplicaCounts(own["replicas"], int(own["seed"])), own["test_sumw2"], *histograms)

    def _first_rows(self) -> range:
        """Where each model's rows begin in the table of replicas."""
        return range(0, len(self.by.models) * ROWS, ROWS)

    def _block(self, model: str) -> NDArray[np.int64]:
        first = self._first_rows()[self.by.models.index(model)]
        block: NDArray[np.int64] = self.replicas.counts[first : first + ROWS]
        return block

    def _checked(self, scores: Mapping[str, Any], n_events: int) -> list[NDArray[np.float64]]:
        """The probabilities of each model, in the models' order."""
        missing = [model for model in self.by.models if model not in scores]
        if missing:
            raise InputError(f"No scores of model {missing[0]!r}. {nearest(missing[0], scores)} Run `score` again.")
        shape = (n_events, len(self.by.classes))
        return [probabilities(scores[model], shape, f"model {model!r} on {self.by.dataset}") for model in self.by.models]

    def _bins(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        return logit_bins(scores, self.by.classes.index(self.by.signal))

    def _observables(self, scores: list[NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        signal = self.by.classes.index(self.by.signal)
        return {f"{model}_score": discriminant(array, signal) for model, array in zip(self.by.models, scores, strict=True)}


def _score_axis(model: str) -> HistogramAxis:
    return HistogramAxis(f"{model}_score", f"{model} score", regular=True, numbers=(float(SCORE_BINS), 0.0, 1.0))
