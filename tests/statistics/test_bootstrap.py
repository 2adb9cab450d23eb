from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics.bootstrap import LARGEST_DRAW, ReplicaCounts, poisson_multiplicities, poisson_thresholds
from pipeline.statistics.hashing import mix64, salted

N_BINS = 5


def slow_multiplicities(keys: list[int], n_replicas: int, seed: int) -> list[list[int]]:
    """One event and one replica after the other, from the cumulative distribution in 16 bits."""
    below = [round(2**16 * sum(math.exp(-1) / math.factorial(j) for j in range(k + 1))) for k in range(LARGEST_DRAW)]
    rows = []
    for key in salted(np.array(keys, dtype=np.uint64), f"bootstrap {seed}").tolist():
        row = []
        for replica in range(n_replicas):
            word, part = divmod(replica, 4)
            state = np.uint64((key + word * 0x9E3779B97F4A7C15) % 2**64)
            draw = (int(mix64(state)[0]) >> (16 * part)) % 2**16
            row.append(sum(draw >= limit for limit in below))
        rows.append(row)
    return rows


def events(seed: int, n: int, n_targets: int = 3):
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 2**64, n, dtype=np.uint64)
    return rng.integers(-1, N_BINS, (n, n_targets)), rng.integers(-(2**51), 2**51, n), keys


@pytest.mark.parametrize("n_replicas", [0, 1, 3, 4, 7])
@given(keys=st.lists(st.integers(0, 2**64 - 1), max_size=8), seed=st.integers(0, 5))
def test_draws_are_those_of_the_slow_twin(n_replicas, keys, seed):
    fast = poisson_multiplicities(np.array(keys, dtype=np.uint64), n_replicas, seed)

    assert slow_multiplicities(keys, n_replicas, seed) == fast.tolist()


def test_thresholds_are_the_poisson_distribution_to_sixteen_bits():
    steps = np.diff([0, *poisson_thresholds().astype(float), 2**16]) / 2**16
    expected = [math.exp(-1) / math.factorial(k) for k in range(LARGEST_DRAW)]

    np.testing.assert_allclose(steps[:-1], expected, atol=2.0**-16)
    k = np.arange(LARGEST_DRAW + 1)
    assert steps @ k == pytest.approx(1, abs=5e-5)
    assert steps @ (k - 1) ** 2 == pytest.approx(1, abs=1e-4)


def test_draws_of_events_and_of_replicas_are_independent():
    # Consecutive event numbers, as simulation has them.
    draws = poisson_multiplicities(mix64(np.arange(20_000)), 40, 1).astype(float)

    between_replicas = np.corrcoef(draws.T) - np.eye(40)
    assert np.abs(between_replicas).max() < 5 / math.sqrt(20_000)
    assert abs(np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]) < 5 / math.sqrt(draws.size)
    counts = np.bincount(draws.astype(int).ravel(), minlength=4)[:4] / draws.size
    np.testing.assert_allclose(
        counts, [math.exp(-1) / math.factorial(k) for k in range(4)], atol=5 * 0.5 / math.sqrt(draws.size)
    )


def test_another_seed_gives_other_draws():
    keys = np.arange(100, dtype=np.uint64)

    assert (poisson_multiplicities(keys, 10, 1) != poisson_multiplicities(keys, 10, 2)).mean() > 0.5


@given(seed=st.integers(0, 999), n=st.integers(0, 20), n_replicas=st.integers(0, 6))
def test_counts_are_those_of_the_slow_twin(seed, n, n_replicas):
    bins, weights, keys = events(seed, n)
    slow = [[0] * (1 + n_replicas) for _ in range(N_BINS)]
    for i, draws in enumerate(slow_multiplicities(keys.tolist(), n_replicas, 7)):
        for place in bins[i].tolist():
            if place >= 0:
                for column, draw in enumerate([1, *draws]):
                    slow[place][column] += int(weights[i]) * draw

    fast = ReplicaCounts.empty(N_BINS, n_replicas, 7)
    fast.fill(bins, weights, keys)

    assert slow == fast.counts.tolist()


@given(seed=st.integers(0, 999), cuts=st.lists(st.integers(0, 30), max_size=4))
def test_any_chunks_in_any_order_give_the_same_bits(seed, cuts):
    bins, weights, keys = events(seed, 30)
    whole = ReplicaCounts.empty(N_BINS, 9, 1)
    whole.fill(bins, weights, keys)
    order = np.random.default_rng(seed + 1).permutation(30)
    parts = ReplicaCounts.empty(N_BINS, 9, 1)
    for start, stop in pairwise([0, *sorted(cuts), 30]):
        part = ReplicaCounts.empty(N_BINS, 9, 1)
        part.fill(bins[order[start:stop]], weights[order[start:stop]], keys[order[start:stop]])
        parts = part + parts

    assert whole.counts.tolist() == parts.counts.tolist()


def test_one_bin_an_event_is_a_table_of_one_column():
    bins, weights, keys = events(1, 10, n_targets=1)
    flat, table = ReplicaCounts.empty(N_BINS, 2, 1), ReplicaCounts.empty(N_BINS, 2, 1)
    flat.fill(bins[:, 0], weights, keys)
    table.fill(bins, weights, keys)

    assert flat.counts.tolist() == table.counts.tolist()


@pytest.mark.parametrize("place", [-2, N_BINS])
def test_a_bin_outside_is_an_error_and_not_a_write_elsewhere(place):
    with pytest.raises(ValueError, match="bins from"):
        ReplicaCounts.empty(N_BINS, 2, 1).fill(np.array([place]), np.ones(1, np.int64), np.ones(1, np.uint64))


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 bins, 1 weights and 2 keys"):
        ReplicaCounts.empty(N_BINS, 2, 1).fill(np.zeros(2, np.int64), np.ones(1, np.int64), np.ones(2, np.uint64))


@pytest.mark.parametrize(
    "other", [ReplicaCounts.empty(N_BINS, 3, 1), ReplicaCounts.empty(N_BINS, 2, 2)], ids=["number", "seed"]
)
def test_other_replicas_do_not_add(other):
    with pytest.raises(ValueError, match="replicas differ"):
        ReplicaCounts.empty(N_BINS, 2, 1) + other


def test_the_spread_of_a_sum_over_replicas_is_that_of_poisson_statistics():
    weights = np.random.default_rng(3).normal(1000, 400, 4000).astype(np.int64)
    replicas = ReplicaCounts.empty(1, 1000, 1)
    replicas.fill(np.zeros(4000, np.int64), weights, mix64(np.arange(4000)))

    # The standard deviation of 1000 replicas is known to 1 / sqrt(2000) = 2.2 %.
    expected = math.sqrt((weights.astype(float) ** 2).sum())
    assert replicas.counts[0, 1:].std() == pytest.approx(expected, rel=0.08)
    assert replicas.counts[0, 1:].mean() == pytest.approx(weights.sum(), abs=4 * expected / math.sqrt(1000))
