"""Missing transverse momentum, of the detector and of the generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.kinematics import transverse_components
from pipeline.simulation.particles import is_neutrino

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects
    from pipeline.simulation.clustering import Clustered

# Jets that enter the correction, as CMS chooses them for its type-1 correction (arXiv:1902.07279, section 4).
JET_PT_MIN_GEV, ELECTROMAGNETIC_MAX = 15.0, 0.9


def raw_met(
    candidates: Objects, noise_gev: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minus the sum of the candidates' transverse momenta plus Gaussian noise: x and y [GeV], shape (n_events,) each."""
    x, y = _sum_of(candidates, *transverse_components(candidates["pt"], candidates["phi"]))
    noise = noise_gev * rng.standard_normal((2, candidates.n_events))
    return noise[0] - x, noise[1] - y


def jet_shift(jets: Clustered, candidates: Objects) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the jet energy correction adds to the missing momentum: x and y [GeV], shape (n_events,) each.

    Minus the sum of corrected minus raw jets of more than 15 GeV, without those that are mostly electrons or photons, and
    without the muons in jets, which need no correction (the type-1 correction, arXiv:1902.07279, section 4).
    """
    kind, pt = np.abs(candidates["pdg_id"]), candidates["pt"]
    energy = np.hypot(pt * np.cosh(candidates["eta"]), candidates["mass"])
    hadronic = jets.sum_over(energy * np.isin(kind, (11, 22))) < ELECTROMAGNETIC_MAX * jets.sum_over(energy)
    chosen = hadronic & (jets.jets["pt"] > JET_PT_MIN_GEV)
    excess = np.where(chosen, 1 - 1 / jets.jets["correction"], 0.0)
    momenta = zip(("px", "py"), transverse_components(pt, candidates["phi"]), strict=True)
    x, y = (_without_muons(jets, name, component * (kind == 13)) for name, component in momenta)
    shift_x, shift_y = _sum_of(jets.jets, excess * x, excess * y)
    return -shift_x, -shift_y


def _without_muons(jets: Clustered, name: str, of_muons: NDArray[np.float64]) -> NDArray[np.float64]:
    """A component of the corrected jets, the share of their muons scaled alike and taken out, shape (n_jets,)."""
    return jets.jets[name] - jets.jets["correction"] * jets.sum_over(of_muons)


def gen_met(particles: Objects) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of the neutrinos' transverse momenta: x and y [GeV], shape (n_events,) each."""
    neutrinos = particles.where((particles["status"] > 0) & is_neutrino(particles["pdg_id"]))
    return neutrinos.total("px"), neutrinos.total("py")


def _sum_of(
    objects: Objects, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of the components *x* and *y* of all *objects* of each event, shape (n_events,) each."""
    with_components = objects.having(x=x, y=y)
    return with_components.total("x"), with_components.total("y")


def polar(x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    """pt [GeV] and phi [rad] as they are written."""
    return {"pt": np.hypot(x, y).astype(np.float32), "phi": np.arctan2(y, x).astype(np.float32)}
