"""What the processor gives of a collection is looked at once, for every kind of input."""

import awkward as ak
import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.inputs import Sequence
from pipeline.physics.selected import Cutflow, EventIds, Selected
from pipeline.stream.chunk import build_inputs

PT = ak.Array([[50.0, 30.0], [], [20.0]])


def selected(**inputs):
    ids = EventIds(*(np.arange(3, dtype=kind) for kind in (np.uint32, np.uint32, np.uint64)))
    return Selected(ids, np.ones(3), {}, Cutflow(), inputs)


def test_a_collection_reads_another_one_of_the_processor():
    pairs = {
        "hard": Sequence(of="jets", features=("pt",), max_objects=1),
        "all": Sequence(of="jets", features=("pt",), max_objects=3),
    }

    tensors = build_inputs(selected(jets={"pt": PT}), pairs, place="here")

    assert tensors["hard"][..., 0].tolist() == [[50], [0], [20]]
    assert tensors["all_mask"].tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 0]]


def test_the_collection_of_the_processor_is_named_when_it_is_missing():
    with pytest.raises(InputError, match=r"no collection 'jet'\. Nearest: 'jets'"):
        build_inputs(selected(jets={"pt": PT}), {"hard": Sequence(of="jet", features=("pt",), max_objects=1)}, place="here")
