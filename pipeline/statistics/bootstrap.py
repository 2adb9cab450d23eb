"""Statistical errors by the Poisson bootstrap, in one pass: every event enters each replica as often as its name says.

A replica draws each event's multiplicity from a Poisson distribution of mean 1 (Chamandy et al., "Estimating uncertainty
for massive data streams", Google, 2012; ATL-PHYS-PUB-2021-011 for its use with event numbers as seeds). The draw is a
hash of the event's name, so it depends neither on chunks nor on workers, and it is the same for every model: differences
between models are paired.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.statistics.compiled import compiled
from pipeline.statistics.hashing import GOLDEN_GAMMA, MIX_1, MIX_2, salted

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAW_BITS = 16
DRAWS_PER_HASH = 64 // DRAW_BITS
# Above 8 the probability, 1.1e-6, is less than half a step of 16 bits.
LARGEST_DRAW = 8


def poisson_thresholds() -> NDArray[np.uint16]:
    """For k = 1, 2, ...: the 16-bit number from which on a draw is at least k, shape (LARGEST_DRAW,).

    The probabilities exp(-1)/k! of a Poisson distribution of mean 1 are met to 2**-16; mean and variance of the draws
    are 1 to 5e-5.
    """
    below = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(LARGEST_DRAW)])
    return np.asarray(np.rint(below * 2**DRAW_BITS), dtype=np.uint16)


THRESHOLDS = poisson_thresholds()


@compiled
def _draw(key: Any, thresholds: Any, words: Any, drawn: Any) -> None:
    """The multiplicities of one event: 16-bit words of the splitmix64 stream that starts at *key*, through *thresholds*."""
    state = key
    for j in range(len(words) // DRAWS_PER_HASH):
        state = state + GOLDEN_GAMMA
        mixed = (state ^ (state >> np.uint64(30))) * MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * MIX_2
        mixed = mixed ^ (mixed >> np.uint64(31))
        for part in range(DRAWS_PER_HASH):
            words[DRAWS_PER_HASH * j + part] = np.uint16(mixed >> np.uint64(DRAW_BITS * part))
    for r in range(len(words)):
        n = np.uint8(0)
        for k in range(LARGEST_DRAW):
            n += np.uint8(words[r] >= thresholds[k])
        drawn[r] = n


@compiled
def _draw_all(keys: Any, thresholds: Any, multiplicities: Any) -> None:
    n_replicas = multiplicities.shape[1]
    n_words = DRAWS_PER_HASH * ((n_replicas + DRAWS_PER_HASH - 1) // DRAWS_PER_HASH)
    words = np.empty(n_words, dtype=np.uint16)
    drawn = np.empty(n_words, dtype=np.uint8)
    for i in range(len(keys)):
        _draw(keys[i], thresholds, words, drawn)
        multiplicities[i] = drawn[:n_replicas]


@compiled
def _accumulate(counts: Any, bins: Any, weights: Any, keys: Any, thresholds: Any) -> None:
    """Draw once an event, and add to every bin that the event has."""
    n_replicas = counts.shape[1] - 1
    n_words = DRAWS_PER_HASH * ((n_replicas + DRAWS_PER_HASH - 1) // DRAWS_PER_HASH)
    words = np.empty(n_words, dtype=np.uint16)
    drawn = np.empty(n_words, dtype=np.uint8)
    steps = np.empty(n_replicas + 1, dtype=np.int64)
    for i in range(len(keys)):
        _draw(keys[i], thresholds, words, drawn)
        steps[0] = weights[i]
        for r in range(n_replicas):
            steps[r + 1] = weights[i] * np.int64(drawn[r])
        for j in range(bins.shape[1]):
            if bins[i, j] >= 0:
                row = counts[bins[i, j]]
                for r in range(n_replicas + 1):
                    row[r] += steps[r]


def poisson_multiplicities(keys: NDArray[np.uint64], n_replicas: int, seed: int) -> NDArray[np.uint8]:
    """How often each event enters each replica, shape (n_events, n_replicas).

    Args:
        keys: hash of each event's name (`hashing.event_hash`), shape (n_events,).
        n_replicas: how many replicas.
        seed: another seed gives independent draws.
    """
    multiplicities = np.empty((len(keys), n_replicas), dtype=np.uint8)
    _draw_all(_seeded(keys, seed), THRESHOLDS, multiplicities)
    return multiplicities


@dataclass(frozen=True, slots=True, eq=False)
class ReplicaCounts:
    """Sums of weights in bins and in replicas, as integers; merge two with `+`.

    Args:
        counts: in quanta, shape (n_bins, 1 + n_replicas); column 0 is nominal, every event once.
        seed: of the replicas.
    """

    counts: NDArray[np.int64]
    seed: int

    @classmethod
    def empty(cls, n_bins: int, n_replicas: int, seed: int) -> ReplicaCounts:
        """Without events."""
        return cls(np.zeros((n_bins, 1 + n_replicas), dtype=np.int64), seed)

    def fill(self, bins: NDArray[np.integer], weight_counts: NDArray[np.int64], keys: NDArray[np.uint64]) -> None:
        """Add one chunk.

        Args:
            bins: of each event, shape (n_events,), or several of each event, shape (n_events, n); -1 for none.
            weight_counts: weight of each event in quanta, shape (n_events,).
            keys: hash of each event's name, shape (n_events,).
        """
        table = np.ascontiguousarray(bins.reshape(len(keys), -1) if len(keys) else bins.reshape(0, 1), dtype=np.int64)
        if table.size and (table.min() < -1 or table.max() >= len(self.counts)):
            raise ValueError(f"bins from {table.min()} to {table.max()} of {len(self.counts)}")
        if not len(table) == len(weight_counts) == len(keys):
            raise ValueError(f"{len(table)} bins, {len(weight_counts)} weights and {len(keys)} keys")
        _accumulate(self.counts, table, np.ascontiguousarray(weight_counts), _seeded(keys, self.seed), THRESHOLDS)

    def __add__(self, other: ReplicaCounts) -> ReplicaCounts:
        if self.counts.shape != other.counts.shape or self.seed != other.seed:
            raise ValueError(f"replicas differ: {self.counts.shape}, {self.seed} and {other.counts.shape}, {other.seed}")
        return ReplicaCounts(self.counts + other.counts, self.seed)


def _seeded(keys: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    return salted(np.asarray(keys, dtype=np.uint64), f"bootstrap {seed}")
