"""Images of jets as the pixels that are not empty: many times smaller than all pixels, and with the same sums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.pixels import Points, balanced, centred, flipped, places, rotated

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

# What a pixel adds up: all particles, or the charged or the neutral ones; their transverse momentum, or their number.
MOMENTUM = {"pt": "all", "charged_pt": "charged", "neutral_pt": "neutral"}
NUMBER = {"multiplicity": "all", "charged_multiplicity": "charged", "neutral_multiplicity": "neutral"}


@dataclass(frozen=True, slots=True)
class Filled:
    """The pixels of images that are not empty, jet by jet and from the upper left.

    Args:
        jet: row of each one's jet, shape (n_filled,), never falling.
        n_jets: number of jets.
        place: of the pixel, counted row by row from the upper left, shape (n_filled,).
        values: by channel, shape (n_filled, n_channels).
    """

    jet: NDArray[np.int64]
    n_jets: int
    place: NDArray[np.int64]
    values: NDArray[np.float64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many each jet has, shape (n_jets,)."""
        return np.bincount(self.jet, minlength=self.n_jets)


def prepared(points: Points, steps: Collection[str], *, prong_radius: float) -> Points:
    """The *points* after those of the steps `centre`, `balance`, `rotate` and `flip` that are wanted, in this order."""
    if "centre" in steps:
        points = centred(points, radius=prong_radius)
    if "balance" in steps:
        points = balanced(points)
    if "rotate" in steps:
        points = rotated(points, radius=prong_radius)
    return flipped(points) if "flip" in steps else points


def filled(
    points: Points, charge: NDArray[np.float32] | None, channels: tuple[str, ...], *, size: int, half_width: float
) -> Filled:
    """The pixels that hold something in one of the *channels*.

    Args:
        points: of the jets.
        charge: of each point, shape (n_points,); None where no channel asks for it.
        channels: names of `MOMENTUM` [GeV] and `NUMBER`.
        size: pixels on each side.
        half_width: from the centre to the sides.
    """
    place = places(points, size=size, half_width=half_width)
    values = np.stack([_weights(points, charge, channel) for channel in channels], axis=-1)
    kept = (place >= 0) & values.any(axis=1)
    cells, cell = np.unique(points.jet[kept] * size**2 + place[kept], return_inverse=True)
    sums = np.zeros((len(cells), len(channels)))
    for channel, column in enumerate(values[kept].T):
        sums[:, channel] = np.bincount(cell, weights=column, minlength=len(cells))
    return Filled(cells // size**2, points.n_jets, cells % size**2, sums)


def normalised_to(images: Filled, channels: tuple[str, ...], power: int) -> Filled:
    """*images* whose momenta have a sum of 1 in each jet (*power* 1), or a sum of squares of 1 (2); numbers stay.

    All channels of momentum are divided by the same number, so that they still say how much is charged.

    Source: arXiv:1511.05190, section 2 (2); arXiv:1612.01551, section 3 (1).
    """
    is_momentum = np.array([channel in MOMENTUM for channel in channels])
    each = (images.values[:, is_momentum] ** power).sum(axis=1)
    total = np.bincount(images.jet, weights=each, minlength=images.n_jets) ** (1 / power)
    size = np.where(total > 0, total, 1)[images.jet]
    return replace(images, values=np.where(is_momentum, images.values / size[:, np.newaxis], images.values))


def stacked(images: Filled, n: int) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Places and values in *n* slots a jet, shapes (n_jets, n) and (n_jets, n, n_channels); -1 and 0 where there is none.

    No jet may have more than *n*.
    """
    counts = images.counts
    slot = np.arange(len(images.jet)) - (np.cumsum(counts) - counts)[images.jet]
    place = np.full((images.n_jets, n), -1, dtype=np.int16)
    values = np.zeros((images.n_jets, n, images.values.shape[1]), dtype=np.float32)
    place[images.jet, slot], values[images.jet, slot] = images.place, images.values
    return place, values


def dense(place: NDArray[np.int16], values: NDArray[np.float32], *, size: int) -> NDArray[np.float32]:
    """The images themselves, shape (n_jets, size, size, n_channels): rows by falling y, columns by rising x."""
    jet, slot = np.nonzero(place >= 0)
    images = np.zeros((len(place), size * size, values.shape[-1]), dtype=np.float32)
    images[jet, place[jet, slot]] = values[jet, slot]
    return images.reshape(len(place), size, size, values.shape[-1])


def _weights(points: Points, charge: NDArray[np.float32] | None, channel: str) -> NDArray[np.float64]:
    """What each point adds to a channel, shape (n_points,)."""
    whose = (MOMENTUM | NUMBER)[channel]
    weights = points.pt if channel in MOMENTUM else np.ones(len(points.pt))
    if whose == "all" or charge is None:
        return weights
    return np.where((charge != 0) == (whose == "charged"), weights, 0.0)
