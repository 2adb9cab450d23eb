"""How a method without a network is trained: what it measures on the training folds is its model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.files import write_json
from pipeline.learning.learner import Trained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.config import Training
    from pipeline.learning.checkpoint import Checkpoint
    from pipeline.learning.learner import Epoch
    from pipeline.physics.baseline import Baseline
    from pipeline.stream.training_stream import TrainingStream

PARAMETERS = "baseline.json"


def prepare(threads: int, seed: int) -> None:
    """Nothing to fix beforehand: nothing is drawn."""


def fit(
    model: Baseline,
    stream: TrainingStream,
    *,
    task: Any,
    training: Training,
    seed: int,
    folder: Path,
    checkpoint: Checkpoint,
    progress: Callable[[Epoch], None],
) -> Trained:
    """Measure what *model* needs in one pass and write `baseline.json`; the arguments are those of `Learner.fit`.

    There is no loss and so no history; a method that was killed begins again.

    Raises:
        InputError: a parameter is not finite.
    """
    batches = stream.epoch(0)
    parameters = {name: float(value) for name, value in model.measure(batches).items()}
    for name, value in parameters.items():
        if not math.isfinite(value):
            raise InputError(
                f"The method measures {name} = {value} on its training events. Expected a finite number. Add events,"
                " or look at the targets of the processor."
            )
    for _ in batches:  # the ledger is that of a whole epoch, also where nothing is measured
        pass
    write_json(folder / PARAMETERS, {"targets": list(task.outputs.targets), "parameters": parameters})
    return Trained(
        history=(),
        best_epoch=0,
        n_parameters=len(parameters),
        events_seen=stream.counted("training"),
        files={"baseline": PARAMETERS},
    )
