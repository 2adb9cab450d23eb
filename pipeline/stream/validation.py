"""Which events of the training folds are held out to stop early, and which are learned from: the same for all who ask."""

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


def is_learned(keys: NDArray[np.uint64], held_out: float, fraction: float) -> NDArray[np.bool_]:
    """Which events of the training folds a model learns from, shape (n_events,): a *fraction* of all but those *held_out*.

    It is drawn from the event's name. What a smaller fraction takes, a larger one takes as well, so that models which learn
    from different numbers of events are compared with the same ones held out.
    """
    rest = ~is_validation(keys, held_out)
    return rest if fraction >= 1 else rest & (uniform(salted(keys, "fraction")) < fraction)


def split_name(held_out: float, fraction: float) -> str:
    """How `summary.json` calls the events that models with these settings learn from.

    >>> split_name(0.2, 1.0), split_name(0.2, 0.1)
    ('0.2', '0.2, 0.1 of the rest')
    """
    return str(held_out) if fraction >= 1 else f"{held_out}, {fraction} of the rest"
