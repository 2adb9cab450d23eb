import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.physics.pairs import nearest_delta_r, pairs, pairs_between

OBJECT = st.tuples(st.integers(1, 9), st.floats(-2, 2), st.floats(-3.1, 3.1))
EVENTS = st.lists(st.lists(OBJECT, max_size=4), max_size=6)


@given(EVENTS)
def test_pairs_are_those_of_itertools(make, events):
    objects = make(events)
    first, second = pairs(objects)
    numbers = iter(range(len(objects)))
    expected = [pair for event in events for pair in itertools.combinations([next(numbers) for _ in event], 2)]

    assert expected == list(zip(first.tolist(), second.tolist(), strict=True))


@given(EVENTS, EVENTS)
def test_pairs_between_are_those_of_two_loops(make, left, right):
    n = min(len(left), len(right))
    objects, others = make(left[:n]), make(right[:n])
    expected = [(a, b) for a in range(len(objects)) for b in range(len(others)) if objects.event[a] == others.event[b]]

    assert expected == list(zip(*(index.tolist() for index in pairs_between(objects, others)), strict=True))


@given(EVENTS, EVENTS)
def test_the_nearest_distance_is_that_of_the_loop(make, left, right):
    n = min(len(left), len(right))
    expected = [
        min((math.hypot(a[1] - b[1], math.remainder(a[2] - b[2], 2 * math.pi)) for b in others), default=math.inf)
        for event, others in zip(left[:n], right[:n], strict=True)
        for a in event
    ]

    assert expected == pytest.approx(nearest_delta_r(make(left[:n]), make(right[:n])).tolist(), abs=1e-12)
