"""A model whose ONNX form does not answer as Keras does is refused, and the message names what to replace."""

from contextlib import nullcontext

import numpy as np
import pytest

from pipeline.config import Training
from pipeline.errors import PipelineError
from pipeline.learning import export, keras_learner
from pipeline.learning.building import in_units
from pipeline.learning.checkpoint import Checkpoint
from pipeline.learning.export import export_onnx
from pipeline.stream.spec import OutputSpec

keras = keras_learner.keras
SAMPLE = {"event": np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)}


def unknown_operation(x):
    return keras.ops.erfinv(keras.ops.tanh(x) * 0.5)


def normalisation(x):
    layer = keras.layers.Normalization()
    layer.adapt(SAMPLE["event"])
    return layer(x)


def model(through):
    tensor = keras.Input((3,), name="event")
    return keras.Model({"event": tensor}, keras.layers.Dense(2, activation="softmax")(through(tensor)), name="net")


def test_an_operation_without_onnx_form_is_named(tmp_path):
    with pytest.raises(
        PipelineError, match=r"export of model 'net' cannot be used: .*Erfinv.* Replace the one that is named"
    ):
        export_onnx(model(unknown_operation), tmp_path / "model.onnx", SAMPLE)


def test_a_normalization_layer_which_exports_wrongly_is_refused(tmp_path):
    with pytest.raises(PipelineError, match=r"The ONNX export of model 'net' (cannot be used|differs from Keras)"):
        export_onnx(model(normalisation), tmp_path / "model.onnx", SAMPLE)


@pytest.mark.parametrize(("difference", "refused"), [(5e-4, False), (5e-3, True)])
def test_answers_in_gev_are_compared_in_units_of_their_spread(difference, refused, tmp_path, monkeypatch):
    """With a spread of 100 GeV, a difference of 0.5 MeV is 5e-6, and one of 5 MeV is 5e-5."""
    network = model(lambda x: x)
    outputs = OutputSpec(("a", "b"), "linear", mean=np.zeros(2, np.float32), spread=np.full(2, 100, np.float32))
    network = in_units(network, outputs)
    small = {"event": SAMPLE["event"] * 0}
    monkeypatch.setattr(export, "_answers", lambda *_: network.predict_on_batch(small) + np.float32(difference))

    with pytest.raises(PipelineError, match="differs from Keras") if refused else nullcontext():
        export_onnx(network, tmp_path / "model.onnx", small)


def test_a_model_that_cannot_be_exported_stops_before_the_training(toy_stream, task, tmp_path):
    training = Training(batch_size=128, epochs=3)
    stream = toy_stream(training)
    tensor = keras.Input((5,), name="event")
    untrained = keras.Model({"event": tensor}, keras.layers.Dense(2)(unknown_operation(tensor)), name="net")

    with pytest.raises(PipelineError, match="Erfinv"):
        keras_learner.fit(
            untrained,
            stream,
            task=task,
            training=training,
            seed=1,
            folder=tmp_path,
            checkpoint=Checkpoint(tmp_path / "checkpoint.npz", "test"),
            progress=lambda _: pytest.fail("has trained"),
        )
