"""Four-momenta as flat arrays: Cartesian and cylindrical components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Where a momentum is along the beam, its pseudorapidity is infinite; this stands for it, as in NanoAOD's GenPart.
ETA_OF_THE_BEAM = 2.3e4


def cylindrical(
    px: NDArray[np.float64], py: NDArray[np.float64], pz: NDArray[np.float64], energy: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Transverse momentum [GeV], pseudorapidity, azimuth [rad] and mass [GeV] of momenta in GeV, shape (n,) each.

    A negative squared mass, which is rounding, gives mass 0.

    >>> [float(x[0]) for x in cylindrical(*np.array([[3.0], [0.0], [0.0], [5.0]]))]
    [3.0, 0.0, 0.0, 4.0]
    """
    pt = np.hypot(px, py)
    along_beam = pt == 0
    eta = np.where(along_beam, np.sign(pz) * ETA_OF_THE_BEAM, np.arcsinh(pz / np.where(along_beam, 1.0, pt)))
    mass2 = energy**2 - pt**2 - pz**2
    return pt, eta, np.arctan2(py, px), np.sqrt(np.maximum(mass2, 0.0))


def cartesian(
    pt: NDArray[np.float64], eta: NDArray[np.float64], phi: NDArray[np.float64], mass: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Components px, py, pz and energy [GeV] of momenta, shape (n,) each."""
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return px, py, pz, np.sqrt(pt**2 + pz**2 + mass**2)
