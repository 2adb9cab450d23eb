"""What a network is given is finite, complete and named, or the error says which event and where."""

import awkward as ak
import numpy as np
import pytest

from pipeline.config import Analysis
from pipeline.errors import InputError
from pipeline.physics.selected import Cutflow, EventIds, Selected
from pipeline.statistics.hashing import event_hash
from pipeline.stream.chunk import build_chunk
from tests.toy_analysis import ANALYSIS

INPUTS = {
    "flat": {"event": ["met", "ht"]},
    "both": {"event": ["ht"], "jets": {"features": ["pt", "eta"], "max_objects": 2, "order_by": "mass"}},
}
PLACE = "a.root, entries 0 to 3"


def analysis(inputs=INPUTS):
    return Analysis.model_validate({"name": "toy", **ANALYSIS, "models": {}, "inputs": inputs})


def selected(**changes):
    """Three events with 2, 0 and 1 jets; the second jet of the first event is the heavier one."""
    jets = {"pt": [[50.0, 40.0], [], [30.0]], "eta": [[0.5, 0.4], [], [0.3]], "mass": [[5.0, 6.0], [], [4.0]]}
    given = {
        "event": {"met": np.array([1.0, 2.0, 3.0]), "ht": np.array([10.0, 20.0, 30.0])},
        "jets": {name: ak.Array(values) for name, values in jets.items()},
    }
    for place, values in changes.items():
        if place in ("weight", "targets"):
            continue
        collection, _, feature = place.partition("_")
        given[collection][feature] = values
    ids = EventIds(np.array([7, 7, 8], np.uint32), np.array([1, 2, 3], np.uint32), np.array([100, 200, 300], np.uint64))
    weight = np.asarray(changes.get("weight", [1.0, -1.0, 2.0]))
    return Selected(ids, weight, {}, Cutflow(), given, changes.get("targets", {}))


def test_tensors_have_the_features_in_the_order_of_the_configuration():
    chunk = build_chunk(selected(), analysis(), place=PLACE)

    assert chunk.tensors["flat"]["event"].tolist() == [[1, 10], [2, 20], [3, 30]]
    assert chunk.tensors["both"]["event"].tolist() == [[10], [20], [30]]
    np.testing.assert_array_equal(
        chunk.tensors["both"]["jets"],
        np.array([[[40, 0.4], [50, 0.5]], [[0, 0], [0, 0]], [[30, 0.3], [0, 0]]], dtype=np.float32),
    )
    assert chunk.tensors["both"]["jets_mask"].tolist() == [[1, 1], [0, 0], [1, 0]]
    assert {tensor.dtype for tensors in chunk.tensors.values() for tensor in tensors.values()} == {np.dtype(np.float32)}


def test_events_keep_their_weight_and_the_hash_of_their_name():
    chunk = build_chunk(selected(), analysis(), place=PLACE)

    assert chunk.weight.tolist() == [1, -1, 2]
    np.testing.assert_array_equal(chunk.keys, event_hash([7, 7, 8], [1, 2, 3], [100, 200, 300]))
    assert len(chunk) == 3


def test_the_bins_for_flattening_are_made_for_training_only():
    flatten = {"variables": {"event.ht": {"edges": [0.0, 15.0, 25.0, 50.0]}}}
    models = {"m": {"architecture": "bdt", "inputs": "flat"}}
    flat = Analysis.model_validate(
        {"name": "toy", **ANALYSIS, "models": models, "inputs": INPUTS, "training": {"flatten": flatten}}
    )

    chunk = build_chunk(selected(), flat, place=PLACE, for_training=True)

    assert [bins.tolist() for bins in chunk.bins.values()] == [[0, 1, 2]]
    assert build_chunk(selected(), flat, place=PLACE).bins == {}
    assert build_chunk(selected(), analysis(), place=PLACE, for_training=True).bins == {}


def test_targets_are_handed_on():
    chunk = build_chunk(selected(targets={"pt": [1, 2, 3]}), analysis(), place=PLACE)

    assert chunk.targets["pt"].tolist() == [1, 2, 3]
    assert chunk.targets["pt"].dtype == np.float32


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
def test_a_feature_that_is_not_finite_is_told_with_event_and_place(value):
    broken = selected(event_ht=np.array([10.0, value, np.nan]))

    with pytest.raises(
        InputError,
        match=rf"^The input event\.ht is {value} for run 7, luminosity block 2, event 200 in {PLACE}\. Expected finite",
    ):
        build_chunk(broken, analysis(), place=PLACE)


def test_an_object_that_is_not_finite_is_told_with_its_event():
    broken = selected(jets_eta=ak.Array([[0.5, 0.4], [], [np.nan]]))

    with pytest.raises(InputError, match=r"The input jets\.eta is nan for run 8, luminosity block 3, event 300 in a\.root"):
        build_chunk(broken, analysis(), place=PLACE)


def test_a_value_too_large_for_float32_is_not_finite():
    broken = selected(event_met=np.array([1.0, 2.0, 1e39]))

    with pytest.raises(InputError, match=r"The input event\.met is inf for run 8"):
        build_chunk(broken, analysis(), place=PLACE)


def test_a_feature_that_is_missing_in_an_event_is_told_with_its_event():
    broken = selected(event_met=ak.Array([1.0, None, 3.0]))

    with pytest.raises(InputError, match=r"The input event\.met is nan for run 7, luminosity block 2, event 200"):
        build_chunk(broken, analysis(), place=PLACE)


