"""How a trained Keras model becomes ONNX, so that a scoring job needs no TensorFlow."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import PipelineError
from pipeline.learning.building import units_of
from pipeline.learning.onnx_erfc import teach_erfc
from pipeline.learning.predictor import OnnxPredictor

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    from numpy.typing import NDArray

    from pipeline.stream.rows import Tensors

# Largest difference of an output between ONNX and Keras, in the network's own units: absolute in [0, 1], and relative to the
# largest output beyond, since float32 keeps seven digits. The unit of momenta in GeV is their spread.
TOLERANCE = 1e-5


def export_onnx(model: keras.Model, path: Path, sample: Tensors) -> None:
    """Write *model* as ONNX and compare the two on a real batch.

    Args:
        sample: tensors of some events, shape (n_events, ...).

    Raises:
        PipelineError: a layer has no ONNX form, or an output differs by more than 1e-5, see `TOLERANCE`.
    """
    teach_erfc()
    expected = np.asarray(model.predict_on_batch(sample))
    for name in ("tensorflow", "tf2onnx"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # tf2onnx asks NumPy and TensorFlow for names that both have deprecated.
        warnings.simplefilter("ignore")
        model.export(path, format="onnx", verbose=False)
    scale = np.maximum(np.abs(expected).max(axis=0), np.asarray(units_of(model), dtype=np.float32))
    difference = float((np.abs(_answers(model, path, sample) - expected) / scale).max())
    if not difference <= TOLERANCE:
        raise PipelineError(
            f"The ONNX export of model {model.name!r} differs from Keras by {difference:.2g} on a real batch."
            f" Expected at most {TOLERANCE:g}. Look for a layer that exports wrongly: export parts of the model and compare."
        )


def _answers(model: keras.Model, path: Path, sample: Tensors) -> NDArray[np.float32]:
    try:
        return OnnxPredictor(path).predict(sample)
    except Exception as error:
        what = str(error).splitlines()[0][-200:]
        raise PipelineError(
            f"The ONNX export of model {model.name!r} cannot be used: {what}. Expected layers and activations that tf2onnx"
            " knows. Replace the one that is named."
        ) from error
