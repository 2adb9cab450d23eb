"""How a Keras model is trained from the stream."""

from __future__ import annotations

import math
import os
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipeline.events.remote import load_xrootd
from pipeline.learning.checkpoint import State, in_order, numbered
from pipeline.learning.learner import Epoch, Trained
from pipeline.learning.schedule import learning_rate
from pipeline.learning.stopping import is_stopped, kept_epoch
from pipeline.stream.in_thread import InThread

# Read when TensorFlow is first imported: only its errors are for the user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# oneDNN chooses its kernels by the processor: without it, two machines agree in more digits.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

load_xrootd()

import keras  # noqa: E402 - after XRootD

from pipeline.learning.export import export_onnx  # noqa: E402 - imports keras

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipeline.config import Training
    from pipeline.learning.checkpoint import Checkpoint
    from pipeline.stream.training_stream import TrainingStream

# Steps that run without returning to Python: most of a small network's time is overhead per step.
STEPS_PER_EXECUTION = 16


def prepare(threads: int, seed: int) -> None:
    """Fix threads and seeds before a model is built, so that the same configuration gives the same weights."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:  # TensorFlow runs already, in tests that train twice in one process
            pass


def fit(
    model: keras.Model,
    stream: TrainingStream,
    *,
    task: Any,
    training: Training,
    seed: int,
    folder: Path,
    checkpoint: Checkpoint,
    progress: Callable[[Epoch], None],
) -> Trained:
    """Train *model* and write `model.keras` and `model.onnx`; the arguments are those of `Learner.fit`."""
    sample = stream.sample()
    # Before the training as well, so that a layer which cannot be exported does not show after hours.
    export_onnx(model, folder / "model.onnx", sample)
    model.compile(
        optimizer=_optimizer(training),
        loss=task.keras_loss,
        # Only what is weighted enters the loss: its mean is then over weights, as for the validation.
        steps_per_execution=min(STEPS_PER_EXECUTION, stream.n_batches()),
        jit_compile=False,
    )
    record = Record(stream, training, progress)
    _train(model, stream, training, record, checkpoint)
    record.restore_best(model)
    model.save(folder / "model.keras")
    export_onnx(model, folder / "model.onnx", sample)
    return Trained(
        history=tuple(record.history),
        best_epoch=kept_epoch(record.history, training),
        n_parameters=sum(math.prod(variable.shape) for variable in model.trainable_variables),
        events_seen=stream.counted("training"),
        files={"keras": "model.keras", "onnx": "model.onnx"},
    )


def _train(model: keras.Model, stream: TrainingStream, training: Training, record: Record, checkpoint: Checkpoint) -> None:
    """All epochs, or those that are left after the last checkpoint."""
    saving = Saving(checkpoint, record, stream.n_batches())
    epoch, batch = saving.restore(model)
    if batch:
        saving.first_batch = batch
        _fit(model, stream, training, range(epoch, epoch + 1), [record, saving], skipped=batch)
        epoch, saving.first_batch = epoch + 1, 0
    if epoch < training.epochs and not is_stopped(record.history, training):
        _fit(model, stream, training, range(epoch, training.epochs), [record, saving])


def _fit(
    model: keras.Model,
    stream: TrainingStream,
    training: Training,
    epochs: range,
    callbacks: list[keras.callbacks.Callback],
    *,
    skipped: int = 0,
) -> None:
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, _: learning_rate(training, epoch))
    with closing(Batches(stream, epochs, skipped)) as batches, _own_errors(batches):
        model.fit(
            batches,
            initial_epoch=epochs.start,
            epochs=epochs.stop,
            shuffle=False,  # the stream did it
            callbacks=[schedule, *callbacks],
            verbose=0,
        )


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Epoch after epoch of batches, as `(inputs, targets, weights)`.

    Keras asks for batches 0, 1, 2, ... of an epoch, in this order. (An endless generator would not do: with several steps
    per execution, Keras rounds the steps of an epoch up, and its epochs drift apart from those of the stream.) A thread
    makes some before they are asked for: those of the next epoch while the last ones train, or the validation runs.

    Args:
        stream: of the batches.
        epochs: their numbers.
        skipped: batches of the first epoch that were done already; then there is no other epoch.
    """

    def __init__(self, stream: TrainingStream, epochs: range, skipped: int = 0) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._n_batches = stream.n_batches() - skipped
        self._begun, self._peeked = False, list[Any]()
        every = (rows for epoch in epochs for rows in stream.epoch(epoch))
        self._batches = InThread(islice(every, skipped, None), STEPS_PER_EXECUTION)
        self.error: Exception | None = None

    def __len__(self) -> int:
        return self._n_batches

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        try:
            # Before the first epoch Keras looks at some batches to learn their shapes.
            if not self._begun:
                while len(self._peeked) <= index:
                    self._peeked.append(next(self._batches))
            rows = self._peeked[index] if index < len(self._peeked) else next(self._batches)
        except Exception as error:
            # Keras wraps it in an error of TensorFlow's, from which the user would learn nothing.
            self.error = error
            raise
        return rows.tensors, rows.targets, rows.weight

    def on_epoch_begin(self) -> None:
        """Keras begins an epoch."""
        self._begun = True

    def on_epoch_end(self) -> None:
        """Keras has had all batches of an epoch, or has only looked at some."""
        if self._begun:
            self._peeked = []

    def close(self) -> None:
        """Make no more batches."""
        self._batches.close()


