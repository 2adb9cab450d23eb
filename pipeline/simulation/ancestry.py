"""Who descends from whom: walks through the mothers of all particles at once.

Every row has one mother; a row that is its own mother ends the walk. Each step doubles the distance that is looked at, so
that chains of hundreds of ancestors take a handful of steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def nearest_marked(mother: NDArray[np.int64], marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The nearest ancestor that is *marked*, not counting the row itself, shape (n,); -1 where there is none.

    >>> nearest_marked(np.array([0, 0, 1, 2]), np.array([False, True, False, False])).tolist()
    [-1, -1, 1, 1]
    """
    here = np.arange(len(mother))
    stop = np.where(marked, here, mother)
    while True:
        further = stop[stop]
        if np.array_equal(further, stop):
            break
        stop = further
    found = np.where(mother == here, here, stop[mother])
    return np.where(marked[found] & (mother != here), found, -1)


def any_marked(mother: NDArray[np.int64], marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether some ancestor is *marked*, not counting the row itself, shape (n,)."""
    return nearest_marked(mother, marked) >= 0
