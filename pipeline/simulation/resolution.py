"""How precisely the parametric detector measures: relative resolutions and impact parameters as plain functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.simulation.settings import Track

MM_PER_CM, UM_PER_CM = 10.0, 10_000.0


def track_resolution(
    pt: NDArray[np.float64], eta: NDArray[np.float64], constant: float, per_gev: float
) -> NDArray[np.float64]:
    """σ(pT)/pT of a track: multiple scattering and the sagitta in quadrature, shape (n,); *pt* in GeV.

    Source: R. L. Gluckstern, doi:10.1016/0029-554X(63)90347-1, for the two terms; their sizes are in detector.yaml.

    >>> track_resolution(np.array([100.0]), np.array([0.0]), 0.003, 4e-5).round(6).tolist()
    [0.005]
    """
    return np.hypot(constant, per_gev * (1 + eta**2 / 2) * pt)


def calorimeter_resolution(
    energy: NDArray[np.float64], stochastic: float, constant: float, noise_gev: float = 0.0
) -> NDArray[np.float64]:
    """σ(E)/E of a calorimeter: stochastic, noise and constant terms in quadrature, shape (n,); *energy* in GeV.

    Source: Review of Particle Physics, doi:10.1103/PhysRevD.110.030001, equation 35.38.

    >>> calorimeter_resolution(np.array([100.0]), 0.4, 0.03).tolist()
    [0.05]
    """
    return np.sqrt(stochastic**2 / energy + constant**2 + (noise_gev / energy) ** 2)


def impact_parameters(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    px: NDArray[np.float64],
    py: NDArray[np.float64],
    pz: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Transverse and longitudinal impact parameter [cm] to the origin, by a straight line, shape (n,) each.

    Args:
        x: where the particle is made [mm]; likewise *y* and *z*.
        px: momentum [GeV]; likewise *py* and *pz*.

    Returns:
        d0 = (-x py + y px)/pT, the sign of NanoAOD's dxy, and dz at the point of closest approach.

    >>> d0, dz = impact_parameters(*np.array([[10.0], [2.0], [3.0], [1.0], [0.0], [1.0]]))
    >>> d0.tolist(), dz.tolist()
    ([0.2], [-0.7])
    """
    pt = np.hypot(px, py)
    d0 = (y * px - x * py) / pt
    dz = z - (x * px + y * py) / pt * pz / pt
    return d0 / MM_PER_CM, dz / MM_PER_CM


def impact_resolution(pt: NDArray[np.float64], eta: NDArray[np.float64], track: Track) -> NDArray[np.float64]:
    """σ(d0) [cm] of a track of *pt* [GeV]: the detector's precision plus multiple scattering, shape (n,)."""
    return (track.d0_constant_um + track.d0_scattering_um_gev / (pt * np.sqrt(np.cosh(eta)))) / UM_PER_CM