@pytest.mark.parametrize("value", [np.nan, None], ids=str)
def test_objects_that_cannot_be_ordered_are_told_with_their_event(value):
    """Also where the object would be cut off: NaN is ordered behind all others."""
    broken = selected(
        jets_mass=ak.Array([[5.0, 6.0], [], [1.0, 2.0, value]]),
        jets_pt=ak.Array([[50.0, 40.0], [], [30.0, 20.0, 90.0]]),
        jets_eta=ak.Array([[0.5, 0.4], [], [0.3, 0.2, 0.1]]),
    )

    with pytest.raises(
        InputError,
        match=r"^jets\.mass, by which the objects of 'jets' are ordered, is NaN or missing for run 8, luminosity block 3,"
        rf" event 300 in {PLACE}\. Expected a number for every object\.",
    ):
        build_chunk(broken, analysis(), place=PLACE)


def test_a_feature_that_is_missing_in_an_object_is_told_with_its_event():
    broken = selected(jets_pt=ak.Array([[50.0, None], [], [30.0]]))

    with pytest.raises(InputError, match=r"The input jets\.pt is nan for run 7, luminosity block 1, event 100"):
        build_chunk(broken, analysis(), place=PLACE)


@pytest.mark.parametrize("feature", ["eta", "mass"], ids=["a feature", "what orders them"])
def test_features_of_different_objects_are_told_with_their_event(feature):
    broken = selected(**{f"jets_{feature}": ak.Array([[0.5, 0.4], [0.1], [0.3]])})

    with pytest.raises(
        InputError, match=rf"'jets' has .*jets\.{feature}.* for run 7, luminosity block 2, event 200 in a\.root"
    ):
        build_chunk(broken, analysis(INPUTS), place=PLACE)


def test_a_weight_that_is_not_finite_is_told_with_its_event():
    with pytest.raises(InputError, match=r"The weight is nan for run 8, luminosity block 3, event 300 in a\.root"):
        build_chunk(selected(weight=[1.0, 1.0, np.nan]), analysis(), place=PLACE)


def test_an_object_beyond_the_cut_off_may_be_anything():
    inputs = {"jets": {"jets": {"features": ["pt"], "max_objects": 1}}}
    given = selected(jets_pt=ak.Array([[50.0, np.nan], [], [30.0]]))

    assert build_chunk(given, analysis(inputs), place=PLACE).tensors["jets"]["jets"].tolist() == [[[50]], [[0]], [[30]]]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"evnt": ["met"]}, r"gives no collection 'evnt'\. Nearest: 'event', 'jets'\. Correct `inputs` in the YAML\."),
        ({"event": ["mett"]}, r"gives no feature event\.mett\. Nearest: 'met'\. Correct `inputs` in the YAML\."),
        ({"jets": {"features": ["ptt"], "max_objects": 2}}, r"gives no feature jets\.ptt\. Nearest: 'pt'\."),
        (
            {"jets": {"features": ["pt"], "max_objects": 2, "order_by": "mas"}},
            r"gives no feature jets\.mas\. Nearest: 'mass'\.",
        ),
    ],
    ids=["collection", "feature", "padded feature", "order"],
)
def test_an_input_that_the_processor_does_not_give_is_told_with_the_nearest(inputs, message):
    with pytest.raises(InputError, match=message):
        build_chunk(selected(), analysis({"set": inputs}), place=PLACE)


@pytest.mark.parametrize("n_values", [1, 2, 4])
def test_a_feature_of_another_length_is_told(n_values):
    broken = selected(event_met=np.zeros(n_values))

    with pytest.raises(
        InputError, match=rf"gives event\.met with {n_values} entries in 1 dimensions, for 3 selected events\. Exp"
    ):
        build_chunk(broken, analysis(), place=PLACE)


def test_a_jagged_feature_in_a_flat_collection_is_told():
    broken = selected(event_met=ak.Array([[1.0, 2.0], [], [3.0]]))

    with pytest.raises(
        InputError, match=r"gives event\.met with 3 entries in 2 dimensions, .* Expected one number an event"
    ):
        build_chunk(broken, analysis(), place=PLACE)


def test_a_flat_feature_in_a_padded_collection_is_told():
    broken = selected(jets_mass=ak.Array([1.0, 2.0, 3.0]))

    with pytest.raises(InputError, match=r"gives jets\.mass with 3 entries in 1 dimensions, .* Expected a list an event"):
        build_chunk(broken, analysis(), place=PLACE)


def test_a_weight_of_another_length_is_told():
    with pytest.raises(InputError, match=r"gives the weight with 1 entries in 1 dimensions, for 3 selected events"):
        build_chunk(selected(weight=[1.0]), analysis(), place=PLACE)


def test_no_events_give_empty_tensors():
    ids = EventIds(np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.uint64))
    jets = {name: ak.Array([[1.0]])[:0] for name in ("pt", "eta", "mass")}
    nothing = Selected(ids, np.zeros(0), {}, Cutflow(), {"event": {"met": [], "ht": []}, "jets": jets})

    chunk = build_chunk(nothing, analysis(), place=PLACE)

    assert len(chunk) == 0
    assert {name: tensor.shape for name, tensor in chunk.tensors["both"].items()} == {
        "event": (0, 1),
        "jets": (0, 2, 2),
        "jets_mask": (0, 2),
    }
