"""How a classifier's probabilities become one number that is cut on, and its bin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The discriminant is binned in its logit, where a softmax is about linear in the network's output: bins of 0.016 up to
# odds of e^16, which is where a float32 probability ends. Beyond is counted in the end bins.
N_BINS = 2000
LOGIT_MAX = 16.0
ODDS_EDGES = np.exp(np.linspace(-LOGIT_MAX, LOGIT_MAX, N_BINS + 1))
# The signal's probability at each edge, shape (N_BINS + 1,).
THRESHOLDS = ODDS_EDGES / (1 + ODDS_EDGES)
# Sums of float32 probabilities may differ from 1 by their rounding.
TOLERANCE = 1e-4


def probabilities(scores: Any, shape: tuple[int, int], whose: str) -> NDArray[np.float64]:
    """*scores* as float64, when they are probabilities of *shape* (n_events, n_classes).

    Raises:
        InputError: they are not; says *whose*.
    """
    array = np.asarray(scores, dtype=np.float64)
    if array.shape != shape:
        raise InputError(
            f"Scores of {whose} have shape {array.shape}, not {shape}."
            " Expected one row for each event and one column for each class. Train the model again."
        )
    good = (array >= 0).all(axis=1) & (np.abs(_sum(array, range(shape[1])) - 1) < TOLERANCE)  # also false for NaN
    if not good.all():
        raise InputError(
            f"Scores of {whose} are no probabilities in {int((~good).sum())} of {len(good)} events,"
            f" such as {array[np.argmin(good)].tolist()}. Expected numbers in [0, 1] with sum 1."
            " Look at the model's history, and at its inputs for NaN."
        )
    return array


def discriminant(scores: NDArray[np.float64], signal: int) -> NDArray[np.float64]:
    """The signal's probability, shape (n_events,), in [0, 1): a score of 1 belongs to the last bin, not to the overflow."""
    return np.clip(scores[:, signal], 0.0, np.nextafter(1.0, 0.0))


def logit_bins(scores: NDArray[np.float64], signal: int) -> NDArray[np.int64]:
    """Bin of ln(p_signal / Σ p_others) of each event, shape (n_events,), in [0, N_BINS).

    The sum of the others keeps its digits where 1 - p_signal has lost them. The logarithm only guesses the bin, since its
    last bit may differ from one machine to the next; the odds, compared with the edges', decide.

    >>> logit_bins(np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]), signal=1).tolist()
    [0, 1000, 1999]
    """
    others = _sum(scores, (place for place in range(scores.shape[1]) if place != signal))
    with np.errstate(divide="ignore"):
        odds = np.clip(scores[:, signal] / others, ODDS_EDGES[0], ODDS_EDGES[-1])
    guess = ((np.log(odds) + LOGIT_MAX) * (N_BINS / (2 * LOGIT_MAX))).astype(np.int64).clip(0, N_BINS - 1)
    bins = guess + (odds >= ODDS_EDGES[guess + 1]) - (odds < ODDS_EDGES[guess])
    return np.asarray(np.minimum(bins, N_BINS - 1))


def _sum(scores: NDArray[np.float64], places: Any) -> NDArray[np.float64]:
    """Sum of the columns *places*, one after the other: NumPy's own order depends on the memory's layout."""
    total = np.zeros(len(scores))
    for place in places:
        total += scores[:, place]
    return total
