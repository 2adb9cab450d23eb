"""Which of two kinds of objects belong together: a jet and the parton, or the generated jet, that it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.kinematics import delta_r
from pipeline.physics.pairs import pairs_between

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects


def match(first: Objects, second: Objects, *, delta_r_max: float) -> NDArray[np.int64]:
    """For each row of *first* the row of *second* in the same event that is its partner, -1 where there is none.

    The nearest pairs are matched first, and each row is matched at most once.
    """
    i, j = pairs_between(first, second)
    distance = delta_r(first["eta"][i], first["phi"][i], second["eta"][j], second["phi"][j])
    near = np.flatnonzero(distance < delta_r_max)
    near = near[np.argsort(distance[near], kind="stable")]
    partner = np.full(len(first), -1)
    taken = np.zeros(len(second), dtype=bool)
    for a, b in zip(i[near].tolist(), j[near].tolist(), strict=True):
        if partner[a] < 0 and not taken[b]:
            partner[a] = b
            taken[b] = True
    return partner
