"""The stransverse mass m_T2: how heavy are two equal parents at least, each of which decays to a seen and an unseen part?

m_T2 is the smallest M for which the unseen transverse momentum can be shared such that neither parent's transverse mass
exceeds M (Lester and Summers, hep-ph/9906349; Barr, Lester and Stephens, hep-ph/0304226). As Cheng and Han found
(arXiv:0810.5178), the shares allowed for one parent fill a conic that grows with M, so M is bisected: do the two meet?

They do not if and only if some mixture λA + (1-λ)B of their quadratic forms is positive semidefinite (the S-lemma: Pólik
and Terlaky, doi:10.1137/S003614450444614X). Here the 2 x 2 part of each mixture is positive definite, so only
the determinant has to be looked at (Sylvester): a cubic in λ, negative at both ends, whose one maximum inside decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Every event takes the same number of steps, so that its result does not depend on the chunk it is in.
BISECTIONS = 30
# In units of the event's energies: a lighter seen part counts as this heavy. Without it the allowed momenta of a massless
# part fill a parabola, two parallel ones have no positive definite mixture, and one at rest is divided by its energy of 0.
LEAST_MASS = 1e-5


@dataclass(frozen=True, slots=True)
class Part:
    """What is seen, or what is unseen, of a decay: mass and transverse momentum, shape (n_events,) each, in one unit."""

    mass: NDArray[np.float64]
    px: NDArray[np.float64]
    py: NDArray[np.float64]

    @property
    def transverse_energy(self) -> NDArray[np.float64]:
        """√(m² + p_T²)."""
        return np.sqrt(self.mass**2 + self.px**2 + self.py**2)

    def scaled(self, factor: float) -> Part:
        """One of the same mass with *factor* times the momentum."""
        return Part(self.mass, self.px * factor, self.py * factor)


def stransverse_mass(
    mass: ArrayLike, px: ArrayLike, py: ArrayLike, unseen_px: ArrayLike, unseen_py: ArrayLike, *, unseen_mass: float = 0.0
) -> NDArray[np.float64]:
    """m_T2 of two decays with unseen particles of equal mass.

    Args:
        mass: of the seen parts in GeV, shape (n_events, 2).
        px: x component of their transverse momenta in GeV, shape (n_events, 2).
        py: y component, same shape.
        unseen_px: x component of the sum of the unseen momenta in GeV, shape (n_events,).
        unseen_py: y component, same shape.
        unseen_mass: assumed mass χ of each unseen particle in GeV.

    Returns:
        m_T2 in GeV, shape (n_events,), at least χ plus the larger seen mass. It is good to 1e-9 of the event's
        energies; where a seen part moves, but is lighter than 1e-5 of these, to 1e-4.

    Two massless parts side by side share what is unseen evenly, so that each m_T is √(2 · 50 · (50 + 50)) GeV:

    >>> stransverse_mass([[0.0, 0.0]], [[50.0, 50.0]], [[0.0, 0.0]], [-100.0], [0.0]).round(4).tolist()
    [100.0]
    """
    mass, px, py = (np.asarray(values, dtype=np.float64).reshape(-1, 2) for values in (mass, px, py))
    unseen_x, unseen_y = (np.asarray(values, dtype=np.float64) for values in (unseen_px, unseen_py))
    unit = np.sqrt(mass**2 + px**2 + py**2).sum(axis=1) + np.hypot(unseen_x, unseen_y) + unseen_mass
    unit = np.where(unit > 0, unit, 1.0)
    heavy = np.maximum(mass / unit[:, np.newaxis], LEAST_MASS)
    first, second = (Part(heavy[:, side], px[:, side] / unit, py[:, side] / unit) for side in (0, 1))
    return unit * _bisect(first, second, Part(unseen_mass / unit, unseen_x / unit, unseen_y / unit))


def transverse_mass_squared(seen: Part, unseen: Part) -> NDArray[np.float64]:
    """m_T² of a seen and an unseen part: m² + χ² + 2 (E_T e_T - p_T · q_T), from hep-ph/9906349."""
    product = seen.transverse_energy * unseen.transverse_energy - seen.px * unseen.px - seen.py * unseen.py
    return seen.mass**2 + unseen.mass**2 + 2 * product


def _bisect(first: Part, second: Part, unseen: Part) -> NDArray[np.float64]:
    low = np.maximum(first.mass, second.mass) + unseen.mass
    # Any share gives an upper limit; half and half is one.
    limits = [transverse_mass_squared(seen, unseen.scaled(0.5)) for seen in (first, second)]
    high = np.maximum(np.sqrt(np.maximum(*limits)), low)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        apart = _apart(first, second, unseen, middle)
        low, high = np.where(apart, middle, low), np.where(apart, high, middle)
    return high


@dataclass(frozen=True, slots=True)
class Conic:
    """Symmetric 3 x 3 matrices, one an event: the form is negative where a share of the unseen momentum is allowed."""

    xx: NDArray[np.float64]
    xy: NDArray[np.float64]
    yy: NDArray[np.float64]
    xz: NDArray[np.float64]
    yz: NDArray[np.float64]
    zz: NDArray[np.float64]
    determinant: NDArray[np.float64]

    def mixed(self, other: Conic) -> NDArray[np.float64]:
        """Trace of the adjugate of this matrix times the *other*: the λ²μ term of det(λ this + μ other)."""
        return (
            (self.yy * self.zz - self.yz**2) * other.xx
            + (self.xx * self.zz - self.xz**2) * other.yy
            + (self.xx * self.yy - self.xy**2) * other.zz
            + 2 * (self.xz * self.yz - self.xy * self.zz) * other.xy
            + 2 * (self.xy * self.yz - self.xz * self.yy) * other.xz
            + 2 * (self.xy * self.xz - self.xx * self.yz) * other.yz
        )


def _allowed(seen: Part, unseen: Part, parent: NDArray[np.float64]) -> Conic:
    """The momenta s for which *seen* with an unseen part of the momentum *unseen* - s has m_T at most *parent*.

    Squared and divided by E_T², m_T ≤ M reads q² + χ² ≤ (v·q + k)² with v = p_T / E_T, k = (M² - m² - χ²) / 2E_T.
    """
    energy = seen.transverse_energy
    vx, vy = seen.px / energy, seen.py / energy
    k = (parent**2 - seen.mass**2 - unseen.mass**2) / (2 * energy)
    w = vx * unseen.px + vy * unseen.py + k
    above = (parent - seen.mass - unseen.mass) * (parent + seen.mass + unseen.mass) / (2 * energy)
    return Conic(
        xx=1 - vx**2,
        xy=-vx * vy,
        yy=1 - vy**2,
        xz=w * vx - unseen.px,
        yz=w * vy - unseen.py,
        zz=unseen.px**2 + unseen.py**2 + unseen.mass**2 - w**2,
        # (1 - v²) χ² - k², as a product that stays exact where the allowed momenta shrink to a point.
        determinant=-above * (above + 2 * seen.mass * unseen.mass / energy),
    )


def _apart(first: Part, second: Part, unseen: Part, parent: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether no share of the unseen momentum is allowed for both, at the mass *parent*."""
    # Of the first only the sign of its share differs: (0 - s) is what it would get from a sum of zero.
    a = _allowed(first.scaled(-1), unseen.scaled(0), parent)
    b = _allowed(second, unseen, parent)
    return _has_positive_maximum(a.determinant, a.mixed(b), b.mixed(a), b.determinant)


def _has_positive_maximum(
    c3: NDArray[np.float64], c2: NDArray[np.float64], c1: NDArray[np.float64], c0: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether c3 x³ + c2 x² + c1 x + c0, with c3 and c0 negative, is positive for some x > 0."""
    discriminant = c2**2 - 3 * c3 * c1
    root = np.sqrt(np.maximum(discriminant, 0))
    # The larger zero of the derivative, in the form that subtracts nothing.
    upper, lower = np.where(c2 > 0, c2 + root, c1), np.where(c2 > 0, -3 * c3, root - c2)
    x = np.divide(upper, lower, out=np.zeros_like(upper), where=lower > 0)
    return (discriminant > 0) & (x > 0) & (((c3 * x + c2) * x + c1) * x + c0 > 0)
