"""The dense network: its shapes, each of its options, and that it is the same after saving and as ONNX."""

import numpy as np
import pytest

from pipeline import plugins
from pipeline.learning import keras_learner  # sets what TensorFlow must know before it is imported
from pipeline.learning.export import export_onnx
from pipeline.learning.predictor import OnnxPredictor
from pipeline.stream.spec import InputSpec, OutputSpec

OPTIONS = {
    "as it is": {},
    "one layer": {"units": [8]},
    "no hidden layer": {"units": []},
    "leaky_relu": {"activation": "leaky_relu"},
    "tanh": {"activation": "tanh"},
    "elu": {"activation": "elu"},
    "gelu": {"activation": "gelu"},
    "selu": {"activation": "selu"},
    "silu": {"activation": "silu"},
    "sigmoid": {"activation": "sigmoid"},
    "softplus": {"activation": "softplus"},
    "linear": {"activation": "linear"},
    "dropout": {"dropout": 0.5},
    "l2": {"l2": 1e-3},
    "batch_norm": {"batch_norm": True},
    "all": {"units": [8, 4], "activation": "leaky_relu", "dropout": 0.2, "l2": 1e-3, "batch_norm": True},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


@pytest.fixture
def build(inputs, outputs):
    """Function that builds a small network with some options and a seed."""

    def build(seed=1, *, given=inputs, gives=outputs, **options):
        keras_learner.prepare(1, seed)
        return plugins.load("models", "dnn").build(given, gives, **{"units": [16, 8], **options})

    return build


def one_hot(labels):
    return np.eye(2, dtype=np.float32)[labels]


def layers(model, kind):
    return [layer for layer in model.layers if type(layer).__name__ == kind]


@every_option
def test_outputs_are_probabilities(options, build, batch):
    model = build(**options)

    scores = model.predict_on_batch(batch[0])

    assert scores.shape == (8, 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert not hasattr(model, "optimizer") or model.optimizer is None, "a model is not compiled by its builder"


@every_option
def test_the_same_seed_gives_the_same_weights(options, build):
    first, again, other = (build(seed, **options).get_weights() for seed in (3, 3, 4))

    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@every_option
def test_one_step_lowers_the_loss_on_eight_events(options, build, batch):
    tensors, labels = batch
    model = build(**{**options, "dropout": 0.0})
    model.compile(optimizer=keras_learner.keras.optimizers.SGD(0.01), loss="categorical_crossentropy")

    before = model.train_on_batch(tensors, one_hot(labels))
    after = model.train_on_batch(tensors, one_hot(labels))

    assert after < before


@every_option
def test_a_saved_model_answers_the_same_in_safe_mode(options, build, batch, tmp_path):
    model = build(**options)
    model.save(tmp_path / "model.keras")

    loaded = keras_learner.keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)

    np.testing.assert_array_equal(model.predict_on_batch(batch[0]), loaded.predict_on_batch(batch[0]))


@every_option
def test_onnx_answers_as_keras(options, build, batch, tmp_path):
    tensors, labels = batch
    model = build(**options)
    model.compile(optimizer=keras_learner.keras.optimizers.Adam(0.01), loss="categorical_crossentropy")
    for _ in range(3):  # so that batch normalisation has learned something
        model.train_on_batch(tensors, one_hot(labels))

    export_onnx(model, tmp_path / "model.onnx", tensors)

    many = {name: np.tile(tensor, (300, 1)) for name, tensor in tensors.items()}
    np.testing.assert_allclose(
        OnnxPredictor(tmp_path / "model.onnx").predict(many), model.predict_on_batch(many), atol=1e-5, rtol=0
    )


def test_units_are_the_widths_of_the_hidden_layers(build):
    assert [layer.units for layer in layers(build(units=[7, 5, 3]), "Dense")] == [7, 5, 3, 2]


def test_the_activation_is_that_of_every_hidden_layer(build):
    model = build(activation="tanh")

    assert [layer.activation.__name__ for layer in layers(model, "Activation")] == ["tanh", "tanh"]
    assert layers(model, "Dense")[-1].activation.__name__ == "softmax"


def test_dropout_follows_every_hidden_layer_and_rests_when_the_model_answers(build, batch):
    model = build(dropout=0.5)

    assert [layer.rate for layer in layers(model, "Dropout")] == [0.5, 0.5]
    np.testing.assert_array_equal(model.predict_on_batch(batch[0]), model.predict_on_batch(batch[0]))
    assert not layers(build(dropout=0.0), "Dropout")


def test_l2_adds_the_squared_weights_of_the_hidden_layers_to_the_loss(build):
    model = build(l2=0.1)

    hidden = layers(model, "Dense")[:-1]
    expected = sum(0.1 * float((layer.get_weights()[0].astype(np.float64) ** 2).sum()) for layer in hidden)
    assert sum(float(loss) for loss in model.losses) == pytest.approx(expected, rel=1e-5)
    assert not build(l2=0.0).losses


def test_batch_normalisation_replaces_the_bias_of_the_hidden_layers(build):
    model = build(batch_norm=True)

    assert [layer.use_bias for layer in layers(model, "Dense")] == [False, False, True]
    assert len(layers(model, "BatchNormalization")) == 2


def test_normalisation_is_inside_the_model(build, inputs, batch):
    """Other units of an input, told by mean and spread, give the same answers."""
    tensors, _ = batch
    in_mev = {
        name: InputSpec(name, spec.features, spec.mean * 1024, spec.spread * 1024) for name, spec in inputs.items()
    }  # 1024 is a power of two, so that no digit is lost

    in_gev = build(7).predict_on_batch(tensors)
    same = build(7, given=in_mev).predict_on_batch({name: tensor * 1024 for name, tensor in tensors.items()})

    np.testing.assert_allclose(in_gev, same, atol=1e-6)
    assert not np.allclose(in_gev, build(7, given=in_mev).predict_on_batch(tensors), atol=1e-3)


def test_the_first_layer_sees_mean_zero_and_spread_one(build, inputs):
    model = build()
    scaled = keras_learner.keras.Model(model.inputs, model.get_layer("normalised_event").output)
    spec = inputs["event"]
    events = np.array([spec.mean, spec.mean + spec.spread], dtype=np.float32)

    seen = scaled.predict_on_batch({"event": events, "leptons": np.zeros((2, 2), np.float32)})

    np.testing.assert_allclose(seen, [[0, 0, 0], [1, 1, 1]], atol=1e-5)


def test_a_single_input_and_another_output_are_taken(build, inputs):
    model = build(given={"event": inputs["event"]}, gives=OutputSpec(("x", "y", "z"), "linear"))

    assert model.output_shape == (None, 3)
    assert layers(model, "Dense")[-1].activation.__name__ == "linear"


def test_a_padded_input_is_refused(build, padded):
    with pytest.raises(ValueError, match="dnn takes flat inputs, 'jets' is a padded collection; choose a sequence model"):
        build(given=padded)
