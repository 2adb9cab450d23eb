"""How a method without a network answers: with the code of `models/`, and the parameters that were measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import plugins
from pipeline.files import read_json
from pipeline.stream.spec import InputSpec, OutputSpec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.physics.baseline import Baseline
    from pipeline.stream.rows import Tensors

# Events that are answered at once: a method may need much memory for each, such as for all permutations of its jets.
BATCH = 4096


class BaselinePredictor:
    """The method that `model.json` beside *path* names, with the parameters in *path*.

    That its code is the one it was trained with is seen before, by the digest in `model.json`.
    """

    def __init__(self, path: Path) -> None:
        record, kept = (read_json(file, made_by="train") for file in (path.with_name("model.json"), path))
        entry = record["config"]
        inputs = {name: _spec(name, collection) for name, collection in record["inputs"].items()}
        outputs = OutputSpec(tuple(record["outputs"]), "linear", targets=tuple(kept["targets"]))
        self._method: Baseline = plugins.load("models", entry["architecture"]).build(inputs, outputs, **entry["options"])
        self._parameters: dict[str, float] = kept["parameters"]
        self._n_outputs = outputs.size

    def predict(self, tensors: Tensors) -> NDArray[np.float32]:
        """The answers, shape (n_events, n_outputs)."""
        n_events = len(next(iter(tensors.values())))
        parts = [np.zeros((0, self._n_outputs), dtype=np.float32)]
        for start in range(0, n_events, BATCH):
            some = {name: tensor[start : start + BATCH] for name, tensor in tensors.items()}
            parts.append(np.asarray(self._method.answer(some, self._parameters), dtype=np.float32))
        return np.concatenate(parts)


def _spec(name: str, collection: Any) -> InputSpec:
    """A tensor as `model.json` keeps it: the features of a flat collection, or a padded one."""
    padded = isinstance(collection, dict)
    features = tuple(collection["features"] if padded else collection)
    return InputSpec.without_scales(name, features, collection["max_objects"] if padded else None)
