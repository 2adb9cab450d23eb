"""Index arithmetic on groups that lie one after the other in a flat array, such as the objects of each event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def starts_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each group begins, from the sizes of the groups, shape (n_groups,).

    >>> starts_of(np.array([2, 0, 3])).tolist()
    [0, 2, 2]
    """
    return np.cumsum(counts) - counts


def spread(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices start, start + 1, … of every group, one group after the other, shape (sum of *counts*,).

    >>> spread(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    return np.repeat(starts - starts_of(counts), counts) + np.arange(counts.sum())
