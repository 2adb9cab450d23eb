"""Which events of the training folds are held out to stop early: everybody who asks gets the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipeline.statistics.hashing import salted, uniform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What becomes of the training folds.
Part = Literal["training", "validation"]


def is_validation(keys: NDArray[np.uint64], fraction: float) -> NDArray[np.bool_]:
    """Which events of the training folds are kept for early stopping, shape (n_events,): drawn from the event's name."""
    return uniform(salted(keys, "validation")) < fraction
