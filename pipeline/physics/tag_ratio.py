"""How much more a b-tag discriminator speaks for a b jet than for another one, from jets whose origin is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

N_BINS = 20


@dataclass(slots=True)
class TagRatio:
    """Discriminators of b jets and of others, between 0 and 1 in 20 bins; what is beyond counts in the first or last.

    Args:
        sumw: sums of weights of b jets and of others, shape (2, N_BINS).
    """

    sumw: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, N_BINS)))

    def fill(self, tags: NDArray[np.floating], is_b: NDArray[np.bool_], weights: NDArray[np.floating]) -> None:
        """Add jets, each array of shape (n_jets,)."""
        place = bin_of(tags)
        for row, chosen in enumerate((is_b, ~is_b)):
            self.sumw[row] += np.bincount(place[chosen], weights=weights[chosen], minlength=N_BINS)

    def costs(self) -> NDArray[np.float64]:
        """-2 ln p(tag | b) / p(tag | other) in each bin, shape (N_BINS,): what a jet costs a χ² that takes it as a b jet.

        Each bin gets a hundredth of the mean bin on top, so that an empty one does not forbid anything.
        """
        counts = np.maximum(self.sumw, 0)
        counts = counts + np.maximum(counts.mean(axis=1, keepdims=True), 1e-9) / 100
        b, other = counts / counts.sum(axis=1, keepdims=True)
        return np.asarray(-2 * np.log(b / other))


def bin_of(tags: ArrayLike) -> NDArray[np.int64]:
    """The bin of each discriminator, same shape; that of NaN is the first."""
    values = np.nan_to_num(np.asarray(tags, dtype=np.float64), nan=0.0)
    return np.clip(values * N_BINS, 0, N_BINS - 1).astype(np.int64)
