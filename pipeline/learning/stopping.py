"""When a training ends early, and whose weights are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.config import Training
    from pipeline.learning.learner import Epoch


def kept_epoch(history: Sequence[Epoch], training: Training) -> int:
    """The epoch whose weights are kept, counted from 1: the last one; with early stopping the last that was better than
    the best before it by more than `min_delta`."""
    if training.early_stopping is None:
        return len(history)
    best, kept = float("inf"), 1
    for row in history:
        if row.val_loss < best - training.early_stopping.min_delta:
            best, kept = row.val_loss, row.epoch
    return kept


def is_stopped(history: Sequence[Epoch], training: Training) -> bool:
    """Whether the validation loss has not improved for `patience` epochs."""
    stop = training.early_stopping
    return stop is not None and bool(history) and len(history) - kept_epoch(history, training) >= stop.patience
