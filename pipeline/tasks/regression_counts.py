"""What is kept of the answers on one dataset: counts that give residuals, efficiencies and their errors, and add exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError
from pipeline.statistics.bootstrap import ReplicaCounts
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.npz import joined, load_arrays, save_arrays, split
from pipeline.statistics.sums import Quantum, bincount_exact
from pipeline.tasks.regression_entries import answer_histograms
from pipeline.tasks.regression_layout import JOINED, N_CURVE_BINS, CountedBy
from pipeline.tasks.residuals import N_BINS, NO_BIN

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.tasks.regression_entries import RegressionEntries

# Events whose rows are worked out at once: some hundred integers for each.
EVENTS_AT_ONCE = 4096


@dataclass(slots=True, eq=False)
class RegressionCounts:
    """Counts of the answers on one dataset, of all models; add a chunk with `add`, or the counts of other chunks with `+`.

    Args:
        by: dataset, models and task.
        replicas: sums of weights of the nominal events and of each replica, shape (layout.n_rows, 1 + n_replicas).
        sumw: response matrices, in quanta, shape (n_models, n_classes, layout.n_matrices).
        sumw2: the same of squared weights, in squared quanta.
        histograms: of answers, truth and residuals.
        n_events: events that were counted, in each class, shape (n_classes,).
    """

    by: CountedBy
    replicas: ReplicaCounts
    sumw: NDArray[np.int64]
    sumw2: NDArray[np.int64]
    histograms: DatasetHistograms
    n_events: NDArray[np.int64]

    @classmethod
    def empty(cls, by: CountedBy, *, n_replicas: int, seed: int) -> RegressionCounts:
        """Without events."""
        layout = by.layout
        shape = (len(by.models), len(layout.classes), layout.n_matrices)
        replicas = ReplicaCounts.empty(layout.n_rows, n_replicas, seed)
        counts = (np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64))
        return cls(by, replicas, *counts, answer_histograms(by), np.zeros(len(layout.classes), dtype=np.int64))

    @classmethod
    def for_dataset(cls, analysis: Analysis, dataset: str, quantum: Quantum) -> RegressionCounts:
        """Empty, for *dataset* of *analysis*; with replicas where its truth is known."""
        n_replicas = analysis.bootstrap_replicas if dataset in analysis.trained_datasets() else 0
        return cls.empty(CountedBy.of_dataset(analysis, dataset, quantum), n_replicas=n_replicas, seed=analysis.seed)

    def add(self, entries: RegressionEntries) -> None:
        """Add one chunk of selected events."""
        self._check_same(entries.by)
        for start in range(0, len(entries.keys), EVENTS_AT_ONCE):
            some = slice(start, start + EVENTS_AT_ONCE)
            self.replicas.fill(rows_of(entries, some), entries.weights[some], entries.keys[some])
        self._add_matrices(entries)
        self.histograms += entries.histograms
        self.n_events += np.bincount(entries.classes[entries.classes >= 0], minlength=len(self.n_events))

    def _add_matrices(self, entries: RegressionEntries) -> None:
        n_matrices = self.by.layout.n_matrices
        for event_class in range(len(self.n_events)):
            chosen = entries.classes == event_class
            for model, bins in enumerate(entries.matrices):
                for of_response in bins:
                    kept = chosen & (of_response >= 0)
                    places = of_response[kept].astype(np.int64)
                    self.sumw[model, event_class] += bincount_exact(places, entries.weights[kept], n_matrices)
                    self.sumw2[model, event_class] += bincount_exact(places, entries.squares[kept], n_matrices)

    def __add__(self, other: RegressionCounts) -> RegressionCounts:
        self._check_same(other.by)
        return RegressionCounts(
            self.by,
            self.replicas + other.replicas,
            self.sumw + other.sumw,
            self.sumw2 + other.sumw2,
            self.histograms + other.histograms,
            self.n_events + other.n_events,
        )

    def _check_same(self, by: CountedBy) -> None:
        if self.by != by:
            raise ValueError(f"answers differ: {self.by} and {by}")

    # What the stage `score` writes as the histograms of a dataset.
    @property
    def test(self) -> DatasetHistograms:
        """Histograms of answers by models that have not seen the event."""
        return self.histograms

    @property
    def train(self) -> DatasetHistograms:
        """Of events that the models have seen: none."""
        return DatasetHistograms(self.by.quantum, {})

    def save(self, path: str | Path) -> None:
        """Write to *path*, an `.npz`."""
        own: dict[str, NDArray[Any]] = {
            "dataset": np.array(self.by.dataset),
            "models": np.array(self.by.models, dtype=np.str_),
            "task": np.array(self.by.task),
            "quantum": np.array(self.by.quantum.exponent),
            "seed": np.array(self.replicas.seed),
            "replicas": self.replicas.counts,
            "sumw": self.sumw,
            "sumw2": self.sumw2,
            "n_events": self.n_events,
        }
        save_arrays(path, joined({"regression": own, "histograms": self.histograms.to_arrays()}))

    @classmethod
    def load(cls, path: str | Path) -> RegressionCounts:
        """The inverse of `save`.

        Raises:
            InputError: the file is missing, or no `.npz` of this kind.
        """
        arrays = load_arrays(path)
        own = split(arrays, "regression/")
        if "replicas" not in own:
            raise InputError(
                f"{path} holds no counts of a regression. Expected those of `score`. Delete it and run `score`."
            )
        by = CountedBy(str(own["dataset"]), tuple(own["models"].tolist()), str(own["task"]), Quantum(int(own["quantum"])))
        histograms = DatasetHistograms.from_arrays(split(arrays, "histograms/"))
        replicas = ReplicaCounts(own["replicas"], int(own["seed"]))
        return cls(by, replicas, own["sumw"], own["sumw2"], histograms, own["n_events"])


def rows_of(entries: RegressionEntries, some: slice) -> NDArray[np.int64]:
    """The rows of the table of replicas that each event adds to, shape (n_events, n_rows_an_event); -1 for none."""
    classes = entries.classes[some].astype(np.int64)
    cells = _cells(entries, some)
    findable = entries.findable[:, some]
    rows = [_targets(entries, cells, findable, entries.by.layout.first_total + classes * entries.by.layout.n_targets)]
    for model in range(len(entries.by.models)):
        rows += _of_model(entries, model, some, cells, classes)
    table = np.concatenate([one for one in rows if len(one)]).T
    return np.where(classes[:, np.newaxis] >= 0, table, -1)


def _of_model(
    entries: RegressionEntries, model: int, some: slice, cells: NDArray[np.int64], classes: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Rows of residuals, of curves, of what was found, each of shape (n, n_events)."""
    layout = entries.by.layout
    first = layout.first(model, classes)
    bins = entries.residuals[model, :, some].astype(np.int64)
    has_bin = bins != NO_BIN
    quantity = np.arange(len(bins))[:, np.newaxis]
    residuals = np.where(has_bin, first + quantity * N_BINS + bins, -1)
    joined_bins = np.where(bins == N_BINS - 1, N_CURVE_BINS - 1, (bins + JOINED - 1) // JOINED)
    curves = [
        np.where(
            has_bin[drawn] & (cells[:, body] >= 0),
            first + layout.n_residuals + (body * layout.n_cells + cells[:, body]) * N_CURVE_BINS + joined_bins[drawn],
            -1,
        )
        for body, drawn in enumerate(layout.drawn)
    ]
    found = entries.found[model, :, some] & entries.findable[:, some]
    return [residuals, *curves, _targets(entries, cells, found, first + layout.n_residuals + layout.n_curves)]


def _targets(
    entries: RegressionEntries, cells: NDArray[np.int64], is_counted: NDArray[np.bool_], first: Any
) -> NDArray[np.int64]:
    """Rows of what was, or could be, found: of all events, and of the cells that the event is in; shape (n, n_events)."""
    layout, rows = entries.by.layout, []
    for place, counted in enumerate(is_counted):
        # What belongs to no body has the cells behind theirs.
        body = place if place < len(layout.task.objects) else len(layout.bodies)
        start = first + place * (1 + layout.n_cells)
        rows.append(np.where(counted, start, -1)[np.newaxis])
        rows.append(np.where(counted & (cells[:, body] >= 0), start + 1 + cells[:, body], -1))
    return np.concatenate(rows) if rows else np.zeros((0, is_counted.shape[1]), dtype=np.int64)


def _cells(entries: RegressionEntries, some: slice) -> NDArray[np.int64]:
    """Cell of each event on each axis, for each body, shape (n_axes, n_bodies + 1, n_events); -1 for none."""
    layout = entries.by.layout
    starts = np.array([place.start for place in layout.axis_bins.values()], dtype=np.int64).reshape(-1, 1, 1)
    bins = entries.cells[:, :, some].astype(np.int64)
    return np.where(bins >= 0, starts + bins, -1)
