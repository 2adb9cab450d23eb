"""What a model costs: its size, how long its training took and how fast it answers, as `cost.json` keeps it.

Apart from `model.json`, because no time is the same twice.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.learning.predictor import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.learning.learner import Predictor
    from pipeline.stream.rows import Tensors

# A fast model is asked MOST times, a slow one until SECONDS are over, but LEAST times.
LEAST, MOST, SECONDS = 3, 20, 2.0


def cost(
    n_parameters: int,
    train_seconds: float,
    predictor: Predictor,
    sample: Tensors,
    *,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, Any]:
    """The content of `cost.json`.

    Args:
        n_parameters: trained numbers; for trees their nodes.
        train_seconds: of all parts of a training that was killed and went on.
        predictor: the trained model, as it is scored with: on one thread, or on a GPU.
        sample: inputs of some events, at least one.
        clock: seconds, from any beginning.
    """
    return {
        "n_parameters": n_parameters,
        "train_seconds": train_seconds,
        "rows_per_second": rows_per_second(predictor, sample, clock=clock),
    }


def rows_per_second(predictor: Predictor, sample: Tensors, *, clock: Callable[[], float] = perf_counter) -> float:
    """How many rows (events, or jets) *predictor* answers in a second: one batch over the median time that it takes.

    Reading and building inputs are not in it. The first batch does not count: memory is laid out then.

    Args:
        sample: of rows, repeated until they fill a batch.
    """
    n_rows = len(next(iter(sample.values())))
    batch = {name: tensor[np.arange(BATCH) % n_rows] for name, tensor in sample.items()}
    predictor.predict(batch)
    seconds: list[float] = []
    while len(seconds) < LEAST or (sum(seconds) < SECONDS and len(seconds) < MOST):
        begun = clock()
        predictor.predict(batch)
        seconds.append(clock() - begun)
    return BATCH / median(seconds)
