from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.tasks.discriminant import LOGIT_MAX, N_BINS, ODDS_EDGES, THRESHOLDS, discriminant, logit_bins, probabilities


def slow_bin(signal: float, others: float) -> int:
    """The bin by comparing the odds with one edge after the other."""
    odds = math.inf if others == 0 else signal / others
    below = sum(odds >= edge for edge in ODDS_EDGES)
    return min(max(below - 1, 0), N_BINS - 1)


@given(st.floats(0, 1, width=32))
def test_bin_is_that_of_the_slow_twin(p):
    rest = float(np.float32(1) - np.float32(p))

    assert slow_bin(p, rest) == logit_bins(np.array([[rest, p]]), 1)[0]


@given(st.integers(0, N_BINS))
def test_an_edge_belongs_to_the_bin_above(place):
    scores = np.array([[1.0, ODDS_EDGES[place]], [1.0, np.nextafter(ODDS_EDGES[place], 0)]])

    assert [min(place, N_BINS - 1), max(place - 1, 0)] == logit_bins(scores, 1).tolist()


def test_bins_follow_the_logit():
    logits = np.linspace(-15.9, 15.9, 400)
    scores = np.stack([1 / (1 + np.exp(logits)), 1 / (1 + np.exp(-logits))], axis=1)
    expected = np.floor((logits + LOGIT_MAX) / (2 * LOGIT_MAX) * N_BINS)

    assert np.abs(logit_bins(scores, 1) - expected).max() <= 1


def test_scores_that_float32_rounds_to_one_are_still_told_apart():
    scores = np.array([[1e-9, 1.0], [1e-5, 1.0], [1e-6, 1.0]], dtype=np.float32).astype(float)

    assert logit_bins(scores, 1)[1] < logit_bins(scores, 1)[2] < logit_bins(scores, 1)[0] == N_BINS - 1


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(1e-3, 1)), min_size=1, max_size=9))
def test_memory_layout_and_neighbours_do_not_change_a_bin(rows):
    scores = np.array(rows)
    one_by_one = [logit_bins(scores[i : i + 1], 0)[0] for i in range(len(scores))]

    assert one_by_one == logit_bins(np.asfortranarray(scores), 0).tolist()


def test_thresholds_are_the_probabilities_of_the_edges():
    assert THRESHOLDS[[0, N_BINS // 2, N_BINS]] == pytest.approx([1.125e-7, 0.5, 1 - 1.125e-7], rel=1e-3)


def test_a_score_of_one_stays_below_one():
    assert discriminant(np.array([[0.0, 1.0], [1.0, 0.0]]), 1).tolist() == [np.nextafter(1.0, 0.0), 0.0]


@pytest.mark.parametrize(
    "bad", [[[np.nan, 0.5]], [[0.5, 0.6]], [[-0.1, 1.1]], [[np.inf, 0.0]]], ids=["NaN", "sum", "negative", "infinite"]
)
def test_what_is_no_probability_is_an_error(bad):
    with pytest.raises(InputError, match=r"Scores of model 'a' are no probabilities in 1 of 2 events"):
        probabilities([[0.5, 0.5], *bad], (2, 2), "model 'a'")


def test_scores_of_another_shape_are_an_error():
    with pytest.raises(InputError, match=r"Scores of model 'a' have shape \(1, 3\), not \(1, 2\)\."):
        probabilities([[0.2, 0.3, 0.5]], (1, 2), "model 'a'")
