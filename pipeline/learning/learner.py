"""What every kind of model is to training and scoring: the small protocol behind which Keras and boosted trees stand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.errors import Diverged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.config import Training
    from pipeline.learning.checkpoint import Checkpoint
    from pipeline.stream.rows import Tensors
    from pipeline.stream.training_stream import TrainingStream


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of `history.csv`; for boosted trees an epoch is a round.

    Args:
        epoch: counted from 1.
        loss: mean training loss, per weighted event.
        val_loss: the same over the validation events.
        learning_rate: in this epoch.
        n_events: training events of each class that it held, as counted in the ledger of the stream.
    """

    epoch: int
    loss: float
    val_loss: float
    learning_rate: float
    n_events: Mapping[str, int]

    def row(self) -> dict[str, float]:
        """As in `history.csv`: events of all classes, and then of each in a column of its own."""
        losses = {name: getattr(self, name) for name in ("epoch", "loss", "val_loss", "learning_rate")}
        classes = {f"n_events_{name}": n_events for name, n_events in self.n_events.items()}
        return {**losses, "n_events": sum(self.n_events.values()), **classes}

    def checked(self) -> Epoch:
        """The same record.

        Raises:
            Diverged: a loss is not finite: the training has diverged, and no later epoch mends that.
        """
        if not (math.isfinite(self.loss) and math.isfinite(self.val_loss)):
            raise Diverged(
                f"Epoch {self.epoch} has loss {self.loss:g} and validation loss {self.val_loss:g} at learning rate"
                f" {self.learning_rate:g}. Expected finite numbers. Lower training.learning_rate, or mend extreme inputs."
            )
        return self


@dataclass(frozen=True, slots=True)
class Trained:
    """What training leaves, beside the files of the model.

    Args:
        history: one record an epoch.
        best_epoch: whose weights were kept, counted from 1.
        n_parameters: trained numbers of the model; for trees, their nodes and leaves.
        events_seen: by dataset, events of each training epoch: the same in every epoch.
        files: of the model, by what reads them, for example `{"onnx": "model.onnx"}`.
    """

    history: tuple[Epoch, ...]
    best_epoch: int
    n_parameters: int
    events_seen: Mapping[str, int]
    files: Mapping[str, str]


class Learner(Protocol):
    """How one kind of model is trained: a module with these functions."""

    def prepare(self, threads: int, seed: int) -> None:
        """Fix threads and seeds, before `build` draws the first weights."""

    def fit(
        self,
        model: Any,
        stream: TrainingStream,
        *,
        task: Any,
        training: Training,
        seed: int,
        folder: Path,
        checkpoint: Checkpoint,
        progress: Callable[[Epoch], None],
    ) -> Trained:
        """Train what `build` returned and write it to *folder*.

        Args:
            checkpoint: where the state of the training is kept, and found again after it was killed.
        """


class Predictor(Protocol):
    """A trained model, ready to answer."""

    def predict(self, tensors: Tensors) -> NDArray[np.float32]:
        """The outputs, shape (n_events, n_outputs)."""
