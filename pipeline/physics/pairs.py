"""Which objects of one event go together: every pair of them, and the distance to the nearest other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.groups import spread
from pipeline.physics.kinematics import delta_r

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects


def pairs(objects: Objects) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every pair of two objects of one event, once: the index of its first and of its second, each of shape (n_pairs,).

    Pairs are grouped by event, in the order (0, 1), (0, 2), …, (1, 2), …
    """
    each = np.arange(len(objects))
    return _partners(each + 1, objects.counts[objects.event] - objects.rank - 1)


def pairs_between(objects: Objects, others: Objects) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every pair of one of *objects* and one of *others* in its event: the index of either, each of shape (n_pairs,).

    Both have the same events. Pairs are grouped by event, in the order (0, 0), (0, 1), …, (1, 0), …
    """
    return _partners(others.starts[objects.event], others.counts[objects.event])


def nearest_delta_r(objects: Objects, others: Objects) -> NDArray[np.float64]:
    """Distance ΔR of each of *objects* to the nearest of the *others* in its event, shape (n_objects,); ∞ without others.

    Both need columns `eta` and `phi` [rad].
    """
    i, j = pairs_between(objects, others)
    distances = delta_r(objects["eta"][i], objects["phi"][i], others["eta"][j], others["phi"][j])
    nearest = np.full(len(objects), np.inf)
    # The pairs of one object lie side by side: each of its stretches gives one number.
    first = np.flatnonzero(np.diff(i, prepend=-1))
    nearest[i[first]] = np.minimum.reduceat(distances, first) if len(first) else distances
    return nearest


def _partners(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Object k with each of *counts*[k] partners, which lie one after the other from *starts*[k] on."""
    return np.repeat(np.arange(len(counts)), counts), spread(starts, counts)
