import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.physics.kinematics import momentum
from pipeline.physics.trijet import leading_trijet

JET = st.tuples(st.integers(25, 300), st.floats(-2.4, 2.4), st.floats(-3.1, 3.1), st.floats(0, 1))
EVENTS = st.lists(st.lists(JET, max_size=6), max_size=4)


def padded(events, n_slots=6):
    table = np.full((len(events), n_slots, 4), 99.0)
    for row, jets in enumerate(events):
        table[row, : len(jets)] = np.array(jets).reshape(-1, 4)
    pt, eta, phi, tags = np.moveaxis(table, 2, 0)
    return momentum(pt, eta, phi, 0.0), np.array([len(jets) for jets in events], dtype=np.int64), tags


@given(EVENTS, st.sampled_from([-np.inf, 0.5]))
def test_they_are_those_of_the_loop(events, tag_min):
    jets, n_jets, tags = padded(events)
    found = leading_trijet(jets, n_jets, tags=tags, tag_min=tag_min)
    for row, event in enumerate(events):
        sums = {}
        for three in itertools.combinations(range(len(event)), 3):
            if max(event[place][3] for place in three) >= tag_min:
                sums[three] = np.hypot(*(sum(part[row, place] for place in three) for part in (jets.px, jets.py)))
        three = tuple(found[row].tolist())
        assert sums[three] == pytest.approx(max(sums.values())) if sums else three == (-1, -1, -1)


def test_jets_on_one_side_win_over_harder_ones_back_to_back():
    """300 and 290 GeV back to back leave little; 100, 90 and 80 GeV side by side add up to 270."""
    events = [[(300, 0, 0, 0), (290, 0, 3.1, 0), (100, 0, 1.57, 0), (90, 0, 1.57, 0), (80, 0, 1.57, 0)]]
    jets, n_jets, _ = padded(events)

    assert leading_trijet(jets, n_jets).tolist() == [[0, 2, 3]]
    assert leading_trijet(jets, n_jets - 5 + 2).tolist() == [[-1, -1, -1]]
