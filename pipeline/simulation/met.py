"""Missing transverse momentum, of the detector and of the generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.simulation.particles import is_neutrino

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.simulation.clustering import Clustered
    from pipeline.simulation.table import Table

# Jets that enter the correction, as CMS chooses them for its type-1 correction (arXiv:1902.07279, section 4).
JET_PT_MIN_GEV, ELECTROMAGNETIC_MAX = 15.0, 0.9


def raw_met(
    candidates: Table, noise_gev: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minus the sum of the candidates' transverse momenta plus Gaussian noise: x and y [GeV], shape (n_events,) each."""
    pt, phi = candidates["pt"], candidates["phi"]
    x, y = (-_per_event(candidates, pt * along(phi)) for along in (np.cos, np.sin))
    noise = noise_gev * rng.standard_normal((2, candidates.n_events))
    return x + noise[0], y + noise[1]


def jet_shift(jets: Clustered, candidates: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the jet energy correction adds to the missing momentum: x and y [GeV], shape (n_events,) each.

    Minus the sum of corrected minus raw jets of more than 15 GeV, without those that are mostly electrons or photons, and
    without the muons in jets, which need no correction (the type-1 correction, arXiv:1902.07279, section 4).
    """
    table = jets.jets
    kind, pt = np.abs(candidates["pdg_id"]), candidates["pt"]
    energy = np.hypot(pt * np.cosh(candidates["eta"]), candidates["mass"])
    hadronic = jets.sum_over(energy * np.isin(kind, (11, 22))) < ELECTROMAGNETIC_MAX * jets.sum_over(energy)
    chosen = hadronic & (table["pt"] > JET_PT_MIN_GEV)
    excess = np.where(chosen, 1 - 1 / table["correction"], 0.0)
    x, y = (
        _without_muons(jets, name, pt * direction(candidates["phi"]) * (kind == 13))
        for name, direction in (("px", np.cos), ("py", np.sin))
    )
    return -_per_event(table, excess * x), -_per_event(table, excess * y)


def _without_muons(jets: Clustered, name: str, of_muons: NDArray[np.float64]) -> NDArray[np.float64]:
    """A component of the corrected jets, the share of their muons scaled alike and taken out, shape (n_jets,)."""
    return jets.jets[name] - jets.jets["correction"] * jets.sum_over(of_muons)


def gen_met(particles: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of the neutrinos' transverse momenta: x and y [GeV], shape (n_events,) each."""
    neutrinos = particles.take((particles["status"] > 0) & is_neutrino(particles["pdg_id"]))
    return _per_event(neutrinos, neutrinos["px"]), _per_event(neutrinos, neutrinos["py"])


def _per_event(table: Table, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of *values* over the rows of each event, shape (n_events,)."""
    return np.bincount(table.event, weights=values, minlength=table.n_events).astype(np.float64)


def polar(x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    """pt [GeV] and phi [rad] as they are written."""
    return {"pt": np.hypot(x, y).astype(np.float32), "phi": np.arctan2(y, x).astype(np.float32)}
