import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.physics.peaks import MassHistogram


def measured(masses, weights=None, *, cuts=()):
    histogram = MassHistogram("w_had")
    weights = np.ones(len(masses)) if weights is None else weights
    for some, of_them in zip(np.split(masses, cuts), np.split(weights, cuts), strict=True):
        histogram.fill(some, of_them)
    return histogram.peak()


def shortest_interval(masses):
    """The same from the sorted numbers themselves."""
    ordered = np.sort(masses)
    n = round(0.682689 * len(ordered))
    lengths = ordered[n:] - ordered[:-n]
    first = int(lengths.argmin())
    return (ordered[first] + ordered[first + n]) / 2, lengths[first] / 2


def test_a_gaussian_has_its_mean_and_width():
    peak = measured(np.random.default_rng(1).normal(80.4, 9.0, 400_000))

    assert (peak.mass, peak.width) == pytest.approx((80.4, 9.0), abs=0.25)


def test_it_is_the_shortest_interval_of_the_sorted_numbers():
    rng = np.random.default_rng(2)
    masses = np.concatenate([rng.normal(160, 15, 50_000), rng.exponential(100, 25_000)])
    middle, half = shortest_interval(masses[masses < 500])
    peak = measured(masses[masses < 500])

    assert peak.width == pytest.approx(half, abs=0.2)
    assert peak.mass == pytest.approx(middle, abs=1.0)


def test_a_tail_moves_it_less_than_the_median():
    rng = np.random.default_rng(3)
    masses = np.concatenate([rng.normal(80, 8, 20_000), rng.uniform(80, 400, 5_000)])
    peak = measured(masses)

    assert abs(peak.mass - 80) < abs(np.median(masses) - 80) < abs(masses.mean() - 80)


@given(st.lists(st.integers(0, 1000), max_size=4))
def test_any_batches_give_the_same_peak(cuts):
    masses = np.random.default_rng(4).normal(170, 15, 1000)

    assert measured(masses) == measured(masses, cuts=sorted(cuts))


def test_weights_count_and_all_of_them_alike_do_not():
    rng = np.random.default_rng(5)
    low, high = rng.normal(80, 5, 2000), rng.normal(300, 5, 2000)
    masses, heavy = np.concatenate([low, high]), np.repeat([1.0, 9.0], 2000)

    assert measured(masses, heavy).mass == pytest.approx(300, abs=1)
    assert measured(masses, heavy) == measured(masses, 0.25 * heavy)


def test_masses_beyond_the_end_are_counted():
    peak = measured(np.concatenate([np.full(700, 80.0), np.full(300, 9000.0)]))

    assert 79 < peak.mass < 81


@pytest.mark.parametrize("weight", [1.0, -1.0], ids=["few", "negative"])
def test_too_little_is_an_error_that_says_so(weight):
    n = 49 if weight > 0 else 1000
    with pytest.raises(InputError, match=rf"w_had is to be measured from {n} events .* at least 50"):
        measured(np.full(n, 80.0), np.full(n, weight))
