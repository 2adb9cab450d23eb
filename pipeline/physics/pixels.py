"""Jets as images: constituents moved to a common frame, and their momentum on a grid of pixels.

Each step is by itself, on flat columns of all jets at once: `centred`, `rotated`, `flipped`, `pixels`, `normalised`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.kinematics import delta_phi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects


# Nearer to the vertical axis than this is on it.
ON_AXIS = 1e-6


@dataclass(frozen=True, slots=True)
class Points:
    """Constituents of all jets in a plane, such as that of η and φ.

    Args:
        jet: row of each one's jet, shape (n_points,), never falling.
        n_jets: number of jets.
        x: first coordinate, η at the beginning, shape (n_points,).
        y: second coordinate, φ [rad] from that of the jet at the beginning, shape (n_points,).
        pt: transverse momentum [GeV], shape (n_points,).
    """

    jet: NDArray[np.int64]
    n_jets: int
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    pt: NDArray[np.float64]

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of *values*, shape (n_points,), over each jet, shape (n_jets,)."""
        return np.bincount(self.jet, weights=values, minlength=self.n_jets).astype(np.float64)

    def moved(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Points:
        """The same at other places."""
        return replace(self, x=x, y=y)


def points_of(constituents: Objects, jets: Objects) -> Points:
    """The *constituents* about the axes of their *jets*: `event` of a constituent is the row of its jet.

    Args:
        constituents: with `pt` [GeV], `eta` and `phi` [rad].
        jets: with `eta` and `phi`.
    """
    row = constituents.event
    x = constituents["eta"].astype(np.float64) - jets["eta"][row]
    return Points(row, len(jets), x, delta_phi(constituents["phi"], jets["phi"][row]), constituents["pt"].astype(np.float64))


def centred(points: Points, *, radius: float) -> Points:
    """Move the hardest prong of each jet to the origin.

    Args:
        points: of the jets.
        radius: a prong is the hardest constituent and all within this distance; its place is their mean, weighted with pt.

    Source: arXiv:1511.05190, section 2 (translation), with prongs by the hardest constituents.
    """
    x, y, _ = _prong(points, np.ones(len(points.pt), dtype=bool), radius)
    return points.moved(points.x - x[points.jet], points.y - y[points.jet])


def balanced(points: Points) -> Points:
    """Move the mean place of the momentum of each jet to the origin.

    Source: arXiv:1612.01551, section 3 (centring of jet images).
    """
    total = points.total(points.pt)
    total = np.where(total > 0, total, 1)
    x, y = (points.total(points.pt * values) / total for values in (points.x, points.y))
    return points.moved(points.x - x[points.jet], points.y - y[points.jet])


def rotated(points: Points, *, radius: float) -> Points:
    """Turn each jet about the origin until the second prong lies straight below it, at negative y.

    Without a second prong, all constituents are turned until the axis of their largest spread is vertical.

    Args:
        points: of jets that are `centred`.
        radius: as there; the second prong is the hardest constituent outside of the first one, and all around it.

    Source: arXiv:1511.05190, section 2 (rotation).
    """
    outside = np.hypot(points.x, points.y) > radius
    x, y, is_there = _prong(points, outside, radius)
    angle = np.where(is_there, -np.pi / 2 - np.arctan2(y, x), np.pi / 2 - _principal_angle(points))
    cosine, sine = np.cos(angle)[points.jet], np.sin(angle)[points.jet]
    return points.moved(cosine * points.x - sine * points.y, sine * points.x + cosine * points.y)


def flipped(points: Points) -> Points:
    """Mirror each jet so that there is no less transverse momentum on the right, at positive x, than on the left.

    What lies on the axis is on neither side: after `rotated`, rounding would say on which.

    Source: arXiv:1511.05190, section 2 (reflection).
    """
    is_right = np.where(np.abs(points.x) < ON_AXIS, 0.0, np.sign(points.x))
    side = np.where(points.total(points.pt * is_right) < 0, -1.0, 1.0)
    return points.moved(points.x * side[points.jet], points.y)


def pixels(points: Points, *, size: int, half_width: float) -> NDArray[np.float32]:
    """Transverse momentum in GeV on a grid, shape (n_jets, size, size): rows by falling y, columns by rising x.

    What lies outside the square is not on the image. A pixel holds its left and its lower edge.

    Args:
        points: of the jets.
        size: pixels on each side.
        half_width: from the centre to the sides.
    """
    place = places(points, size=size, half_width=half_width)
    inside = place >= 0
    cell = points.jet[inside] * size**2 + place[inside]
    image = np.bincount(cell, weights=points.pt[inside], minlength=points.n_jets * size**2)
    return image.reshape(points.n_jets, size, size).astype(np.float32)


def places(points: Points, *, size: int, half_width: float) -> NDArray[np.int64]:
    """The pixel of each point, counted row by row from the upper left, shape (n_points,); -1 outside. As for `pixels`."""
    column, row = (
        np.floor((values + half_width) * (size / (2 * half_width))).astype(np.int64) for values in (points.x, points.y)
    )
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    return np.where(inside, (size - 1 - row) * size + column, -1)


def normalised(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """*images* with a sum of squares of 1 each; an empty one stays empty.

    Source: arXiv:1511.05190, section 2 (L2 normalisation).
    """
    size = np.sqrt(np.square(images, dtype=np.float64).sum(axis=(1, 2), keepdims=True))
    scaled: NDArray[np.float32] = np.divide(images, size, out=np.zeros_like(images), where=size > 0, casting="same_kind")
    return scaled


def _prong(
    points: Points, allowed: NDArray[np.bool_], radius: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Place of the prong about the hardest of the *allowed* constituents of each jet, and whether there is one."""
    pt = np.where(allowed, points.pt, 0)
    seed = _hardest(points, pt)
    is_there = seed >= 0
    # The last one stands in where there is no seed; its weight is 0.
    x, y = (np.append(values, 0.0)[seed][points.jet] for values in (points.x, points.y))
    near = (points.x - x) ** 2 + (points.y - y) ** 2 <= radius**2
    weight = np.where(near & is_there[points.jet], pt, 0)
    total = np.where(is_there, points.total(weight), 1)
    return points.total(weight * points.x) / total, points.total(weight * points.y) / total, is_there


def _hardest(points: Points, pt: NDArray[np.float64]) -> NDArray[np.int64]:
    """The constituent with the highest *pt* of each jet, shape (n_jets,); -1 where there is none above 0."""
    largest = np.zeros(points.n_jets)
    first = np.flatnonzero(np.diff(points.jet, prepend=-1))
    if len(first):
        largest[points.jet[first]] = np.maximum.reduceat(pt, first)
    found = np.flatnonzero((pt > 0) & (pt == largest[points.jet]))
    seed = np.full(points.n_jets, -1)
    seed[points.jet[found][::-1]] = found[::-1]  # of equal ones the first
    return seed


def _principal_angle(points: Points) -> NDArray[np.float64]:
    """Direction of the largest spread about the origin, weighted with pt, in (-π/2, π/2], shape (n_jets,)."""
    xx, yy, xy = (points.total(points.pt * product) for product in (points.x**2, points.y**2, points.x * points.y))
    return 0.5 * np.arctan2(2 * xy, xx - yy)
