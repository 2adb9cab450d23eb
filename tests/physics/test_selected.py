import math

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.physics.selected import Cutflow, all_cuts, count_cuts, event_ids

EVENT = st.tuples(st.booleans(), st.booleans(), st.floats(-1e9, 1e9))
EVENTS = st.lists(EVENT, min_size=1, max_size=8)


def cuts_of(events):
    return {"first": [event[0] for event in events], "second": [event[1] for event in events]}


def counted(events):
    return count_cuts(cuts_of(events), [event[2] for event in events])


def test_the_names_of_the_kept_events_are_those_of_the_file():
    events = ak.zip({"run": np.array([1, 1, 2]), "luminosityBlock": np.array([5, 6, 7]), "event": np.array([10, 2**40, 30])})
    ids = event_ids(events, np.array([False, True, True]))

    assert list(zip(ids.run.tolist(), ids.luminosity_block.tolist(), ids.event.tolist(), strict=True)) == [
        (1, 6, 2**40),
        (2, 7, 30),
    ]
    assert ids.event.dtype == np.uint64


@given(EVENTS)
def test_each_cut_counts_what_the_ones_before_it_left(events):
    left = [events, [event for event in events if event[0]], [event for event in events if event[0] and event[1]]]
    flow = counted(events)

    assert flow.names == ("all", "first", "second")
    assert [len(some) for some in left] == [cut.n_events for cut in flow.cuts]
    assert [math.fsum(event[2] for event in some) for some in left] == [float(cut.sumw) for cut in flow.cuts]
    assert [math.fsum(event[2] ** 2 for event in some) for some in left] == [float(cut.sumw2) for cut in flow.cuts]


@given(EVENTS)
def test_what_passes_all_cuts_is_what_the_last_cut_counts(events):
    assert counted(events).cuts[-1].n_events == all_cuts(cuts_of(events)).sum()


@given(EVENTS, st.integers(0, 8))
def test_the_counts_of_two_chunks_add_up_to_those_of_the_whole(events, cut):
    parts = [counted(part) if part else Cutflow() for part in (events[:cut], events[cut:])]

    assert counted(events) == parts[0] + parts[1] == parts[1] + parts[0]


def test_counts_of_different_cuts_do_not_add():
    with pytest.raises(ValueError, match="different cuts"):
        count_cuts({"one": [True]}, [1.0]) + count_cuts({"other": [True]}, [1.0])
