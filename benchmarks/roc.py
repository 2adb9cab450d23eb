"""A ROC curve with 100 bootstrap replicas from a stream of scores, against 2 million events a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.ratio import REPEATS, Ratio, timed
from pipeline.statistics.hashing import mix64
from pipeline.statistics.roc import RocCurve
from pipeline.statistics.sums import Quantum
from pipeline.tasks.discriminant import THRESHOLDS
from pipeline.tasks.score_counts import ScoreCounts
from pipeline.tasks.score_entries import ScoredBy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.setting import Setting

EVENTS_PER_SECOND = 2e6
GOAL = 1.0
N_REPLICAS = 100
CHUNK = 50_000
# What binning the score may change of the area.
TOLERANCE = 1e-4
CLASSES = ("bkg", "sig")
QUANTUM = Quantum.of_typical_weight(1.0)


@dataclass(frozen=True, slots=True)
class Scored:
    """Events of one class: probabilities of `CLASSES`, shape (n_events, 2), weights and hashes, shape (n_events,)."""

    scores: NDArray[np.float32]
    weights: NDArray[np.float64]
    keys: NDArray[np.uint64]

    @classmethod
    def drawn(cls, n_events: int, *, mean: float, seed: int) -> Scored:
        """With normal logits around *mean*, and some negative weights."""
        rng = np.random.default_rng(seed)
        odds = np.exp(rng.normal(mean, 1.5, n_events))
        scores = np.stack((1 / (1 + odds), odds / (1 + odds)), axis=1).astype(np.float32)
        weights = rng.choice([1.0, 2.0, -0.5], n_events, p=[0.6, 0.3, 0.1])
        return cls(scores, weights, mix64(np.arange(n_events) + (seed << 32)))


def run(setting: Setting) -> Ratio:
    """As many made events as the sample has, half of them signal; the area must be that of the sorted scores."""
    n_events = setting.n_events // 2
    events = tuple(Scored.drawn(n_events, mean=mean, seed=seed) for seed, mean in enumerate((-1.0, 1.0)))
    difference = abs(area(*events) - exact_area(*events))
    if not difference < TOLERANCE:
        raise AssertionError(f"the area differs by {difference:g} from that of the sorted scores")
    seconds = [timed(lambda: area(*events))[0] for _ in range(REPEATS)]
    ratios = [2 * n_events / one / EVENTS_PER_SECOND for one in seconds]
    return Ratio.of(f"ROC with {N_REPLICAS} replicas, against 2 M events/s", ratios, goal=GOAL)


def area(bkg: Scored, sig: Scored) -> float:
    """Area under the curve, by the pipeline."""
    counted = [counts(events, place) for place, events in enumerate((bkg, sig))]
    b, s = (np.float64(QUANTUM.value) * one.test_counts("m") for one in counted)
    sumw2 = np.float64(QUANTUM.squared.value) * counted[0].sumw2_counts("m")
    return float(RocCurve.from_counts(THRESHOLDS, s, b, bkg_sumw2=sumw2).auc_replicas[0])


def counts(events: Scored, true_class: int) -> ScoreCounts:
    """What the stage `score` counts of the scores of one model, chunk by chunk."""
    by = ScoredBy(CLASSES[true_class], ("m",), CLASSES, CLASSES[1], QUANTUM)
    total = ScoreCounts.empty(by, n_replicas=N_REPLICAS, seed=1)
    for start in range(0, len(events.keys), CHUNK):
        part = slice(start, start + CHUNK)
        total.fill({"m": events.scores[part]}, {}, events.weights[part], events.keys[part], true_class)
    return total


def exact_area(bkg: Scored, sig: Scored) -> float:
    """The area from sorted scores: for each signal event the background below it, where a tie counts half."""
    order = np.argsort(bkg.scores[:, 1], kind="stable")
    below = np.concatenate([[0.0], np.cumsum(bkg.weights[order])])
    rising = bkg.scores[order, 1]
    left, right = (below[np.searchsorted(rising, sig.scores[:, 1], side=side)] for side in ("left", "right"))
    return float((sig.weights * (left + right) / 2).sum() / (sig.weights.sum() * below[-1]))
