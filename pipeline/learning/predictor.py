"""How a trained model answers: networks by ONNX Runtime, without TensorFlow, or by Keras; trees by xgboost."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import plugins
from pipeline.errors import InputError
from pipeline.events.remote import load_xrootd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Scoring
    from pipeline.learning.learner import Predictor
    from pipeline.stream.rows import Tensors

# Events that go through a network at once. Always as many, the last ones padded: another size may give other last bits.
BATCH = 1024


class OnnxPredictor:
    """A network, on one thread: several ranges are scored beside each other instead."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._inputs = [tensor.name for tensor in self._session.get_inputs()]

    def predict(self, tensors: Tensors) -> NDArray[np.float32]:
        """The outputs, shape (n_events, n_outputs)."""
        return _in_batches(lambda feed: self._session.run(None, feed)[0], tensors, self._inputs)


class KerasPredictor:
    """A network on Keras, with the backend that `KERAS_BACKEND` names, and on the GPU that it finds.

    On a CPU it uses one thread, as `OnnxPredictor` does. It agrees with that to rounding, not bit by bit.
    """

    def __init__(self, path: Path) -> None:
        # Read when TensorFlow is first imported, as for training: only its errors are for the user, and no kernels that
        # are chosen by the processor.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
        # Without it, the first process on a GPU takes all of its memory.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        load_xrootd()
        import keras

        if keras.backend.backend() == "tensorflow":
            _one_thread()
        plugins.load_layers()
        # Safe mode: no code is run from the file.
        self._model: Any = keras.saving.load_model(path, compile=False, safe_mode=True)
        self._inputs = [tensor.name for tensor in self._model.inputs]

    def predict(self, tensors: Tensors) -> NDArray[np.float32]:
        """The outputs, shape (n_events, n_outputs)."""
        return _in_batches(self._model.predict_on_batch, tensors, self._inputs)


class XgboostPredictor:
    """Boosted trees, on one thread."""

    def __init__(self, path: Path) -> None:
        with _hidden("sklearn"):
            import xgboost

        self._booster = xgboost.Booster({"nthread": 1}, model_file=str(path))

    def predict(self, tensors: Tensors) -> NDArray[np.float32]:
        """The outputs, shape (n_events, n_outputs)."""
        table = table_of(tensors)
        if not len(table):
            return np.zeros((0, int(self._booster.attr("n_outputs") or 0)), dtype=np.float32)
        return np.asarray(self._booster.inplace_predict(table), dtype=np.float32)


def _baseline(path: Path) -> Predictor:
    from pipeline.learning.baseline_predictor import BaselinePredictor

    return BaselinePredictor(path)


READERS: dict[str, Callable[[Path], Predictor]] = {
    "baseline": _baseline,
    "onnx": OnnxPredictor,
    "keras": KerasPredictor,
    "xgboost": XgboostPredictor,
}


def load_predictor(folder: Path, files: Mapping[str, str], *, scoring: Scoring = "onnx") -> Predictor:
    """Open a trained model.

    Args:
        folder: of the model.
        files: in it, by what reads them.
        scoring: what runs a network; trees and methods without a network know only one way.

    Raises:
        InputError: none of *files* is of a kind that is wanted, or the file is missing.
    """
    wanted = (scoring, "xgboost", "baseline")
    for kind in wanted:
        if kind in files:
            path = folder / files[kind]
            if not path.is_file():
                raise InputError(f"{path} is missing. The stage 'train' writes it. Run that stage again.")
            return READERS[kind](path)
    raise InputError(
        f"{folder} holds no model that can be scored: {dict(files)}. Expected one of {list(wanted)}. Train again,"
        " or choose another `scoring` in the YAML."
    )


def table_of(tensors: Tensors) -> NDArray[np.float32]:
    """The flat *tensors* side by side, shape (n_events, n_features), in the order of their names.

    In no other order, since that of the tensors is that of the YAML, or of an entry in the scratch cache.
    """
    return np.concatenate([tensors[name] for name in sorted(tensors)], axis=1)


def _in_batches(run: Callable[[Tensors], Any], tensors: Tensors, names: list[str]) -> NDArray[np.float32]:
    """The outputs for all events, shape (n_events, n_outputs), from *run* on batches of one size."""
    n_events = len(tensors[names[0]])
    parts = [np.asarray(run(_batch(tensors, names, start))) for start in range(0, max(n_events, 1), BATCH)]
    return np.concatenate(parts)[:n_events]


def _batch(tensors: Tensors, names: list[str], start: int) -> Tensors:
    feed = {}
    for name in names:
        part = tensors[name][start : start + BATCH]
        if len(part) < BATCH:
            part = np.concatenate([part, np.zeros((BATCH - len(part), *part.shape[1:]), dtype=np.float32)])
        feed[name] = part
    return feed


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    """As if *module* were not installed, unless it is imported already.

    xgboost imports scikit-learn where it finds it, for classes that are not used here: that takes a second and 100 MB.
    """
    hide = module not in sys.modules
    if hide:
        sys.modules[module] = None  # type: ignore[assignment]  # Python's own way to say that it cannot be imported
    try:
        yield
    finally:
        if hide:
            del sys.modules[module]


def _one_thread() -> None:
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # TensorFlow runs already, in a process that has trained or that has opened a model
        pass
