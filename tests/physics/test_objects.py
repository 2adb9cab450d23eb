import itertools
import math

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.physics.objects import Objects, merged, nearest_delta_r, pairs, read_objects

OBJECT = st.tuples(st.integers(1, 9), st.floats(-2, 2), st.floats(-3.1, 3.1))
EVENTS = st.lists(st.lists(OBJECT, max_size=4), max_size=6)


def make(events):
    """Objects with columns pt, eta, phi from one list of tuples for each event."""
    flat = np.array([one for event in events for one in event], dtype=float).reshape(-1, 3)
    index = np.repeat(np.arange(len(events)), [len(event) for event in events]).astype(int)
    return Objects(index, len(events), dict(zip(("pt", "eta", "phi"), flat.T, strict=True)))


def as_lists(objects):
    """Back to one list of tuples for each event."""
    rows = list(zip(*objects.columns.values(), strict=True))
    return [
        [tuple(row) for row, event in zip(rows, objects.event, strict=True) if event == n] for n in range(objects.n_events)
    ]


@given(EVENTS)
def test_counts_starts_and_ranks_are_those_of_the_lists(events):
    objects = make(events)

    assert [len(event) for event in events] == objects.counts.tolist()
    assert [rank for event in events for rank in range(len(event))] == objects.rank.tolist()
    assert [sum(map(len, events[:n])) for n in range(len(events))] == objects.starts.tolist()


@given(EVENTS)
def test_ordering_is_stable_and_stays_within_events(events):
    expected = [sorted(event, key=lambda one: -one[0]) for event in events]

    assert expected == as_lists(make(events).ordered("pt"))


@given(EVENTS)
def test_a_second_name_orders_what_is_equal_in_the_first(events):
    expected = [sorted(event, key=lambda one: (-one[0], -one[1])) for event in events]

    assert expected == as_lists(make(events).ordered("pt", "eta"))


@given(EVENTS, st.integers(0, 5))
def test_first_takes_the_first_of_each_event(events, n):
    assert [event[:n] for event in events] == as_lists(make(events).first(n))


@given(EVENTS)
def test_where_keeps_what_the_mask_says(events):
    objects = make(events)
    expected = [[one for one in event if one[0] > 4] for event in events]

    assert expected == as_lists(objects.where(objects["pt"] > 4))


@given(EVENTS)
def test_totals_are_sums_over_events(events):
    assert [sum(one[0] for one in event) for event in events] == make(events).total("pt").tolist()


@given(EVENTS)
def test_pairs_are_those_of_itertools(events):
    objects = make(events)
    first, second = pairs(objects)
    numbers = iter(range(len(objects)))
    expected = [pair for event in events for pair in itertools.combinations([next(numbers) for _ in event], 2)]

    assert expected == list(zip(first.tolist(), second.tolist(), strict=True))


@given(EVENTS, st.data())
def test_stacked_and_jagged_give_the_wanted_events(events, data):
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events))), dtype=bool)
    objects = make(events)
    enough = wanted & (objects.counts >= 2)

    assert [[one[1] for one in event] for event, keep in zip(events, wanted, strict=True) if keep] == objects.jagged(
        "eta", wanted
    ).to_list()
    assert [[one[1] for one in event[:2]] for event, keep in zip(events, enough, strict=True) if keep] == objects.stacked(
        2, enough
    )["eta"].tolist()


@given(EVENTS, EVENTS)
def test_merging_puts_the_first_part_first_in_each_event(left, right):
    n = min(len(left), len(right))
    expected = [a + b for a, b in zip(left[:n], right[:n], strict=True)]

    assert expected == as_lists(merged(make(left[:n]), make(right[:n])))


@given(EVENTS, EVENTS)
def test_the_nearest_distance_is_that_of_the_loop(left, right):
    n = min(len(left), len(right))
    expected = [
        min((math.hypot(a[1] - b[1], math.remainder(a[2] - b[2], 2 * math.pi)) for b in others), default=math.inf)
        for event, others in zip(left[:n], right[:n], strict=True)
        for a in event
    ]

    assert expected == pytest.approx(nearest_delta_r(make(left[:n]), make(right[:n])).tolist(), abs=1e-12)


def test_reading_touches_only_the_fields_and_leaves_out_unwanted_events():
    collection = ak.zip({"pt": ak.Array([[1.0, 2.0], [], [3.0]]), "junk": ak.Array([[0, 0], [], [0]])})
    objects = read_objects(collection, {"momentum": "pt"}, events=[False, True, True])

    assert list(objects.columns) == ["momentum"]
    assert objects.n_events == 3
    assert objects.event.tolist() == [2]
    assert objects["momentum"].tolist() == [3.0]


def test_added_columns_may_be_one_value_or_one_an_object():
    objects = make([[(1, 0, 0)], [(2, 0, 0), (3, 0, 0)]]).having(type=1, number=[7, 8, 9])

    assert objects["type"].tolist() == [1, 1, 1]
    assert objects.where(objects["pt"] > 1)["number"].tolist() == [8, 9]
