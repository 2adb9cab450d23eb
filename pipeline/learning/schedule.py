"""How large the learning rate is in each epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config import Training


def learning_rate(training: Training, epoch: int) -> float:
    """The learning rate of *epoch*, counted from 0, under the schedule of *training*."""
    start, schedule = training.learning_rate, training.schedule
    if schedule.kind == "step":
        return float(start * schedule.factor ** (epoch // schedule.epochs))
    if schedule.kind == "exponential":
        return float(start * schedule.factor**epoch)
    if schedule.kind == "cosine":
        # Source: arXiv:1608.03983, eq. 5, with one cycle over all epochs.
        share = (1 + math.cos(math.pi * epoch / training.epochs)) / 2
        return float(start * (schedule.final + (1 - schedule.final) * share))
    return start
