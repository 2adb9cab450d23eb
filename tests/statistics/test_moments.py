"""Mean, spread and quantiles against NumPy, and their independence of the chunking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.statistics.moments import moments

tables = arrays(np.float32, st.tuples(st.integers(0, 60), st.just(2)), elements=st.floats(-1e4, 1e4, width=32))


@given(table=tables, cut=st.integers(0, 60))
def test_two_chunks_give_the_bits_of_one(table, cut):
    whole, parts = moments(table), moments(table[cut:]) + moments(table[:cut])

    assert (whole.n_rows, whole.mean, whole.spread) == (parts.n_rows, parts.mean, parts.spread)
    if len(table):
        assert whole.quantiles([0.1, 0.5, 0.9]) == parts.quantiles([0.1, 0.5, 0.9])


def test_mean_spread_and_median_are_those_of_numpy():
    table = np.random.default_rng(1).normal([[50.0, -2.0]], [[10.0, 0.5]], size=(20_000, 2)).astype(np.float32)

    found = moments(table)

    np.testing.assert_allclose(found.mean, table.mean(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(found.spread, table.std(axis=0, dtype=np.float64), rtol=1e-9)
    for fraction in (0.01, 0.5, 0.99):
        np.testing.assert_allclose(found.quantiles([fraction])[0], np.quantile(table, fraction, axis=0), rtol=0.01)


@pytest.mark.parametrize("value", [0.0, 3.0, -1e4])
def test_a_constant_column_has_spread_one(value):
    assert moments(np.full((100, 1), value, dtype=np.float32)).spread == [1.0]
