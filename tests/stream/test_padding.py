"""Padding against a loop that does one event at a time."""

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Sequence
from pipeline.stream.padding import pad

finite = st.floats(-1e3, 1e3, width=32)
events_of_objects = st.lists(st.lists(st.tuples(finite, finite), max_size=6), max_size=8)


def jagged(events, place):
    return ak.values_astype(
        ak.Array([[float(obj[place]) for obj in event] for event in events] or ak.Array([[]])[:0]), np.float32
    )


def pad_one_by_one(events, max_objects, *, ordered):
    tensor = np.zeros((len(events), max_objects, 2), dtype=np.float32)
    mask = np.zeros((len(events), max_objects), dtype=np.float32)
    for row, event in enumerate(events):
        objects = sorted(event, key=lambda obj: -obj[0]) if ordered else event
        for slot, obj in enumerate(objects[:max_objects]):
            tensor[row, slot] = obj
            mask[row, slot] = 1
    return tensor, mask


@given(events=events_of_objects, max_objects=st.integers(1, 5), ordered=st.booleans())
def test_padding_agrees_with_a_loop_over_events(events, max_objects, ordered):
    sequence = Sequence(features=("pt", "eta"), max_objects=max_objects, order_by="pt" if ordered else None)

    tensor, mask = pad({"pt": jagged(events, 0), "eta": jagged(events, 1)}, sequence)

    expected_tensor, expected_mask = pad_one_by_one(events, max_objects, ordered=ordered)
    np.testing.assert_array_equal(expected_tensor, tensor)
    np.testing.assert_array_equal(expected_mask, mask)
    assert tensor.dtype == mask.dtype == np.float32


def test_the_mask_comes_from_counts_and_not_from_values():
    zeros = ak.Array([[0.0, 0.0], [], [0.0]])

    _, mask = pad({"pt": zeros}, Sequence(features=("pt",), max_objects=2))

    assert mask.tolist() == [[1, 1], [0, 0], [1, 0]]


def test_features_with_other_counts_are_an_error():
    with pytest.raises(ValueError, match="different counts"):
        pad({"pt": ak.Array([[1.0]]), "eta": ak.Array([[1.0, 2.0]])}, Sequence(features=("pt", "eta"), max_objects=2))
