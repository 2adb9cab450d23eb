"""What the two benchmarks of the training stream share: the stream, its batches in memory, and a model to train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import plugins
from pipeline.config import Training
from pipeline.learning import keras_learner
from pipeline.learning.keras_learner import STEPS_PER_EXECUTION, Batches
from pipeline.learning.summarise import summarise
from pipeline.stream.cache import ChunkCache
from pipeline.stream.summary import Summary
from pipeline.stream.training_stream import TrainingStream
from pipeline.stream.weights import training_factors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.setting import Setting
    from pipeline.stream.shuffle import Rows

# By way of the learner, which sets what TensorFlow reads when it is first imported.
keras: Any = keras_learner.keras  # type: ignore[attr-defined]

MODEL, FOLD, SEED = "dnn_phi", 0, 1
TRAINING = Training(batch_size=1024)
CACHE_BYTES = 20e9


@dataclass(frozen=True, slots=True)
class Trial:
    """A stream of training batches and what is needed to train on it."""

    stream: TrainingStream
    summary: Summary

    @classmethod
    def on(cls, setting: Setting, cache: Path) -> Trial:
        """With chunks kept in *cache*."""
        path = setting.scratch / "summary.json"
        summarise(setting.analysis, setting.plan, path)
        summary, analysis = Summary.load(path), setting.analysis
        sumw = {name: setting.plan.sumw(name) for name in analysis.trained_datasets()}
        factors = training_factors(analysis, TRAINING, sumw, summary.counts(FOLD, "training"))
        inputs = analysis.models[MODEL].inputs
        scratch = ChunkCache(cache, CACHE_BYTES)
        return cls(TrainingStream(analysis, setting.plan, inputs, FOLD, TRAINING, factors, scratch), summary)

    @property
    def n_events(self) -> dict[str, int]:
        """Events of each dataset in an epoch."""
        return self.summary.epoch_counts(FOLD, TRAINING.validation_fraction)["training"]

    def batches(self) -> Batches:
        """The stream as Keras reads it in the stage `train`."""
        return Batches(self.stream, "training", self.n_events)

    def in_memory(self, epochs: int) -> InMemory:
        """The same batches of so many epochs, from arrays in memory."""
        whole = [joined(list(self.stream.epoch(number))) for number in range(epochs)]
        return InMemory(whole[0], [same_rows(whole[0], other) for other in whole])

    def model(self) -> Any:
        """The model, compiled as in the stage `train`, the same at each call."""
        analysis = self.stream.analysis
        keras_learner.prepare(TRAINING.threads, SEED)
        entry = analysis.models[MODEL]
        specs = self.summary.input_specs(analysis, entry.inputs, FOLD)
        model = plugins.load("models", entry.architecture).build(specs, analysis.task.outputs, **entry.options)
        steps = min(STEPS_PER_EXECUTION, len(self.batches()))
        model.compile(optimizer=TRAINING.optimizer, loss=analysis.task.keras_loss, steps_per_execution=steps)
        return model


class InMemory(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches drawn from arrays in memory, in an order that is given for each epoch."""

    def __init__(self, table: tuple[Any, Any, Any], orders: Sequence[NDArray[np.int64]]) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._inputs, self._targets, self._weight = table
        self._orders, self._epoch = orders, -1

    def __len__(self) -> int:
        return -(-len(self._weight) // TRAINING.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        start = index * TRAINING.batch_size
        # Before the first epoch Keras looks at some batches to learn their shapes.
        order = self._orders[max(self._epoch, 0)]
        rows = order[start : start + TRAINING.batch_size]
        return {name: values[rows] for name, values in self._inputs.items()}, self._targets[rows], self._weight[rows]

    def on_epoch_begin(self) -> None:
        """Keras begins an epoch."""
        self._epoch = (self._epoch + 1) % len(self._orders)


def joined(rows: Sequence[Rows]) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of all *rows*."""
    tensors = {name: np.concatenate([one.tensors[name] for one in rows]) for name in rows[0].tensors}
    return tensors, np.concatenate([one.targets for one in rows]), np.concatenate([one.weight for one in rows])


def same_rows(table: tuple[Any, Any, Any], other: tuple[Any, Any, Any]) -> NDArray[np.int64]:
    """Where the rows of *other* stand in *table*; which of two equal rows does not matter."""
    first, second = (np.argsort(_as_bytes(one), kind="stable") for one in (table, other))
    place = np.empty(len(first), dtype=np.int64)
    place[second] = first
    return place


def _as_bytes(table: tuple[Any, Any, Any]) -> Any:
    inputs, targets, weight = table
    columns = [*(values.reshape(len(values), -1) for values in inputs.values()), targets, weight[:, np.newaxis]]
    rows = np.ascontiguousarray(np.concatenate(columns, axis=1))
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]


def fit(model: Any, batches: Any, epochs: int = 1) -> None:
    """As the stage `train` calls it, without validation."""
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0)


def check_equal(first: Any, second: Any) -> None:
    """Compare all weights of two models.

    Raises:
        AssertionError: one differs.
    """
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
