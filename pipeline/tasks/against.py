"""What curves are drawn against: the bins of one number an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Binned


def edges_of(binned: Binned) -> NDArray[np.float64]:
    """The edges of regular or variable bins, shape (n_bins + 1,)."""
    if binned.edges is not None:
        return np.array(binned.edges, dtype=np.float64)
    return np.linspace(binned.start or 0.0, binned.stop or 0.0, binned.n_bins + 1)


def inside(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int16]:
    """Bin of each value, shape (n_events,); the last edge belongs to the last bin; -1 beyond the edges and for NaN.

    >>> inside(np.array([0.0, 1.0, 2.0, 2.1, np.nan]), np.array([0.0, 1.0, 2.0])).tolist()
    [0, 1, 1, -1, -1]
    """
    bins = np.searchsorted(edges, values, side="right") - 1
    bins[values == edges[-1]] = len(edges) - 2
    return np.where((values >= edges[0]) & (values <= edges[-1]), bins, -1).astype(np.int16)


def one_number(name: str, observables: Mapping[str, Any], *, others: str = "") -> NDArray[np.float64]:
    """The observable *name*, shape (n_events,).

    Args:
        observables: what may be histogrammed.
        others: what the task knows beside observables, for the message.

    Raises:
        InputError: there is none of this name, or it has several numbers an event.
    """
    if name not in observables:
        raise InputError(
            f"There is no {name!r} to draw curves against. {nearest(name, observables)} Correct task.against in the YAML: an"
            f" observable of the processor{others}."
        )
    values = observables[name]
    if getattr(values, "ndim", 1) != 1:
        raise InputError(
            f"Observable {name!r} has several numbers an event, so that no curve can be drawn against it. Expected one."
            " Choose another in task.against."
        )
    return np.asarray(values, dtype=np.float64)
