"""What the two benchmarks of the training stream share: the stream, its batches in memory, and a model to train."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.ratio import REPEATS, Ratio, paired_seconds
from pipeline.config import Training
from pipeline.learning import keras_learner
from pipeline.learning.building import build_model, outputs_of
from pipeline.learning.keras_learner import STEPS_PER_EXECUTION, Batches
from pipeline.learning.summarise import summarise
from pipeline.stream.cache import ChunkCache
from pipeline.stream.summary import Summary
from pipeline.stream.training_stream import TrainingStream
from pipeline.stream.weights import training_factors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.setting import Setting
    from pipeline.scale.workers import Workers
    from pipeline.stream.rows import Rows

# By way of the learner, which sets what TensorFlow reads when it is first imported.
keras: Any = keras_learner.keras  # type: ignore[attr-defined]

MODEL, FOLD, SEED = "dnn_phi", 0, 1
TRAINING = Training(batch_size=1024)
CACHE_BYTES = 20e9
# So many steps are timed, for the start of `fit` not to count; of a tiny sample not more than some epochs.
STEPS, MOST_EPOCHS = 200, 20


@dataclass(frozen=True, slots=True)
class Trial:
    """A stream of training batches, what builds the network that is trained on it, the same at each call, and its loss."""

    stream: TrainingStream
    build: Callable[[], Any]
    loss: Any = "categorical_crossentropy"

    @classmethod
    def on(
        cls,
        setting: Setting,
        cache: Path,
        *,
        model: str = MODEL,
        training: Training = TRAINING,
        workers: Workers | None = None,
    ) -> Trial:
        """One *model* of the analysis, with chunks kept in *cache*."""
        path, analysis, plan = setting.scratch / "summary.json", setting.analysis, setting.plan
        summarise(analysis, plan, path, scratch=ChunkCache(setting.scratch / "cache_summary", CACHE_BYTES))
        summary, inputs = Summary.load(path), analysis.models[model].inputs
        sumw = {name: plan.sumw(name) for name in analysis.trained_datasets()}
        factors = training_factors(analysis, training, sumw, summary.counts(FOLD, "training", training.validation_fraction))
        n_events = summary.epoch_counts(FOLD, training.validation_fraction)
        scratch = ChunkCache(cache.resolve(), CACHE_BYTES)
        stream = TrainingStream(analysis, plan, inputs, FOLD, training, factors, n_events, scratch=scratch, workers=workers)
        outputs = summary.scaled(outputs_of(analysis, model), FOLD)

        def build() -> Any:
            keras_learner.prepare(training.threads, SEED)
            return build_model(analysis, model, summary.input_specs(analysis, inputs, FOLD), outputs)

        return cls(stream, build, analysis.task.trained_for(outputs).keras_loss)

    def batches(self, epochs: int) -> Batches:
        """So many epochs of the stream, as Keras reads them in the stage `train`."""
        return Batches(self.stream, range(epochs))

    def in_memory(self, epochs: int) -> InMemory:
        """The same batches of so many epochs, from arrays in memory."""
        whole = [joined(list(self.stream.epoch(number))) for number in range(epochs)]
        if self.stream.analysis.task.augment:  # no row comes twice
            first = np.cumsum([0, *(len(weight) for *_, weight in whole)])
            orders = [np.arange(start, stop) for start, stop in pairwise(first)]
            return InMemory(after_each_other(whole), orders, self.stream.training.batch_size)
        orders = [same_rows(whole[0], other) for other in whole]
        return InMemory(whole[0], orders, self.stream.training.batch_size)

    def model(self) -> Any:
        """The model, compiled as in the stage `train`, the same at each call."""
        model = self.build()
        steps = min(STEPS_PER_EXECUTION, self.stream.n_batches())
        model.compile(optimizer=self.stream.training.optimizer, loss=self.loss, steps_per_execution=steps)
        return model


class InMemory(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches drawn from arrays in memory, in an order that is given for each epoch."""

    def __init__(self, table: tuple[Any, Any, Any], orders: Sequence[NDArray[np.int64]], batch_size: int) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._batch_size = batch_size
        self._inputs, self._targets, self._weight = table
        self._orders, self._epoch = orders, -1

    def __len__(self) -> int:
        return -(-len(self._orders[0]) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        start = index * self._batch_size
        # Before the first epoch Keras looks at some batches to learn their shapes.
        order = self._orders[max(self._epoch, 0)]
        rows = order[start : start + self._batch_size]
        return {name: values[rows] for name, values in self._inputs.items()}, self._targets[rows], self._weight[rows]

    def on_epoch_begin(self) -> None:
        """Keras begins an epoch."""
        self._epoch = (self._epoch + 1) % len(self._orders)


def warm(name: str, trial: Trial, *, goal: float, steps: int = STEPS, repeats: int = REPEATS) -> Ratio:
    """Some epochs of a `fit` each, of the same batches, from the stream with a filled cache and from memory.

    The time counts from the second epoch on.

    Raises:
        AssertionError: the weights do not come out equal.
    """
    epochs = 1 + min(max(2, -(-steps // trial.stream.n_batches())), MOST_EPOCHS)
    memory = trial.in_memory(epochs)  # fills the cache as well
    ours, theirs = trial.model(), trial.model()
    fit(ours, trial.batches(epochs), epochs)
    fit(theirs, memory, epochs)
    check_equal(ours, theirs)
    result = paired_seconds(
        name,
        lambda: fit(ours, trial.batches(epochs), epochs),
        lambda: fit(theirs, memory, epochs),
        goal=goal,
        repeats=repeats,
    )
    check_equal(ours, theirs)
    return result


def joined(rows: Sequence[Rows]) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of all *rows*."""
    return after_each_other([(one.tensors, one.targets, one.weight) for one in rows])


def after_each_other(tables: Sequence[tuple[Any, Any, Any]]) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of all *tables*."""
    inputs, targets, weights = zip(*tables, strict=True)
    return {name: np.concatenate([one[name] for one in inputs]) for name in inputs[0]}, *map(
        np.concatenate, (targets, weights)
    )


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


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """When each epoch ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Keras has trained for another epoch."""
        self.ends.append(time.perf_counter())


def fit(model: Any, batches: Any, epochs: int = 1) -> float:
    """As the stage `train` calls it, without validation; seconds of all epochs but the first."""
    clock = Clock()
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=[clock])
    return clock.ends[-1] - clock.ends[0]


def check_equal(first: Any, second: Any) -> None:
    """Compare all weights of two models.

    Raises:
        AssertionError: one differs.
    """
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
