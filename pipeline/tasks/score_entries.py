"""What the scores of one chunk of events add: bins and weights, small enough to travel, without any table of replicas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError, nearest
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.hashing import salted, uniform
from pipeline.statistics.histogram import HistogramAxis
from pipeline.tasks.against import edges_of, inside, one_number
from pipeline.tasks.discriminant import N_BINS, discriminant, logit_bins, probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.statistics.sums import Quantum

SCORE_BINS = 50
# The overtraining test compares distributions in bins of 0.064 in the logit, wide enough to keep its tables small.
BINS_IN_ONE = 4
COMPARED_BINS = N_BINS // BINS_IN_ONE
# One model's rows in the table of replicas: bins of the test scores, one for right answers, then of the events that are
# compared bins of the scores by a model that was trained on them, and by the one that was not.
CORRECT = N_BINS
SEEN = CORRECT + 1
UNSEEN = SEEN + COMPARED_BINS
ROWS = UNSEEN + COMPARED_BINS
# Behind these, for each bin that curves are drawn against, the test scores in bins as wide as those of the comparison.
CURVE_BINS = COMPARED_BINS
# The part of the training events that is scored a second time, by a model that was trained on them. Both scores are of the
# same events, so that their fluctuations cancel: with a quarter, the difference of the two areas under the curve is known
# about as well as the area itself (0.0013 and 0.0010 for trees and 26,000 events), at a fifth more inference.
COMPARED_PART = 0.25


@dataclass(frozen=True, slots=True)
class ScoredBy:
    """What the counts of two chunks must have in common.

    Args:
        dataset: its name.
        models: their names.
        classes: the outputs of each model, in order.
        signal: the class whose probability is the discriminant.
        quantum: unit of the weights.
        against: observables that curves are drawn against, with their edges.
    """

    dataset: str
    models: tuple[str, ...]
    classes: tuple[str, ...]
    signal: str
    quantum: Quantum
    against: tuple[tuple[str, tuple[float, ...]], ...] = ()

    @classmethod
    def of_dataset(cls, analysis: Analysis, dataset: str, quantum: Quantum) -> ScoredBy:
        """For *dataset* with the models of *analysis*."""
        against = tuple((name, tuple(edges_of(binned).tolist())) for name, binned in analysis.task.against.items())
        return cls(dataset, tuple(analysis.models), tuple(analysis.task.classes), analysis.task.signal, quantum, against)

    @property
    def n_cells(self) -> int:
        """Bins of all observables together."""
        return sum(len(edges) - 1 for _, edges in self.against)

    @property
    def n_rows(self) -> int:
        """Rows of one model in the table of replicas."""
        return ROWS + self.n_cells * CURVE_BINS


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Scores by a model of events that it was trained on.

    Args:
        rows: which events of the chunk, shape (n,).
        scores: probabilities, shape (n, n_classes).
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ScoreEntries:
    """One chunk of scored events.

    Args:
        by: dataset, models and classes.
        rows: of each event, those of the table of replicas, shape (n_events, n); -1 for none.
        bins: of the test score of each model, shape (n_models, n_events).
        cells: of each observable, counted through all of them, shape (n_observables, n_events); -1 for none.
        weights: in quanta, shape (n_events,).
        squares: squared weights in squared quanta, shape (n_events,).
        keys: hash of each event's name and of its dataset, shape (n_events,).
        test: histograms of the scores by models that have not seen the event.
        train: histograms of the scores by models that have.
    """

    by: ScoredBy
    rows: NDArray[np.int32]
    bins: NDArray[np.int32]
    cells: NDArray[np.int32]
    weights: NDArray[np.int64]
    squares: NDArray[np.int64]
    keys: NDArray[np.uint64]
    test: DatasetHistograms
    train: DatasetHistograms

    @classmethod
    def of(
        cls,
        by: ScoredBy,
        test: Mapping[str, NDArray[np.float32]],
        seen: Mapping[str, Seen],
        *,
        weights: NDArray[np.float64],
        keys: NDArray[np.uint64],
        true_class: int | None,
        observables: Mapping[str, Any] | None = None,
    ) -> ScoreEntries:
        """From the scores of one chunk of selected events.

        Args:
            by: dataset, models and classes.
            test: probabilities by model, from the fold that has not seen the event, shape (n_events, n_classes).
            seen: the same of some events from a fold that was trained on them; empty where that is not wanted.
            weights: event weights, shape (n_events,).
            keys: hash of each event's name, shape (n_events,).
            true_class: place of the dataset's class among the outputs; None for data and for what is not trained.
            observables: what may be histogrammed, for what curves are drawn against.

        Raises:
            InputError: a model is missing, or its scores are not probabilities of the right shape; or there is no such
                observable.
        """
        tested = _checked(by, test, [len(weights)] * len(by.models))
        compared = [seen[model] for model in by.models] if seen else []
        learned = _checked(by, {model: one.scores for model, one in seen.items()}, [len(one.rows) for one in compared])
        bins = _bins(by, tested)
        rows = [first + places for first, places in zip(first_rows(by), bins, strict=True)]
        if true_class is not None:
            hits = _hits(tested, true_class)
            rows += [np.where(hit, first + CORRECT, -1) for first, hit in zip(first_rows(by), hits, strict=True)]
        cells = _cells(by, observables or {}, len(weights))
        for first, places in zip(first_rows(by), bins, strict=True):
            rows += [_row_in(first + ROWS, of_axis, places) for of_axis in cells]
        for first, places, one, answers in zip(first_rows(by), bins, compared, _bins(by, learned), strict=False):
            rows += [_some(len(weights), one.rows, first + SEEN + answers // BINS_IN_ONE)]
            rows += [_some(len(weights), one.rows, first + UNSEEN + places[one.rows] // BINS_IN_ONE)]
        return cls(
            by,
            np.stack(rows, axis=1).astype(np.int32),
            np.stack(bins).astype(np.int32),
            cells,
            by.quantum.counts(weights),
            by.quantum.square_counts(weights),
            # Events of two datasets often have the same name, but must fluctuate independently.
            salted(keys, f"dataset {by.dataset}"),
            _filled(by, "", tested, [weights] * len(tested)),
            _filled(by, "_train", learned, [weights[one.rows] for one in compared]),
        )


def first_rows(by: ScoredBy) -> range:
    """Where each model's rows begin in the table of replicas."""
    return range(0, len(by.models) * by.n_rows, by.n_rows)


