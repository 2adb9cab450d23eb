"""Which three jets are the hadronic top quark? Those with the largest transverse momentum together."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.kinematics import Momentum


def leading_trijet(
    jets: Momentum, n_jets: NDArray[np.int64], *, tags: NDArray[np.floating] | None = None, tag_min: float = -np.inf
) -> NDArray[np.int64]:
    """The three jets whose momenta add up to the largest pt, of equal ones the first.

    The simple reconstruction of the Analysis Grand Challenge (https://agc.readthedocs.io, task tt̄), which asks for a b tag
    among the three.

    Args:
        jets: momenta in GeV, shape (n_events, n_slots); those behind the last jet of an event are not looked at.
        n_jets: shape (n_events,).
        tags: b-tag discriminators, shape (n_events, n_slots).
        tag_min: the largest of the three must be at least this.

    Returns:
        Their places, rising, shape (n_events, 3); -1 where no three jets are such.
    """
    n_events, n_slots = jets.px.shape
    best, places = np.full(n_events, -1.0), np.full((n_events, 3), -1)
    for three in combinations(range(n_slots), 3):
        chosen = list(three)
        pt2 = jets.px[:, chosen].sum(axis=1) ** 2 + jets.py[:, chosen].sum(axis=1) ** 2
        is_tagged = True if tags is None else tags[:, chosen].max(axis=1) >= tag_min
        better = (n_jets > three[-1]) & is_tagged & (pt2 > best)
        best = np.where(better, pt2, best)
        places[better] = three
    return places