@contextmanager
def _own_errors(batches: Batches) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if batches.error is not None:
            raise batches.error from error
        raise


class Record(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures the validation loss, keeps the history, and with early stopping the best weights.

    Not Keras' own `EarlyStopping`, because that one forgets the best epoch when a training goes on in another `fit`.
    """

    def __init__(self, stream: TrainingStream, training: Training, progress: Callable[[Epoch], None]) -> None:
        super().__init__()
        self.stream, self._training, self._progress = stream, training, progress
        self.history: list[Epoch] = []
        self.best_weights: list[Any] = []

    def restore_best(self, model: keras.Model) -> None:
        """Give *model* the weights of the epoch that is kept."""
        if self._training.early_stopping is not None:
            model.set_weights(self.best_weights)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Keras has trained for another epoch."""
        n_events = self.stream.counted_by_class("training")
        row = Epoch(epoch + 1, float(logs["loss"]), self._loss(), learning_rate(self._training, epoch), n_events)
        self.history.append(row.checked())
        self._progress(row)
        if self._training.early_stopping is not None and kept_epoch(self.history, self._training) == len(self.history):
            self.best_weights = self.model.get_weights()
        self.model.stop_training = is_stopped(self.history, self._training)

    def _loss(self) -> float:
        """Mean loss per weight over the validation events, and the penalties of the model."""
        loss, total, weights = self.model.loss, 0.0, 0.0
        measure = loss if callable(loss) else keras.losses.get(loss)
        for rows in self.stream.epoch(0, "validation"):
            each = keras.ops.convert_to_numpy(measure(rows.targets, self.model.predict_on_batch(rows.tensors)))
            total += float((each.astype("float64") * rows.weight).sum())
            weights += float(rows.weight.astype("float64").sum())
        return total / weights + float(sum(float(penalty) for penalty in self.model.losses))


class Saving(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes checkpoints between two executions, and begins where the last one was written."""

    def __init__(self, checkpoint: Checkpoint, record: Record, n_batches: int) -> None:
        super().__init__()
        self._checkpoint, self._record, self._n_batches = checkpoint, record, n_batches
        self._epoch = self.first_batch = 0
        self._metrics: list[Any] = []

    def restore(self, model: keras.Model) -> tuple[int, int]:
        """Give *model* the last state, if there is one; the epoch and the batch to begin with."""
        state = self._checkpoint.load()
        if state is None:
            return 0, 0
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip(_variables(model), in_order("variable", state.arrays), strict=True):
            variable.assign(value)
        self._metrics = in_order("metric", state.arrays)
        self._record.history = list(state.history)
        self._record.stream.ledgers.update(state.ledgers)
        self._record.best_weights = in_order("best", state.arrays)
        return state.epoch, state.batch

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Keras has just forgotten the loss of the batches before: when there are some, remember it."""
        self._epoch = epoch
        if self.first_batch:
            for variable, value in zip(self.model.metrics_variables, self._metrics, strict=True):
                variable.assign(value)

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Some batches are done."""
        done = self.first_batch + batch + 1
        if self._checkpoint.due() and done < self._n_batches:
            self._save(self._epoch, done)

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """The epoch is done, and recorded."""
        if self._checkpoint.due():
            self._save(epoch + 1, 0)

    def _save(self, epoch: int, batch: int) -> None:
        arrays = {
            **numbered("variable", map(keras.ops.convert_to_numpy, _variables(self.model))),
            **numbered("metric", map(keras.ops.convert_to_numpy, self.model.metrics_variables)),
            **numbered("best", self._record.best_weights),
        }
        self._checkpoint.save(State(epoch, batch, tuple(self._record.history), self._record.stream.ledgers, arrays))


def _variables(model: keras.Model) -> list[Any]:
    """All that training changes: weights, states of random generators, and what the optimiser remembers."""
    return [*model.variables, *model.optimizer.variables]


def _optimizer(training: Training) -> keras.optimizers.Optimizer:
    return keras.optimizers.get({"class_name": training.optimizer, "config": {"learning_rate": training.learning_rate}})
