"""Residuals in bins: quantiles near the exact ones, and nothing where nothing is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tasks.regression_layout import JOINED
from pipeline.tasks.residuals import AXES, N_BINS, NO_BIN, bias, quantiles, residual, sigma68


def table(axis, values):
    return np.bincount(axis.bins(values), minlength=N_BINS).astype(np.float64)[:, np.newaxis]


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(AXES)), st.floats(0.3, 5.0), st.floats(-2.0, 2.0), st.integers(0, 2**31), st.floats(0.05, 0.95)
)
def test_a_quantile_is_at_most_a_bin_away_from_the_exact_one(variable, width, shift, seed, fraction):
    axis = AXES[variable]
    values = axis.scale * np.random.default_rng(seed).normal(shift, width, 501)
    exact = np.quantile(values, fraction, method="inverted_cdf")
    edges, place = axis.edges, axis.bins(np.array([exact]))[0]

    assert edges[place - 1] - 1e-12 <= quantiles(axis, table(axis, values), fraction)[0] <= edges[place] + 1e-12


@pytest.mark.parametrize("variable", sorted(AXES))
def test_bins_are_as_narrow_as_is_written(variable):
    axis = AXES[variable]
    edges = axis.edges
    middle = (edges[1:] + edges[:-1]) / 2

    assert (np.diff(edges) <= (0.08 if axis.is_relative else 0.12) * np.hypot(middle, axis.scale) * 1.01).all()


def test_many_gaussian_residuals_give_their_median_and_width():
    values = np.random.default_rng(1).normal(0.02, 0.15, 200_000)
    counts = table(AXES["pt"], values)

    assert bias(AXES["pt"], counts)[0] == pytest.approx(0.02, abs=0.002)
    assert sigma68(AXES["pt"], counts)[0] == pytest.approx(0.15 / 1.02, rel=0.01)


@pytest.mark.parametrize(("width", "precision"), [(0.05, 0.05), (0.1, 0.01), (0.15, 0.01), (0.5, 0.01)])
def test_joined_bins_give_nearly_the_same(width, precision):
    counts = table(AXES["pt"], np.random.default_rng(1).normal(0, width, 500_000))
    joined = np.concatenate([counts[:1], counts[1:-1].reshape(-1, JOINED).sum(axis=1, keepdims=True), counts[-1:]])

    assert sigma68(AXES["pt"], joined)[0] == pytest.approx(width, rel=precision)


@pytest.mark.parametrize("part", [0.5, 0.8, 1.5])
def test_a_part_of_every_answer_has_the_same_relative_width(part):
    response = np.random.default_rng(3).normal(1.0, 0.2, 500_000)

    assert sigma68(AXES["pt"], table(AXES["pt"], part * response - 1))[0] == pytest.approx(0.2, rel=0.02)


def test_columns_are_independent():
    rng = np.random.default_rng(2)
    columns = [table(AXES["eta"], rng.normal(0, width, 1000)) for width in (0.1, 0.4)]
    both = sigma68(AXES["eta"], np.concatenate(columns, axis=1))

    assert both.tolist() == [sigma68(AXES["eta"], one)[0] for one in columns]


def test_nothing_is_known_without_events_or_beyond_the_bins():
    axis = AXES["pt"]
    beyond = table(axis, np.full(10, 1e6))

    assert np.isnan(bias(axis, np.zeros((N_BINS, 1)))).all()
    assert np.isnan(bias(axis, beyond)).all()
    assert np.isnan(bias(axis, -table(axis, np.zeros(10)))).all()


def test_a_missing_answer_has_no_bin():
    assert AXES["pt"].bins(np.array([np.nan, 0.0]))[0] == NO_BIN


def test_the_azimuth_goes_the_shorter_way_round():
    found = residual("phi", np.array([-3.1, np.nan, 3.0]), np.array([3.1, 0.0, 2.0]))

    assert found[[0, 2]] == pytest.approx([2 * np.pi - 6.2, 1.0])
    assert np.isnan(found[1])


def test_a_relative_residual_of_no_truth_is_none():
    assert np.isnan(residual("mass", np.array([1.0]), np.array([0.0]))[0])
