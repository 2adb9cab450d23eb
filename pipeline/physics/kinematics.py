"""Angles and momenta: from (pt, eta, phi, mass) to what is plotted, on NumPy arrays of any one shape, in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Momentum:
    """Four-momenta in GeV, four arrays of one shape; add two of them with `+`."""

    px: NDArray[np.float64]
    py: NDArray[np.float64]
    pz: NDArray[np.float64]
    energy: NDArray[np.float64]

    def __add__(self, other: Momentum) -> Momentum:
        return Momentum(self.px + other.px, self.py + other.py, self.pz + other.pz, self.energy + other.energy)

    @property
    def pt(self) -> NDArray[np.float64]:
        """Transverse momentum in GeV."""
        return np.sqrt(self.px**2 + self.py**2)

    @property
    def eta(self) -> NDArray[np.float64]:
        """Pseudorapidity arsinh(p_z / p_T); NaN where the transverse momentum is 0."""
        pt = self.pt
        return np.arcsinh(np.divide(self.pz, pt, out=np.full_like(pt, np.nan), where=pt > 0))

    @property
    def phi(self) -> NDArray[np.float64]:
        """Azimuth in rad, in [-π, π]; 0 where the transverse momentum is 0."""
        return np.arctan2(self.py, self.px)

    @property
    def mass(self) -> NDArray[np.float64]:
        """Invariant mass in GeV; 0 where rounding makes its square negative."""
        return np.sqrt(np.maximum(self.energy**2 - self.px**2 - self.py**2 - self.pz**2, 0))


def momentum(pt: ArrayLike, eta: ArrayLike, phi: ArrayLike, mass: ArrayLike) -> Momentum:
    """Four-momenta from `pt` [GeV], `eta`, `phi` [rad] and `mass` [GeV] (Particle Data Group, review of kinematics).

    >>> float((momentum(45.6, 0, 0, 0) + momentum(45.6, 0, np.pi, 0)).mass)
    91.2
    """
    pt, eta, phi, mass = (np.asarray(values, dtype=np.float64) for values in (pt, eta, phi, mass))
    pz = pt * np.sinh(eta)
    return Momentum(pt * np.cos(phi), pt * np.sin(phi), pz, np.sqrt(pt**2 + pz**2 + mass**2))


def wrap_phi(phi: ArrayLike) -> NDArray[np.float64]:
    """An angle in rad moved into (-π, π] by whole turns; exact for angles that are there already.

    >>> [round(float(angle), 6) for angle in wrap_phi([0.5, np.pi, -np.pi, 4.0])]
    [0.5, 3.141593, 3.141593, -2.283185]
    """
    # Neither the remainder nor the one more turn rounds, so that no angle near ±π ends on the wrong side.
    angle = np.fmod(np.asarray(phi, dtype=np.float64), 2 * np.pi)
    return np.where(angle > np.pi, angle - 2 * np.pi, np.where(angle <= -np.pi, angle + 2 * np.pi, angle))


def delta_phi(phi_1: ArrayLike, phi_2: ArrayLike) -> NDArray[np.float64]:
    """Signed difference *phi_1* - *phi_2* of two azimuths in rad, in (-π, π].

    >>> round(float(delta_phi(3.0, -3.0)), 6)
    -0.283185
    """
    return wrap_phi(np.asarray(phi_1, dtype=np.float64) - np.asarray(phi_2, dtype=np.float64))


def delta_r(eta_1: ArrayLike, phi_1: ArrayLike, eta_2: ArrayLike, phi_2: ArrayLike) -> NDArray[np.float64]:
    """Distance √(Δη² + Δφ²) of two directions; `phi` in rad.

    >>> round(float(delta_r(1.0, 3.0, -1.0, -3.0)), 6)
    2.019949
    """
    delta_eta = np.asarray(eta_1, dtype=np.float64) - np.asarray(eta_2, dtype=np.float64)
    return np.sqrt(delta_eta**2 + delta_phi(phi_1, phi_2) ** 2)


def transverse_components(pt: ArrayLike, phi: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The x and y components in GeV of vectors of size `pt` [GeV] and azimuth `phi` [rad]."""
    size, angle = np.asarray(pt, dtype=np.float64), np.asarray(phi, dtype=np.float64)
    return size * np.cos(angle), size * np.sin(angle)
