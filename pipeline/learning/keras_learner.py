"""How a Keras model is trained from the stream."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.errors import PipelineError
from pipeline.learning.learner import Epoch, Trained
from pipeline.learning.schedule import learning_rate

# Read when TensorFlow is first imported: only its errors are for the user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# oneDNN chooses its kernels by the processor: without it, two machines agree in more digits.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras

from pipeline.learning.export import export_onnx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pipeline.config import Training
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
    n_events: Mapping[str, Mapping[str, int]],
    seed: int,
    folder: Path,
    progress: Callable[[Epoch], None],
) -> Trained:
    """Train *model* and write `model.keras` and `model.onnx`; the arguments are those of `Learner.fit`."""
    batches = Batches(stream, "training", n_events["training"])
    record = _Record(Batches(stream, "validation", n_events["validation"]), training, progress)
    sample = next(stream.epoch(0, "validation")).tensors
    # Before the training as well, so that a layer which cannot be exported does not show after hours.
    export_onnx(model, folder / "model.onnx", sample)
    model.compile(
        optimizer=_optimizer(training),
        loss=task.keras_loss,
        # Only what is weighted enters the loss: its mean is then over weights, as for the validation.
        steps_per_execution=min(STEPS_PER_EXECUTION, len(batches)),
        jit_compile=False,
    )
    with _own_errors(batches):
        model.fit(
            batches,
            epochs=training.epochs,
            shuffle=False,  # the stream did it
            callbacks=[
                keras.callbacks.LearningRateScheduler(lambda epoch, _: learning_rate(training, epoch)),
                record,
                *_early_stopping(training),
            ],
            verbose=0,
        )
    model.save(folder / "model.keras")
    export_onnx(model, folder / "model.onnx", sample)
    return Trained(
        history=tuple(record.history),
        best_epoch=_kept_epoch(record.history, training),
        n_parameters=model.count_params(),
        events_seen=dict(n_events["training"]),
        files={"keras": "model.keras", "onnx": "model.onnx"},
    )


def _kept_epoch(history: list[Epoch], training: Training) -> int:
    """Whose weights Keras has kept: the last, or with early stopping the last that was better by `min_delta`."""
    if training.early_stopping is None:
        return len(history)
    best, kept = float("inf"), 1
    for row in history:
        if row.val_loss < best - training.early_stopping.min_delta:
            best, kept = row.val_loss, row.epoch
    return kept


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Epoch after epoch of batches, as `(inputs, targets, weights)`; every epoch is counted against what it must hold.

    Keras asks for batches 0, 1, 2, ... of an epoch, in this order. (An endless generator would not do: with several steps
    per execution, Keras rounds the steps of an epoch up, and its epochs drift apart from those of the stream.)
    """

    def __init__(self, stream: TrainingStream, part: Any, n_events: Mapping[str, int]) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._stream, self._part = stream, part
        self._expected = Counter({name: n for name, n in n_events.items() if n})
        self._epoch, self._begun, self._peeked = 0, False, list[Any]()
        self._batches = self.epoch(0)
        self.error: Exception | None = None

    def __len__(self) -> int:
        return -(-self._expected.total() // self._stream.training.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        try:
            # Before the first epoch Keras looks at some batches to learn their shapes.
            if not self._begun:
                while len(self._peeked) <= index:
                    self._peeked.append(next(self._batches))
            if self._epoch == 0 and index < len(self._peeked):
                batch: tuple[Any, Any, Any] = self._peeked[index]
                return batch
            return next(self._batches)
        except Exception as error:
            # Keras wraps it in an error of TensorFlow's, from which the user would learn nothing.
            self.error = error
            raise

    def on_epoch_begin(self) -> None:
        """Keras begins an epoch."""
        self._begun = True

    def on_epoch_end(self) -> None:
        """Keras has had all batches of an epoch."""
        if self._begun:
            self._epoch += 1
            self._batches, self._peeked = self.epoch(self._epoch), []

    def epoch(self, number: int) -> Iterator[tuple[Any, Any, Any]]:
        """The batches of one epoch.

        Raises:
            PipelineError: the epoch held other events than it must.
        """
        seen: Counter[str] = Counter()
        waiting = None
        for rows in self._stream.epoch(number, self._part):
            seen += self._stream.counts(rows)
            if seen.total() > self._expected.total():
                raise self._mismatch(seen, number)
            if waiting is not None:
                yield waiting
            # The last batch waits for the count, because nobody asks for what comes after it.
            waiting = (rows.tensors, rows.targets, rows.weight)
        if seen != self._expected:
            raise self._mismatch(seen, number)
        if waiting is not None:
            yield waiting

    def _mismatch(self, seen: Counter[str], epoch: int) -> PipelineError:
        return PipelineError(
            f"Epoch {epoch + 1} held {dict(seen)} {self._part} events. Expected {dict(self._expected)}, as in summary.json."
            " A file or the processor changed in between: run summarise again."
        )


@contextmanager
def _own_errors(batches: Batches) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if batches.error is not None:
            raise batches.error from error
        raise


class _Record(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures the validation loss, adds it to Keras' logs for early stopping, and keeps the history."""

    def __init__(self, validation: Batches, training: Training, progress: Callable[[Epoch], None]) -> None:
        super().__init__()
        self._validation, self._training, self._progress = validation, training, progress
        self.history: list[Epoch] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = {} if logs is None else logs
        logs["val_loss"] = self._loss()
        row = Epoch(epoch + 1, float(logs["loss"]), logs["val_loss"], learning_rate(self._training, epoch))
        self.history.append(row.checked())
        self._progress(row)

    def _loss(self) -> float:
        """Mean loss per weight over the validation events, and the penalties of the model."""
        loss, total, weights = self.model.loss, 0.0, 0.0
        measure = loss if callable(loss) else keras.losses.get(loss)
        for inputs, targets, weight in self._validation.epoch(0):
            each = keras.ops.convert_to_numpy(measure(targets, self.model.predict_on_batch(inputs)))
            total += float((each.astype("float64") * weight).sum())
            weights += float(weight.astype("float64").sum())
        return total / weights + float(sum(float(penalty) for penalty in self.model.losses))


def _optimizer(training: Training) -> keras.optimizers.Optimizer:
    return keras.optimizers.get({"class_name": training.optimizer, "config": {"learning_rate": training.learning_rate}})


def _early_stopping(training: Training) -> list[keras.callbacks.Callback]:
    if training.early_stopping is None:
        return []
    stop = training.early_stopping
    return [
        keras.callbacks.EarlyStopping(
            "val_loss", patience=stop.patience, min_delta=stop.min_delta, mode="min", restore_best_weights=True
        )
    ]
