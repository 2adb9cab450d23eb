"""The leaves of a jet's tree: its constituents, or fewer where a network has room for fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.groups import spread
from pipeline.physics.jet_trees import COMPONENTS
from pipeline.physics.kinematics import Momentum, delta_r

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects


def at_most(constituents: Objects, max_leaves: int) -> Objects:
    """The hardest *max_leaves* constituents of each jet; each further one is added to the nearest of these in (η, φ).

    So the sum of a jet's momenta stays what it was, whatever the number.

    Args:
        constituents: by falling pt, with `px`, `py`, `pz` and `energy` [GeV]; `event` is the row of the jet.
        max_leaves: one or more.
    """
    is_kept = constituents.rank < max_leaves
    if is_kept.all():
        return constituents
    kept, softer = constituents.where(is_kept), constituents.where(~is_kept)
    nearest = _nearest(softer, kept, max_leaves)
    columns = {name: kept[name].astype(np.float64) for name in COMPONENTS}
    for name, column in columns.items():
        np.add.at(column, nearest, softer[name])
    # Sums may be harder than what was before them.
    return kept.having(**columns, pt=np.hypot(columns["px"], columns["py"])).ordered("pt")


def _nearest(softer: Objects, kept: Objects, max_leaves: int) -> NDArray[np.int64]:
    """For each of *softer*, the row of the nearest of the *max_leaves* of its jet in *kept*; of equal ones the first."""
    first = kept.starts[softer.event]
    rows = spread(first, np.full(len(softer), max_leaves)).reshape(-1, max_leaves)
    (eta, phi), (other_eta, other_phi) = (_direction(objects) for objects in (softer, kept))
    distance = delta_r(eta[:, np.newaxis], phi[:, np.newaxis], other_eta[rows], other_phi[rows])
    nearest: NDArray[np.int64] = first + distance.argmin(axis=1)
    return nearest


def _direction(objects: Objects) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    momentum = Momentum(*(objects[name].astype(np.float64) for name in COMPONENTS))
    return momentum.eta, momentum.phi
