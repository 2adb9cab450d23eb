"""Networks on images of jets: sizes, shapes, that they learn, and that ONNX Runtime answers as Keras does."""

import numpy as np
import pytest

from pipeline import plugins
from pipeline.learning import keras_learner  # sets what TensorFlow must know before it is imported
from pipeline.learning.export import export_onnx
from pipeline.learning.predictor import OnnxPredictor
from pipeline.stream.spec import InputSpec, OutputSpec

keras = keras_learner.keras
GREY = ("pt",)
COLOUR = ("charged_pt", "neutral_pt", "charged_multiplicity")
SMALL = {
    "cnn": {"filters": [4, 4, 4], "kernels": [5, 3, 3], "units": [8]},
    "maxout": {"maxout_units": [8, 8], "units": [8, 4]},
    "resnet": {"filters": [4, 8], "blocks": 1},
}
every_model = pytest.mark.parametrize("architecture", SMALL)
LABELS = np.eye(2, dtype=np.float32)[np.arange(8) % 2]


def spec(pixels=25, channels=GREY):
    """Scales far from one, as momenta have them."""
    n = len(channels)
    return {"image": InputSpec("image", channels, *np.linspace([0.4] * n, [5.0] * n, 2, dtype=np.float32), pixels=pixels)}


def build(architecture, *, pixels=25, channels=GREY, seed=1, outputs=("qcd", "w"), activation="softmax", **options):
    keras_learner.prepare(1, seed)
    inputs = spec(pixels, channels)
    return plugins.load("models", architecture).build(inputs, OutputSpec(outputs, activation), **options)


def images(pixels=25, channels=GREY):
    """Eight images, few pixels of which are not empty; those of one class are brighter."""
    rng = np.random.default_rng(3)
    shape = (8, pixels, pixels, len(channels))
    bright = np.where(rng.random(shape) < 0.05, rng.exponential(20, shape), 0)
    return {"image": (bright * (1 + LABELS[:, 1, None, None, None])).astype(np.float32)}


def answers(model, given):
    return keras.ops.convert_to_numpy(model(given, training=False))


def test_maxout_has_as_many_parameters_as_published():
    """github.com/ml-slac/deep-jets: 25 × 25 pixels, one output."""
    assert build("maxout", outputs=("w",), activation="sigmoid").count_params() == 975_667


def test_the_default_cnn_is_that_of_the_paper():
    layers = [layer for layer in build("cnn").layers if isinstance(layer, keras.layers.Conv2D)]

    assert [(layer.filters, layer.kernel_size[0]) for layer in layers] == [(64, 11), (32, 3), (32, 3)]
    assert [tuple(layer.output.shape[1:3]) for layer in layers] == [(25, 25), (12, 12), (4, 4)]


@pytest.mark.parametrize(("pixels", "channels"), [(25, GREY), (33, COLOUR)], ids=["grey", "colour"])
@every_model
def test_outputs_are_probabilities_of_each_class(architecture, pixels, channels):
    scores = answers(build(architecture, pixels=pixels, channels=channels, **SMALL[architecture]), images(pixels, channels))

    assert scores.shape == (8, 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


@every_model
def test_one_seed_gives_one_set_of_weights(architecture):
    first, second, other = (build(architecture, seed=seed, **SMALL[architecture]).get_weights() for seed in (1, 1, 2))

    for one, same in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, same)
    assert any(not np.array_equal(one, another) for one, another in zip(first, other, strict=True))


@every_model
def test_training_lowers_the_loss_and_onnx_runtime_agrees(architecture, tmp_path):
    model, given = build(architecture, channels=COLOUR, **SMALL[architecture]), images(channels=COLOUR)
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss="categorical_crossentropy", run_eagerly=True)
    before = float(model.test_on_batch(given, LABELS))
    for _ in range(12):
        model.train_on_batch(given, LABELS)

    # Batch normalisation answers with moving means when it is not trained.
    assert float(model.train_on_batch(given, LABELS)) < before

    export_onnx(model, tmp_path / "model.onnx", given)
    np.testing.assert_allclose(answers(model, given), OnnxPredictor(tmp_path / "model.onnx").predict(given), atol=1e-5)


@every_model
def test_what_is_no_image_is_refused(architecture, padded, inputs):
    for wrong in (padded, inputs):
        with pytest.raises(ValueError, match=rf"{architecture} takes one image, not .*; give it a collection of kind"):
            plugins.load("models", architecture).build(wrong, OutputSpec(("qcd", "w"), "softmax"))


def test_each_convolution_has_a_kernel_and_a_pool():
    with pytest.raises(ValueError, match="cnn has 2 filters, 3 kernels and 3 pools; give one of each"):
        build("cnn", filters=[4, 4])


def test_networks_of_numbers_refuse_images():
    for architecture, message in (("dnn", "dnn takes flat inputs"), ("set_transformer", "'image' is an image")):
        with pytest.raises(ValueError, match=message):
            plugins.load("models", architecture).build(spec(), OutputSpec(("qcd", "w"), "softmax"))
