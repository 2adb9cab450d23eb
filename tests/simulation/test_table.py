import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulation.table import Table, pairs, spread

counts = st.lists(st.integers(0, 4), min_size=1, max_size=6)


def made(sizes):
    event = np.repeat(np.arange(len(sizes)), sizes)
    return Table(event, len(sizes), {"x": np.arange(len(event))})


@given(counts)
def test_counts_and_positions_number_the_rows_of_each_event(sizes):
    table = made(sizes)

    assert sizes == table.counts.tolist()
    assert [i for size in sizes for i in range(size)] == table.position.tolist()


@given(counts, st.data())
def test_pairs_are_those_of_two_loops(first_sizes, data):
    second_sizes = data.draw(st.lists(st.integers(0, 4), min_size=len(first_sizes), max_size=len(first_sizes)))
    first, second = made(first_sizes), made(second_sizes)
    slow = [(a, b) for a in range(len(first)) for b in range(len(second)) if first.event[a] == second.event[b]]

    assert slow == list(zip(*(index.tolist() for index in pairs(first, second)), strict=True))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=6))
def test_spread_is_the_ranges_after_one_another(groups):
    starts, sizes = (np.array(column) for column in zip(*groups, strict=True))
    slow = [start + k for start, size in groups for k in range(size)]

    assert slow == spread(starts, sizes).tolist()


@given(counts, st.data())
def test_rows_of_each_event_are_ordered_by_falling_value(sizes, data):
    table = made(sizes)
    values = data.draw(st.lists(st.floats(0, 9), min_size=len(table), max_size=len(table)))
    order = table.having(v=np.array(values)).by_descending("v")
    slow = sorted(range(len(table)), key=lambda row: (table.event[row], -values[row]))

    assert slow == order.tolist()
