"""The BLSTM: the published network by default, each of its sizes, and what its first row holds."""

import numpy as np
import pytest

from models.layers.rows import input_tensors, rows_of
from pipeline.config import Sequence, load_analysis
from pipeline.stream.spec import OutputSpec
from tests.models.objects import OBJECTS, ask, build, events, inputs, keras, outputs, spec

MOMENTA = outputs("momenta")


def units(model, kind):
    return [layer.units for layer in model.layers if type(layer).__name__ == kind]


def dense(features, width):
    return features * width + width


def lstm(features, width):
    """Four gates, each with weights from the input and from its own output, and a bias."""
    return 4 * (width * (features + width) + width)


def test_as_it_is_it_is_the_published_network():
    """332,201 parameters, counted layer by layer; batch normalisation has four of a feature."""
    layers = [dense(6, 440), 4 * 440]
    for features in (440, 88, 88):
        layers += [2 * lstm(features, 44), 4 * 88]
    layers += [dense(88, 320), 4 * 320, dense(320, 90), 4 * 90, dense(90, 30), 4 * 30, dense(30, 3)]

    model = build("blstm", MOMENTA)

    assert model.count_params() == sum(layers) == 332_201
    kinds = [type(layer).__name__ for layer in model.layers if layer.count_params()]
    hidden = [kind for kind in kinds if kind != "Rescaling"]
    block = ["Dense", "BatchNormalization"]
    assert hidden == [*block, *(["Bidirectional", "BatchNormalization"] * 3), *(block * 3), "Dense"]
    activations = [layer.activation.__name__ for layer in model.layers if type(layer).__name__ == "Dense"]
    assert activations == ["relu", "relu", "elu", "elu", "linear"]


def test_the_analysis_of_top_pairs_gives_it_the_published_six_rows_of_six(pytestconfig):
    analysis = load_analysis(pytestconfig.rootpath / "config/ttbar.yaml")
    collections = analysis.inputs[analysis.models["blstm"].inputs]
    given = {
        name: spec(name, one.features, one.max_objects) if isinstance(one, Sequence) else spec(name, one)
        for name, one in collections.items()
    }
    momenta, _ = analysis.task.outputs_for(collections).head("momenta")

    model = build("blstm", OutputSpec(momenta.names, "linear", (momenta,)), given=given)

    assert rows_of(input_tensors(given), given)[0].shape == (None, 6, 6)
    assert collections["lepton"] == ("px", "py", "pz")
    assert collections["jets"].features == ("px", "py", "pz", "energy", "mass", "btag")
    assert momenta.rows == OBJECTS
    assert model.count_params() == 332_201


def test_every_size_is_an_option():
    sizes = {"dense_before": [9, 8], "lstm": [7], "dense_after": [6, 5], "activation_after": "tanh", "batch_norm": False}

    model = build("blstm", MOMENTA, **sizes)

    assert units(model, "Dense") == [9, 8, 6, 5, 3]
    assert model.count_params() == dense(6, 9) + dense(9, 8) + 2 * lstm(8, 7) + dense(14, 6) + dense(6, 5) + dense(5, 3)


def test_an_lstm_looks_back_only():
    """Row i is answered for by rows up to i: the last jet is seen by the last object alone."""
    tensors = events(least=5)
    other = {**tensors, "jets": tensors["jets"].copy()}
    other["jets"][:, 4] += 30
    small = {"dense_before": [8], "lstm": [4], "dense_after": [6], "activation_after": "elu"}

    seen = {}
    for bidirectional in (True, False):
        model = build("blstm", MOMENTA, bidirectional=bidirectional, **small)
        changed = ~np.isclose(ask(model, tensors), ask(model, other), atol=1e-7).reshape(24, 6, 3)
        seen[bidirectional] = changed.any(axis=(0, 2)).tolist()

    assert seen == {True: [True] * 6, False: [False] * 5 + [True]}


def test_the_first_row_is_lepton_zero_and_missing_momentum_and_padding_is_zero():
    given, tensors = inputs(), events()
    places = input_tensors(given)
    rows, mask, of = rows_of(places, given)
    scaled = {name: (tensors[name] - one.mean) / one.spread for name, one in given.items()}

    found, there = (np.asarray(part) for part in keras.Model(places, [rows, mask])(tensors))

    expected = np.concatenate([scaled["lepton"], np.zeros((24, 1)), scaled["met"]], axis=1)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(found[:, 1:], scaled["jets"] * tensors["jets_mask"][..., np.newaxis], atol=1e-5)
    np.testing.assert_array_equal(there, np.concatenate([np.ones((24, 1)), tensors["jets_mask"]], axis=1))
    assert of == {"jets": slice(1, 6)}


def test_rows_of_several_collections_are_filled_to_one_width():
    given = {"jets": spec("jets", ("pt", "eta"), 2), "leptons": spec("leptons", ("pt", "eta", "phi"), 3)}
    places = input_tensors(given)

    rows, mask, of = rows_of(places, given)

    assert (rows.shape, mask.shape) == ((None, 5, 3), (None, 5))
    assert of == {"jets": slice(0, 2), "leptons": slice(2, 5)}


def test_steps_need_as_many_rows_as_objects():
    with pytest.raises(
        ValueError, match=rf"as many rows as objects, and there are 9 rows for {len(OBJECTS)} objects; choose"
    ):
        build("blstm", MOMENTA, given=inputs(8))

    assert build("blstm", MOMENTA, given=inputs(8), readout="mean").output_shape == (None, 18)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"readout": "step"}, "readout is 'step'; choose steps or mean"),
        ({"activation_after": ["relu"]}, "dense_after has 3 layers and 1 activations; give one for each"),
    ],
    ids=["readout", "activations"],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build("blstm", MOMENTA, **options)
