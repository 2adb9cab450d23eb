"""How a trained model answers, without TensorFlow: networks by ONNX Runtime, trees by xgboost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.learning.learner import Predictor
    from pipeline.stream.chunk import Tensors

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
        n_events = len(next(iter(tensors.values())))
        parts = [self._batch(tensors, start) for start in range(0, max(n_events, 1), BATCH)]
        return np.concatenate(parts)[:n_events]

    def _batch(self, tensors: Tensors, start: int) -> NDArray[np.float32]:
        feed = {}
        for name in self._inputs:
            part = tensors[name][start : start + BATCH]
            feed[name] = np.zeros((BATCH, *part.shape[1:]), dtype=np.float32)
            feed[name][: len(part)] = part
        return np.asarray(self._session.run(None, feed)[0])


class XgboostPredictor:
    """Boosted trees, on one thread."""

    def __init__(self, path: Path) -> None:
        import xgboost

        self._booster = xgboost.Booster({"nthread": 1}, model_file=str(path))

    def predict(self, tensors: Tensors) -> NDArray[np.float32]:
        """The outputs, shape (n_events, n_outputs)."""
        table = np.concatenate(list(tensors.values()), axis=1)
        if not len(table):
            return np.zeros((0, int(self._booster.attr("n_outputs") or 0)), dtype=np.float32)
        return np.asarray(self._booster.inplace_predict(table), dtype=np.float32)


READERS: dict[str, Callable[[Path], Predictor]] = {"onnx": OnnxPredictor, "xgboost": XgboostPredictor}


def load_predictor(folder: Path, files: Mapping[str, str]) -> Predictor:
    """Open a trained model by the first of its *files* that can be read here.

    Raises:
        InputError: none can, or the file is missing.
    """
    for kind, name in files.items():
        if kind in READERS:
            if not (folder / name).is_file():
                raise InputError(f"{folder / name} is missing. The stage 'train' writes it. Run that stage again.")
            return READERS[kind](folder / name)
    raise InputError(
        f"{folder} holds no model that can be scored: {dict(files)}. Expected one of {list(READERS)}. Train again."
    )
