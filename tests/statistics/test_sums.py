"""Sums that do not depend on the order."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.statistics.sums import ExactSum, Quantum, bincount_exact, exact_sum

numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False, max_value=1e300, min_value=-1e300), max_size=30)


@given(values=numbers)
def test_a_sum_is_exact(values):
    assert Fraction(exact_sum(values).units, 2**1127) == sum(map(Fraction, values))


@given(values=numbers, cut=st.integers(0, 30))
def test_any_cutting_and_any_order_give_the_same_sum(values, cut):
    assert exact_sum(values) == exact_sum(values[cut:]) + exact_sum(values[:cut])
    assert exact_sum(values) == exact_sum(values[::-1])


def test_nothing_sums_to_zero():
    assert exact_sum([]) == ExactSum()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named(bad):
    with pytest.raises(InputError, match="Value 1 of 2"):
        exact_sum([1.0, bad])


@given(weights=st.lists(st.floats(-1000, 1000), max_size=50), typical=st.floats(0.1, 10))
def test_a_quantum_rounds_by_less_than_a_billionth_of_the_typical_weight(weights, typical):
    quantum = Quantum.of_typical_weight(typical)

    np.testing.assert_allclose(quantum.counts(weights) * quantum.value, weights, rtol=0, atol=typical * 2.0**-32)


def test_a_weight_that_would_not_fit_is_named():
    with pytest.raises(InputError, match=r"weight 1e\+10, where the typical"):
        Quantum.of_typical_weight(1.0).counts([1.0, 1e10])
    with pytest.raises(InputError, match="weight nan"):
        Quantum.of_typical_weight(1.0).counts([np.nan])


def entries(most):
    """Bins and counts of up to *most*; a float64 holds the sums of small ones, and of large ones only their halves."""
    return st.lists(st.tuples(st.integers(0, 4), st.integers(-most, most)), max_size=40)


@given(pairs=st.sampled_from([2**20, 2**47, 2**51]).flatmap(entries))
def test_bins_sum_as_integers(pairs):
    bins = np.array([b for b, _ in pairs], dtype=np.int64)
    counts = np.array([c for _, c in pairs], dtype=np.int64)

    expected = [sum(c for b, c in pairs if b == k) for k in range(5)]

    assert expected == bincount_exact(bins, counts, 5).tolist()


@given(weights=st.lists(st.floats(-100, 100) | st.floats(-1e-3, 1e-3), max_size=50), typical=st.floats(0.1, 10))
def test_a_square_is_good_to_half_a_unit_or_rounded_up_to_one_and_only_that_of_zero_is_zero(weights, typical):
    quantum = Quantum.of_typical_weight(typical)
    array = np.array(weights)
    counts = quantum.square_counts(array)

    np.testing.assert_allclose(counts * quantum.squared.value, array**2, rtol=0, atol=quantum.squared.value)
    assert ((counts == 0) == (array == 0)).all()


@pytest.mark.parametrize("bad", [2048.0, -2048.0, np.nan, np.inf])
def test_a_weight_whose_square_would_not_fit_is_named_itself(bad):
    with pytest.raises(InputError, match=rf"weight {bad:g}, where .* below a thousand times that"):
        Quantum.of_typical_weight(0.9).square_counts([1.0, bad])


def test_the_square_of_a_tiny_weight_that_underflows_is_not_zero():
    assert Quantum.of_typical_weight(1.0).square_counts([1e-200, 0.0]).tolist() == [1, 0]
