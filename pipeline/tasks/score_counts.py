"""What is kept of the scores of one dataset: counts that give ROC curves, accuracies and their errors, and add exactly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError
from pipeline.statistics.bootstrap import ReplicaCounts
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.npz import joined, load_arrays, save_arrays, split
from pipeline.statistics.sums import Quantum, bincount_exact
from pipeline.tasks.discriminant import N_BINS
from pipeline.tasks.score_entries import (
    CORRECT,
    CURVE_BINS,
    ROWS,
    SEEN,
    UNSEEN,
    ScoredBy,
    ScoreEntries,
    Seen,
    curve_places,
    first_rows,
    score_histograms,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Analysis


@dataclass(slots=True, eq=False)
class ScoreCounts:
    """Counts of the scores of one dataset, of all models; add a chunk with `add`, or the counts of other chunks with `+`.

    Args:
        by: dataset, models and classes.
        replicas: sums of weights of the nominal events and of each replica, shape (n_models * by.n_rows, 1 + n_replicas).
        test_sumw2: sums of squared weights in bins of the test scores, in squared quanta, shape (n_models, N_BINS).
        curve_sumw2: the same in the bins of curves, shape (n_models, by.n_cells * CURVE_BINS).
        test: histograms `<model>_score` of the scores by models that have not seen the event.
        train: histograms `<model>_score_train` of those events that are scored by a model that has seen them as well.
    """

    by: ScoredBy
    replicas: ReplicaCounts
    test_sumw2: NDArray[np.int64]
    curve_sumw2: NDArray[np.int64]
    test: DatasetHistograms
    train: DatasetHistograms

    @classmethod
    def empty(cls, by: ScoredBy, *, n_replicas: int, seed: int) -> ScoreCounts:
        """Without events."""
        return cls(
            by,
            ReplicaCounts.empty(len(by.models) * by.n_rows, n_replicas, seed),
            np.zeros((len(by.models), N_BINS), dtype=np.int64),
            np.zeros((len(by.models), by.n_cells * CURVE_BINS), dtype=np.int64),
            score_histograms(by),
            score_histograms(by, "_train"),
        )

    @classmethod
    def for_dataset(cls, analysis: Analysis, dataset: str, quantum: Quantum) -> ScoreCounts:
        """Empty, for *dataset* of *analysis*; with replicas where the dataset belongs to a class."""
        by = ScoredBy.of_dataset(analysis, dataset, quantum)
        n_replicas = analysis.bootstrap_replicas if dataset in analysis.trained_datasets() else 0
        return cls.empty(by, n_replicas=n_replicas, seed=analysis.seed)

    @property
    def n_test(self) -> int:
        """Number of events, unweighted."""
        return int(next(iter(self.test.histograms.values())).count.sum())

    @property
    def is_compared(self) -> bool:
        """Whether any events were scored by a model that has seen them."""
        return any(histogram.count.any() for histogram in self.train.histograms.values())

    def add(self, entries: ScoreEntries) -> None:
        """Add one chunk of selected events."""
        if self.by != entries.by:
            raise ValueError(f"scores differ: {self.by} and {entries.by}")
        self.replicas.fill(entries.rows, entries.weights, entries.keys)
        for sumw2, places in zip(self.test_sumw2, entries.bins, strict=True):
            sumw2 += bincount_exact(places, entries.squares, N_BINS)
        for sumw2, places in zip(self.curve_sumw2, entries.bins, strict=True):
            for cells in entries.cells:
                known = cells >= 0
                sumw2 += bincount_exact(curve_places(cells, places)[known], entries.squares[known], len(sumw2))
        self.test += entries.test
        self.train += entries.train

    def fill(
        self,
        test: Mapping[str, NDArray[np.float32]],
        seen: Mapping[str, Seen],
        weights: NDArray[np.float64],
        keys: NDArray[np.uint64],
        true_class: int | None,
        observables: Mapping[str, Any] | None = None,
    ) -> None:
        """Add one chunk of selected events; the arguments and errors are those of `ScoreEntries.of`."""
        self.add(
            ScoreEntries.of(self.by, test, seen, weights=weights, keys=keys, true_class=true_class, observables=observables)
        )

    def test_counts(self, model: str) -> NDArray[np.int64]:
        """Sums of weights in bins of the logit, in quanta, shape (N_BINS, 1 + n_replicas)."""
        return self._block(model)[:N_BINS]

    def seen_counts(self, model: str) -> NDArray[np.int64]:
        """The same of the events that are compared, by a model that has seen them, shape (COMPARED_BINS, 1 + n_replicas)."""
        return self._block(model)[SEEN:UNSEEN]

    def unseen_counts(self, model: str) -> NDArray[np.int64]:
        """The same of the same events, by the model that has not seen them."""
        return self._block(model)[UNSEEN:ROWS]

    def curve_counts(self, model: str) -> NDArray[np.int64]:
        """The same of the test scores in each bin of curves, shape (n_cells, CURVE_BINS, 1 + n_replicas)."""
        block = self._block(model)[ROWS:]
        return block.reshape(self.by.n_cells, CURVE_BINS, block.shape[1])

    def curve_sumw2_counts(self, model: str) -> NDArray[np.int64]:
        """Sums of squared weights in the same bins, in squared quanta, shape (n_cells, CURVE_BINS)."""
        sumw2: NDArray[np.int64] = self.curve_sumw2[self.by.models.index(model)]
        return sumw2.reshape(self.by.n_cells, CURVE_BINS)

    def compared_sumw2(self, model: str) -> int:
        """Sum of squared weights of the events that are compared, in squared quanta."""
        return int(self.train.histograms[f"{model}_score_train"].sumw2.sum())

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
            self.curve_sumw2 + other.curve_sumw2,
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
            "against": np.array(json.dumps(self.by.against)),
            "curve_sumw2": self.curve_sumw2,
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
        if not {"replicas", "curve_sumw2"} <= set(own):
            raise InputError(f"{path} holds no counts of scores. Expected those of `score`. Delete it and run `score`.")
        by = ScoredBy(
            dataset=str(own["dataset"]),
            models=tuple(own["models"].tolist()),
            classes=tuple(own["classes"].tolist()),
            signal=str(own["signal"]),
            quantum=Quantum(int(own["quantum"])),
            against=tuple((name, tuple(edges)) for name, edges in json.loads(str(own["against"]))),
        )
        histograms = (DatasetHistograms.from_arrays(split(arrays, f"{sample}/")) for sample in ("test", "train"))
        replicas = ReplicaCounts(own["replicas"], int(own["seed"]))
        return cls(by, replicas, own["test_sumw2"], own["curve_sumw2"], *histograms)

    def _block(self, model: str) -> NDArray[np.int64]:
        first = first_rows(self.by)[self.by.models.index(model)]
        block: NDArray[np.int64] = self.replicas.counts[first : first + self.by.n_rows]
        return block
