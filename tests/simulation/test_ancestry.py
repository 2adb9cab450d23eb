import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulation.ancestry import any_marked, nearest_marked


@st.composite
def trees(draw):
    """Mothers that come before their daughters, rows relabelled at random as in Pythia's showers; row 0 is the root."""
    n = draw(st.integers(1, 30))
    mother = [0, *(draw(st.integers(0, row - 1)) for row in range(1, n))]
    label = [0, *draw(st.permutations(range(1, n)))]
    shuffled = np.zeros(n, dtype=np.int64)
    for row, above in enumerate(mother):
        shuffled[label[row]] = label[above]
    return shuffled, np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))


def walk(mother, marked, row):
    while mother[row] != row:
        row = mother[row]
        if marked[row]:
            return row
    return -1


@given(trees())
def test_the_nearest_marked_ancestor_is_that_of_a_walk(tree):
    mother, marked = tree

    assert [walk(mother, marked, row) for row in range(len(mother))] == nearest_marked(mother, marked).tolist()


@given(trees())
def test_some_ancestor_is_marked_where_a_walk_finds_one(tree):
    mother, marked = tree

    assert [walk(mother, marked, row) >= 0 for row in range(len(mother))] == any_marked(mother, marked).tolist()
