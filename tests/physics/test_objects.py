import math

import awkward as ak
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.physics.objects import falling_order, merged, read_objects

OBJECT = st.tuples(st.integers(1, 9), st.floats(-2, 2), st.floats(-3.1, 3.1))
EVENTS = st.lists(st.lists(OBJECT, max_size=4), max_size=6)


def as_lists(objects):
    """Back to one list of tuples for each event."""
    rows = list(zip(*objects.columns.values(), strict=True))
    return [
        [tuple(row) for row, event in zip(rows, objects.event, strict=True) if event == n] for n in range(objects.n_events)
    ]


def falling(value):
    return (True, 0.0) if math.isnan(value) else (False, -float(value))


@given(EVENTS)
def test_counts_starts_and_ranks_are_those_of_the_lists(make, events):
    objects = make(events)

    assert [len(event) for event in events] == objects.counts.tolist()
    assert [rank for event in events for rank in range(len(event))] == objects.rank.tolist()
    assert [sum(map(len, events[:n])) for n in range(len(events))] == objects.starts.tolist()


@given(EVENTS)
def test_ordering_is_stable_and_stays_within_events(make, events):
    expected = [sorted(event, key=lambda one: -one[0]) for event in events]

    assert expected == as_lists(make(events).ordered("pt"))


@given(EVENTS)
def test_a_second_name_orders_what_is_equal_in_the_first(make, events):
    expected = [sorted(event, key=lambda one: (-one[0], -one[1])) for event in events]

    assert expected == as_lists(make(events).ordered("pt", "eta"))


@given(EVENTS, st.integers(0, 5))
def test_first_takes_the_first_of_each_event(make, events, n):
    assert [event[:n] for event in events] == as_lists(make(events).first(n))


@given(EVENTS)
def test_where_keeps_what_the_mask_says(make, events):
    objects = make(events)
    expected = [[one for one in event if one[0] > 4] for event in events]

    assert expected == as_lists(objects.where(objects["pt"] > 4))


@given(EVENTS)
def test_totals_are_sums_over_events(make, events):
    assert [sum(one[0] for one in event) for event in events] == make(events).total("pt").tolist()


@given(EVENTS, st.data())
def test_stacked_and_jagged_give_the_wanted_events(make, events, data):
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events))), dtype=bool)
    objects = make(events)
    enough = wanted & (objects.counts >= 2)

    assert [[one[1] for one in event] for event, keep in zip(events, wanted, strict=True) if keep] == objects.jagged(
        "eta", wanted
    ).to_list()
    assert [[one[1] for one in event[:2]] for event, keep in zip(events, enough, strict=True) if keep] == objects.stacked(
        2, enough
    )["eta"].tolist()


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.floats(width=32, allow_nan=True) | st.sampled_from([0.0, -0.0, 1.0, -1.0, math.inf, -math.inf]),
        ),
        max_size=20,
    ),
    st.sampled_from([np.float32, np.float64]),
)
def test_the_order_is_that_of_a_stable_sort_of_pairs(objects, kind):
    event = np.array([one for one, _ in objects], dtype=np.int64)
    values = np.array([value for _, value in objects], dtype=kind)
    expected = sorted(range(len(objects)), key=lambda i: (event[i], *falling(values[i])))

    assert expected == falling_order(event, values).tolist()


def test_whole_numbers_without_sign_fall_as_well():
    assert falling_order(np.zeros(3, dtype=np.int64), np.array([1, 0, 200], dtype=np.uint8)).tolist() == [2, 0, 1]


@given(EVENTS, EVENTS)
def test_merged_by_a_column_is_merged_then_ordered(make, left, right):
    n = min(len(left), len(right))
    parts = make(left[:n]), make(right[:n])

    assert as_lists(merged(*parts).ordered("pt")) == as_lists(merged(*parts, by=("pt",)))


@given(EVENTS, EVENTS)
def test_merging_puts_the_first_part_first_in_each_event(make, left, right):
    n = min(len(left), len(right))
    expected = [a + b for a, b in zip(left[:n], right[:n], strict=True)]

    assert expected == as_lists(merged(make(left[:n]), make(right[:n])))


def test_reading_touches_only_the_fields_and_leaves_out_unwanted_events():
    collection = ak.zip({"pt": ak.Array([[1.0, 2.0], [], [3.0]]), "junk": ak.Array([[0, 0], [], [0]])})
    objects = read_objects(collection, {"momentum": "pt"}, events=[False, True, True])

    assert list(objects.columns) == ["momentum"]
    assert objects.n_events == 3
    assert objects.event.tolist() == [2]
    assert objects["momentum"].tolist() == [3.0]


def test_added_columns_may_be_one_value_or_one_an_object(make):
    objects = make([[(1, 0, 0)], [(2, 0, 0), (3, 0, 0)]]).having(type=1, number=[7, 8, 9])

    assert objects["type"].tolist() == [1, 1, 1]
    assert objects.where(objects["pt"] > 1)["number"].tolist() == [8, 9]


@given(EVENTS, st.data())
def test_taking_an_index_may_repeat_and_leave_out_but_keeps_all_columns(make, events, data):
    objects = make(events)
    index = sorted(data.draw(st.lists(st.integers(0, len(objects) - 1), max_size=8) if len(objects) else st.just([])))
    flat = [(n, one) for n, event in enumerate(events) for one in event]
    expected = [[one for row in index for n, one in [flat[row]] if n == event] for event in range(len(events))]

    assert expected == as_lists(objects.take(np.array(index, dtype=np.int64)))


@given(EVENTS, st.data())
def test_objects_of_some_events_are_those_events_counted_anew(make, events, data):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events))), dtype=bool)
    expected = [[tuple(map(float, one)) for one in event] for event, wanted in zip(events, mask, strict=True) if wanted]

    assert expected == as_lists(make(events).of(mask))
