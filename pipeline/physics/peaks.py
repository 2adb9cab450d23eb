"""Where a mass peaks and how wide it is, from a histogram that is filled batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# The part of a Gaussian within one σ on either side.
ONE_SIGMA = 0.682689
STEP_GEV = 0.25
HIGHEST_GEV = 500.0
# With so few the width is good to some 15 %; with fewer it is anyone's guess.
FEWEST_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Peak:
    """Where the mass of one particle is expected, and how wide; both in GeV."""

    mass: float
    width: float


@dataclass(slots=True)
class MassHistogram:
    """Masses between 0 and 500 GeV in steps of 0.25 GeV; those above count in the last step.

    Args:
        name: of the mass, for messages.
        sumw: sums of weights, shape (n_bins,).
        n_entries: how many masses it holds.
    """

    name: str
    sumw: NDArray[np.float64] = field(default_factory=lambda: np.zeros(int(HIGHEST_GEV / STEP_GEV)))
    n_entries: int = 0

    def fill(self, masses: ArrayLike, weights: ArrayLike) -> None:
        """Add *masses* [GeV] with *weights*, each of shape (n,)."""
        values = np.asarray(masses, dtype=np.float64)
        place = np.clip((values / STEP_GEV).astype(np.int64), 0, len(self.sumw) - 1)
        self.sumw += np.bincount(place, weights=np.asarray(weights, dtype=np.float64), minlength=len(self.sumw))
        self.n_entries += len(values)

    def peak(self) -> Peak:
        """Middle and half length of the shortest interval that holds 68.27 % of the weight.

        For a Gaussian these are its mean and σ; tails pull them less than they do a median, and far less than a mean. Half
        the shortest interval is the effective width of CMS (arXiv:1407.0558). Steps with a negative sum count as empty.

        Raises:
            InputError: there are fewer than 50 entries, or their sum of weights is not positive.
        """
        above = np.cumsum(np.maximum(self.sumw, 0))
        if self.n_entries < FEWEST_ENTRIES or above[-1] <= 0:
            raise InputError(
                f"The peak of {self.name} is to be measured from {self.n_entries} events with sum of weights {above[-1]:g}."
                f" Expected at least {FEWEST_ENTRIES} in which every quark has its jet. Simulate more events, or loosen the"
                " matching in the YAML."
            )
        edges = STEP_GEV * np.arange(len(above) + 1)
        below = np.concatenate(([0.0], above)) / above[-1]
        # The quantile functions at p and p + 68 %: linear within a step, as if its entries were spread evenly.
        starts = np.linspace(0.0, 1.0 - ONE_SIGMA, 2001)
        low, high = np.interp(starts, below, edges), np.interp(starts + ONE_SIGMA, below, edges)
        shortest = int(np.argmin(high - low))
        return Peak(float(low[shortest] + high[shortest]) / 2, float(high[shortest] - low[shortest]) / 2)
