"""Where does the neutrino of W → ℓν go along the beam, which nothing measures?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.kinematics import Momentum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def neutrino_pz(lepton: Momentum, met_px: ArrayLike, met_py: ArrayLike, *, w_mass: float) -> NDArray[np.float64]:
    """The longitudinal momentum of a neutrino that makes a W boson of mass *w_mass* with the lepton.

    For massless ℓ and ν, (p_ℓ + p_ν)² = m_W² with E_ℓ = |p_ℓ| is quadratic in p_z of the neutrino:

        p_z = (μ p_z,ℓ ± E_ℓ √(μ² - p_T,ℓ² p_T,ν²)) / p_T,ℓ²,    μ = m_W² / 2 + p_T,ℓ · p_T,ν

    Where the transverse mass is above m_W the root is imaginary; both solutions are then the real part, μ p_z,ℓ / p_T,ℓ²,
    and the mass of ℓν comes out above m_W.

    Args:
        lepton: momenta in GeV, shape (n_events,); its energy is taken as |p|.
        met_px: x component of the missing transverse momentum in GeV, shape (n_events,).
        met_py: y component, same shape.
        w_mass: in GeV.

    Returns:
        Both solutions in GeV, that of smaller size first, shape (n_events, 2); NaN for a lepton along the beam.

    Source: four-momentum conservation; the real part as in the reference reconstruction of arXiv:1909.01144.

    A lepton of 40 GeV across the beam needs 30 GeV along it for the mass √(2 · 40 · (50 - 40)) GeV with its neutrino:

    >>> from pipeline.physics.kinematics import momentum
    >>> neutrino_pz(momentum(40.0, 0.0, 0.0, 0.0), 40.0, 0.0, w_mass=np.sqrt(800.0)).round(6).tolist()
    [30.0, -30.0]
    """
    met_px, met_py = np.asarray(met_px, dtype=np.float64), np.asarray(met_py, dtype=np.float64)
    lepton_pt2 = lepton.px**2 + lepton.py**2
    energy = np.sqrt(lepton_pt2 + lepton.pz**2)
    mu = w_mass**2 / 2 + lepton.px * met_px + lepton.py * met_py
    root = energy * np.sqrt(np.maximum(mu**2 - lepton_pt2 * (met_px**2 + met_py**2), 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        solutions = np.stack((mu * lepton.pz + root, mu * lepton.pz - root), axis=-1) / lepton_pt2[..., np.newaxis]
    solutions = np.where(np.isfinite(solutions), solutions, np.nan)
    smaller_last = np.abs(solutions[..., :1]) > np.abs(solutions[..., 1:])
    return np.where(smaller_last, solutions[..., ::-1], solutions)


def neutrino_momentum(met_px: ArrayLike, met_py: ArrayLike, pz: ArrayLike) -> Momentum:
    """Massless four-momenta with the missing transverse momentum and *pz*, all in GeV and of one shape."""
    px, py, pz = (np.asarray(values, dtype=np.float64) for values in (met_px, met_py, pz))
    return Momentum(px, py, pz, np.sqrt(px**2 + py**2 + pz**2))