def is_compared(keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which events are scored by a model that was trained on them, too, shape (n_events,): drawn from the event's name."""
    return uniform(salted(keys, "overtraining")) < COMPARED_PART


def _checked(by: ScoredBy, scores: Mapping[str, Any], n_events: list[int]) -> list[NDArray[np.float64]]:
    """The probabilities of each model, in the models' order; nothing of nothing."""
    if not n_events:
        return []
    missing = [model for model in by.models if model not in scores]
    if missing:
        raise InputError(f"No scores of model {missing[0]!r}. {nearest(missing[0], scores)} Run `score` again.")
    return [
        probabilities(scores[model], (n, len(by.classes)), f"model {model!r} on {by.dataset}")
        for model, n in zip(by.models, n_events, strict=True)
    ]


def _bins(by: ScoredBy, scores: list[NDArray[np.float64]]) -> list[NDArray[np.int64]]:
    return [logit_bins(one, by.classes.index(by.signal)) for one in scores]


def _hits(scores: list[NDArray[np.float64]], true_class: int) -> list[NDArray[np.bool_]]:
    """Which events have their own class as the most probable one; a tie goes to the first class."""
    return [one.argmax(axis=1) == true_class for one in scores]


def _cells(by: ScoredBy, observables: Mapping[str, Any], n_events: int) -> NDArray[np.int32]:
    """The bin of each event, counted through all observables, shape (n_observables, n_events); -1 for none."""
    cells, first = np.full((len(by.against), n_events), -1, dtype=np.int32), 0
    for place, (name, edges) in enumerate(by.against):
        bins = inside(one_number(name, observables), np.array(edges))
        cells[place] = np.where(bins >= 0, first + bins, -1)
        first += len(edges) - 1
    return cells


def _row_in(first: int, cells: NDArray[np.int32], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the bins *places* of a score in *cells*, from the row *first* on; -1 where there is no cell."""
    return np.where(cells >= 0, first + curve_places(cells, places), -1)


def curve_places(cells: NDArray[np.int32], places: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where the bins *places* of a score stand among those of all *cells*, same shape."""
    return cells.astype(np.int64) * CURVE_BINS + places // BINS_IN_ONE


def _some(n_events: int, rows: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """*values* for the events *rows*, and -1 for all others, shape (n_events,)."""
    column = np.full(n_events, -1, dtype=np.int64)
    column[rows] = values
    return column


def _filled(
    by: ScoredBy, suffix: str, scores: list[NDArray[np.float64]], weights: list[NDArray[np.float64]]
) -> DatasetHistograms:
    histograms = score_histograms(by, suffix)
    signal = by.classes.index(by.signal)
    for histogram, one, of_events in zip(histograms.histograms.values(), scores, weights, strict=False):
        histogram.fill(discriminant(one, signal), of_events)
    return histograms


def score_histograms(by: ScoredBy, suffix: str = "") -> DatasetHistograms:
    """One of the score of each model, `<model>_score<suffix>`, empty."""
    axes = {f"{model}_score{suffix}": _score_axis(model) for model in by.models}
    return DatasetHistograms.for_axes(axes, by.quantum)


def _score_axis(model: str) -> HistogramAxis:
    return HistogramAxis(f"{model}_score", f"{model} score", regular=True, numbers=(float(SCORE_BINS), 0.0, 1.0))
