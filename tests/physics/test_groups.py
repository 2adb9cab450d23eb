import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.physics.groups import spread, starts_of


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=6))
def test_spread_is_the_ranges_after_one_another(groups):
    starts, sizes = np.array(groups, dtype=np.int64).reshape(-1, 2).T
    expected = [start + k for start, size in groups for k in range(size)]

    assert expected == spread(starts, sizes).tolist()


@given(st.lists(st.integers(0, 4), max_size=6))
def test_groups_spread_from_their_starts_are_the_whole_array(sizes):
    counts = np.array(sizes, dtype=np.int64)

    assert list(range(sum(sizes))) == spread(starts_of(counts), counts).tolist()
