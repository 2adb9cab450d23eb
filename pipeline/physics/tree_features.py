"""What a network sees of each node of a tree: its momentum, as the detector or as the jet has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.physics.groups import starts_of
from pipeline.physics.kinematics import Momentum, wrap_phi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.jet_trees import Trees

Frame = Literal["detector", "jet"]
# Those of arXiv:1702.00748, section 4.1, in its order; and three more.
PUBLISHED = ("p", "eta", "phi", "energy", "energy_fraction", "pt", "theta")
FEATURES = (*PUBLISHED, "log_pt", "log_energy", "mass")
# A transverse momentum [GeV] below this counts as this in η and in logarithms.
SMALLEST_PT = 1e-6


def node_features(trees: Trees, frame: Frame) -> dict[str, NDArray[np.float32]]:
    """The numbers of `FEATURES`, each of shape (n_nodes,).

    `p`, `energy`, `pt` and `mass` are in GeV, `log_pt` and `log_energy` natural logarithms of them, `phi` and `theta` in
    rad, and `energy_fraction` is the part of the jet's energy.

    Args:
        trees: with at least one leaf a jet.
        frame: `detector` takes momenta as they are. `jet` moves along the beam until the jet has no pz, and turns around it
            until the jet has φ = 0: pt, ΔR and masses stay, and all else is as seen from the jet.

    Source: arXiv:1702.00748, section 4.1.
    """
    jet = np.repeat(np.arange(len(trees.counts)), trees.n_nodes)
    last = starts_of(trees.n_nodes) + trees.n_nodes - 1
    p = Momentum(*trees.momenta.T)
    p = _seen_from(p, last, jet) if frame == "jet" else p
    size, pt = np.sqrt(p.px**2 + p.py**2 + p.pz**2), np.maximum(p.pt, SMALLEST_PT)
    features = {
        "p": size,
        "eta": np.arcsinh(p.pz / pt),
        "phi": p.phi,
        "energy": p.energy,
        "energy_fraction": p.energy / p.energy[last][jet],
        "pt": p.pt,
        "theta": np.arctan2(p.pt, p.pz),
        "log_pt": np.log(pt),
        "log_energy": np.log(np.maximum(p.energy, SMALLEST_PT)),
        "mass": p.mass,
    }
    return {name: values.astype(np.float32) for name, values in features.items()}


def _seen_from(p: Momentum, last: NDArray[np.int64], jet: NDArray[np.int64]) -> Momentum:
    """*p* moved along the beam, and turned around it, with the node *last* of each jet at pz = 0 and φ = 0."""
    y = np.arctanh(p.pz[last] / p.energy[last])[jet]
    angle = wrap_phi(p.phi - p.phi[last][jet])
    cosh, sinh = np.cosh(y), np.sinh(y)
    return Momentum(p.pt * np.cos(angle), p.pt * np.sin(angle), p.pz * cosh - p.energy * sinh, p.energy * cosh - p.pz * sinh)
