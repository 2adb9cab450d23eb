"""A trained model is opened by what can read it, and says what is wrong if nothing can."""

import os
import subprocess
import sys

import numpy as np
import pytest
import xgboost

from pipeline import plugins
from pipeline.errors import InputError
from pipeline.learning.predictor import XgboostPredictor, load_predictor, table_of
from pipeline.stream.spec import InputSpec, OutputSpec

FILES = {"keras": "model.keras", "onnx": "model.onnx"}
N_EVENTS = 1500
OPEN = """
import sys
import numpy as np
from pathlib import Path
from pipeline.learning.predictor import load_predictor

tensors = dict(np.load(sys.argv[2]))
files = {"keras": "model.keras", "onnx": "model.onnx"}
scores = load_predictor(Path(sys.argv[1]), files, scoring=sys.argv[3]).predict(tensors)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"tensorflow", "keras", "jax", "torch"}))
np.save(sys.argv[4], scores)
"""


def spec(name, n_features, max_objects=None):
    mean, spread = np.full(n_features, 50, np.float32), np.full(n_features, 10, np.float32)
    return InputSpec(name, tuple(f"f{i}" for i in range(n_features)), mean, spread, max_objects)


def drawn(**shapes):
    rng = np.random.default_rng(1)
    return {name: rng.normal(50, 10, (N_EVENTS, *shape)).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A folder with an untrained network of two flat collections, as Keras and as ONNX, and events."""
    from pipeline.learning import keras_learner
    from pipeline.learning.export import export_onnx

    keras_learner.prepare(1, 3)
    folder = tmp_path_factory.mktemp("network")
    inputs = {"lepton": spec("lepton", 4), "event": spec("event", 3)}
    tensors = drawn(lepton=(4,), event=(3,))
    model = plugins.load("models", "dnn").build(inputs, OutputSpec(("tt", "hh"), "softmax"), units=[16])
    model.save(folder / FILES["keras"])
    export_onnx(model, folder / FILES["onnx"], tensors)
    np.savez(folder / "events.npz", **tensors)
    return folder


def in_own_process(network, scoring, out, root):
    """The scores, and which of the large libraries were imported for them."""
    command = [sys.executable, "-c", OPEN, str(network), str(network / "events.npz"), scoring, str(out)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return np.load(out), done.stdout.strip()


def test_a_model_that_nothing_here_can_read_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no model that can be scored: \{'torch': 'model\.pt'\}\. Expected one of"):
        load_predictor(tmp_path, {"torch": "model.pt"})


@pytest.mark.parametrize(
    ("kind", "name", "scoring"),
    [("onnx", "model.onnx", "onnx"), ("keras", "model.keras", "keras"), ("xgboost", "model.ubj", "keras")],
)
def test_a_missing_file_names_the_stage_that_writes_it(kind, name, scoring, tmp_path):
    with pytest.raises(InputError, match=rf"{name} is missing\. The stage 'train' writes it\. Run that stage again\."):
        load_predictor(tmp_path, {kind: name}, scoring=scoring)


def test_keras_and_onnx_give_the_same_scores_and_onnx_needs_no_tensorflow(network, tmp_path, pytestconfig):
    found = {
        kind: in_own_process(network, kind, tmp_path / f"{kind}.npy", pytestconfig.rootpath) for kind in ("onnx", "keras")
    }
    (onnx, imported_by_onnx), (keras, imported_by_keras) = found["onnx"], found["keras"]

    assert onnx.shape == keras.shape == (N_EVENTS, 2)
    assert np.ptp(onnx[:, 0]) > 0.1  # the events are not all alike
    np.testing.assert_allclose(onnx, keras, rtol=0, atol=1e-5)
    assert imported_by_onnx == "[]"
    assert "keras" in imported_by_keras


@pytest.mark.parametrize("n_events", [0, 1, 1024, 1025])
def test_any_number_of_events_may_be_scored(n_events, network):
    tensors = {name: tensor[:n_events] for name, tensor in drawn(lepton=(4,), event=(3,)).items()}

    for scoring in ("onnx", "keras"):
        assert load_predictor(network, FILES, scoring=scoring).predict(tensors).shape == (n_events, 2)


def test_keras_runs_no_code_from_a_model_file(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((1,), name="event"), keras.layers.Lambda(lambda x: x)])
    model.save(tmp_path / "model.keras")

    with pytest.raises(ValueError, match=r"safe_mode|unsafe"):
        load_predictor(tmp_path, {"keras": "model.keras"}, scoring="keras")


def test_trees_are_asked_in_the_order_of_names_whatever_that_of_the_tensors(tmp_path):
    tensors = drawn(jets=(2,), event=(3,))
    labels = (tensors["jets"][:, 1] > 50).astype(int)
    data = xgboost.DMatrix(table_of(tensors), label=labels)
    xgboost.train({"objective": "multi:softprob", "num_class": 2}, data, 3).save_model(tmp_path / "model.ubj")
    predictor = XgboostPredictor(tmp_path / "model.ubj")

    scores = predictor.predict(tensors)

    assert ((scores[:, 1] > 0.5) == labels).mean() > 0.99
    np.testing.assert_array_equal(scores, predictor.predict({name: tensors[name] for name in ("event", "jets")}))
    assert table_of(tensors).tolist() == np.concatenate([tensors["event"], tensors["jets"]], axis=1).tolist()


def test_opening_trees_imports_no_scikit_learn_and_leaves_it_importable(tmp_path, pytestconfig):
    pytest.importorskip("sklearn")
    data = xgboost.DMatrix(np.eye(4), label=[0, 1, 0, 1])
    xgboost.train({"objective": "multi:softprob", "num_class": 2}, data, 1).save_model(tmp_path / "model.ubj")
    code = (
        "import sys; from pathlib import Path; from pipeline.learning.predictor import load_predictor;"
        "load_predictor(Path(sys.argv[1]), {'xgboost': 'model.ubj'}); print('sklearn.base' in sys.modules);"
        "import sklearn.base"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath)},
        check=False,
    )

    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr
