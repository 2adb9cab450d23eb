from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics.bootstrap import poisson_multiplicities
from pipeline.statistics.hashing import mix64
from pipeline.statistics.overtraining import kolmogorov_probability, kolmogorov_smirnov


def histogram(scores, draws=None, n_bins=400):
    """Counts of scores in [0, 1], shape (n_bins, 1 + n_replicas)."""
    columns = np.ones((len(scores), 1)) if draws is None else np.concatenate([np.ones((len(scores), 1)), draws], axis=1)
    table = np.zeros((n_bins, columns.shape[1]))
    np.add.at(table, np.clip((scores * n_bins).astype(int), 0, n_bins - 1), columns)
    return table


def paired_test(shift, seed, n=1000, n_replicas=100):
    """The same events scored by two models that differ by noise, and by *shift*."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n)
    draws = poisson_multiplicities(mix64(np.arange(n) + seed * n), n_replicas, 1)
    test, train = (np.clip(truth + rng.normal(0, 0.05, n) + by, 0, 1) for by in (0.0, shift))
    return kolmogorov_smirnov(histogram(test, draws), histogram(train, draws), n_eff_test=n, n_eff_train=n)


@given(st.floats(0.2, 3))
def test_probability_is_scipys(z):
    special = pytest.importorskip("scipy.special")

    assert kolmogorov_probability(z) == pytest.approx(special.kolmogorov(z), abs=1e-12)


@pytest.mark.parametrize("z", [0.01, 0.1])
def test_probability_of_a_tiny_distance_is_one(z):
    assert kolmogorov_probability(z) == pytest.approx(1)


def test_statistic_is_the_largest_distance_of_sorted_scores():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(1)
    # On bin centres, so that the binning hides nothing.
    first, second = ((rng.integers(0, 400, n) + 0.5) / 400 for n in (300, 500))
    expected = stats.ks_2samp(first, second, method="asymp")

    found = kolmogorov_smirnov(histogram(first), histogram(second), n_eff_test=300, n_eff_train=500)

    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.05)
    assert found.p_value_replicas is None


def test_the_same_scores_are_compatible():
    table = histogram(np.random.default_rng(1).random(100), np.ones((100, 3)))
    found = kolmogorov_smirnov(table, table, n_eff_test=100, n_eff_train=100)

    assert (found.statistic, found.p_value, found.p_value_replicas) == (0.0, 1.0, 1.0)


def test_p_value_of_independent_samples_is_flat():
    rng = np.random.default_rng(2)
    p_values = []
    for _ in range(300):
        samples = (histogram(rng.random(4000), n_bins=2000) for _ in range(2))
        p_values.append(kolmogorov_smirnov(*samples, n_eff_test=4000, n_eff_train=4000).p_value)

    assert np.quantile(p_values, [0.1, 0.5]) == pytest.approx([0.1, 0.5], abs=0.1)


def test_scaling_the_weights_changes_nothing():
    rng = np.random.default_rng(3)
    test, train = histogram(rng.random(50)), histogram(rng.random(50))
    first = kolmogorov_smirnov(test, train, n_eff_test=50, n_eff_train=50)
    second = kolmogorov_smirnov(1e-3 * test, 7 * train, n_eff_test=50, n_eff_train=50)

    assert first.statistic == pytest.approx(second.statistic, abs=1e-12)


def test_p_value_of_shared_events_is_flat_from_replicas_and_too_large_without():
    found = [paired_test(0.0, seed) for seed in range(100)]

    assert np.mean([test.p_value_replicas < 0.2 for test in found]) == pytest.approx(0.2, abs=0.15)
    assert np.median([test.p_value_replicas for test in found]) == pytest.approx(0.5, abs=0.2)
    assert np.median([test.p_value for test in found]) > 0.9


def test_replicas_see_overtraining_that_shared_events_hide():
    found = paired_test(0.02, seed=1)

    assert found.p_value_replicas < 0.02 < 0.2 < found.p_value


@pytest.mark.parametrize(("n_eff_test", "n_eff_train"), [(0, 0), (0, 5), (5, 0)])
def test_without_effective_events_there_is_no_asymptotic_p_value(n_eff_test, n_eff_train):
    table = histogram(np.array([0.2, 0.4]))
    found = kolmogorov_smirnov(table, table, n_eff_test=n_eff_test, n_eff_train=n_eff_train)

    assert (found.statistic, found.p_value) == (0.0, None)
