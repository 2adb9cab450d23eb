from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics.uncertainty import (
    Measurement,
    effective_entries,
    efficiency_error,
    from_replicas,
    upper_limit_of_none,
)


@given(n=st.integers(1, 1000), part=st.floats(0, 1), weight=st.floats(1e-3, 1e3))
def test_equal_weights_give_the_binomial_error(n, part, weight):
    k = round(part * n)
    error = float(efficiency_error(k * weight, k * weight**2, n * weight, n * weight**2))

    assert error == pytest.approx(math.sqrt(k / n * (1 - k / n) / n), abs=1e-9)


def test_error_of_a_weighted_efficiency_is_the_spread_of_toys():
    rng = np.random.default_rng(1)
    efficiencies, errors = [], []
    for _ in range(2000):
        weights = rng.choice([1.0, 3.0, -0.5], size=rng.poisson(200))
        passed = rng.random(len(weights)) < 0.3
        sums = (weights[passed].sum(), (weights[passed] ** 2).sum(), weights.sum(), (weights**2).sum())
        efficiencies.append(sums[0] / sums[2])
        errors.append(efficiency_error(*sums))

    assert np.std(efficiencies) == pytest.approx(np.mean(errors), rel=0.06)


def test_effective_entries_of_equal_weights_is_their_number():
    assert effective_entries(5 * 0.3, 5 * 0.3**2) == pytest.approx(5)
    assert effective_entries(0.0, 0.0) == 0.0


def test_limit_on_nothing_is_the_textbook_value():
    # PDG review of statistics, table of Poisson limits for n = 0: 2.30 at 90 %, 3.00 at 95 %.
    assert [upper_limit_of_none(cl) for cl in (0.90, 0.95)] == pytest.approx([2.30, 3.00], abs=5e-3)


def test_replicas_that_are_not_numbers_are_left_out():
    assert from_replicas(np.array([1.0, 2.0, np.nan, 4.0])) == Measurement(1.0, pytest.approx(math.sqrt(2)))


def test_one_replica_tells_no_error():
    assert from_replicas(np.array([1.0, 2.0])) == Measurement(1.0, None)


def test_json_has_a_limit_only_where_there_is_one():
    assert Measurement(1.0, 0.1).to_json() == {"value": 1.0, "stat": 0.1}
    assert Measurement(None, None, 30.0, 0.95).to_json() == {
        "value": None,
        "stat": None,
        "lower_limit": 30.0,
        "limit_cl": 0.95,
    }
