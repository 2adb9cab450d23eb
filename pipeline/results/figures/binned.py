"""A histogram as arrays: what the drawing functions take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import hist
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Binned:
    """One histogram of weighted events.

    Args:
        edges: of the bins, shape (n_bins + 1,).
        values: sum of weights, shape (n_bins,).
        variances: sum of squared weights, shape (n_bins,).
        outside: sum of weights below and above the axis.
    """

    edges: NDArray[np.float64]
    values: NDArray[np.float64]
    variances: NDArray[np.float64]
    outside: float = 0.0

    @property
    def centers(self) -> NDArray[np.float64]:
        """Middle of each bin, shape (n_bins,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def errors(self) -> NDArray[np.float64]:
        """Statistical error of each bin, the root of the sum of squared weights, shape (n_bins,)."""
        return np.sqrt(self.variances)

    @property
    def total(self) -> float:
        """Sum of weights, with what lies outside the axis."""
        return float(self.values.sum()) + self.outside

    @property
    def outside_fraction(self) -> float:
        """What part of the weights lies outside the axis; 0 for an empty histogram."""
        return self.outside / self.total if self.total else 0.0

    @property
    def per_width(self) -> NDArray[np.float64]:
        """Factor from content to height, shape (n_bins,): 1 for equal bins, otherwise one over the width."""
        widths = np.diff(self.edges)
        return np.ones_like(widths) if is_uniform(self.edges) else 1 / widths

    def normalised(self) -> Binned:
        """The same shape with a sum of 1 inside the axis; unchanged if that sum is not positive."""
        inside = float(self.values.sum())
        if inside <= 0:
            return self
        return Binned(self.edges, self.values / inside, self.variances / inside**2, self.outside / inside)


@dataclass(frozen=True, slots=True)
class Layer:
    """A histogram with the label and the colour that it has in figures."""

    label: str
    color: str
    binned: Binned


def is_uniform(edges: NDArray[np.float64]) -> bool:
    """Whether all bins have one width, up to rounding."""
    widths = np.diff(edges)
    return bool(np.allclose(widths, widths[0], rtol=1e-6, atol=0))


def add(parts: Iterable[Binned]) -> Binned:
    """The sum of histograms on one axis; at least one."""
    first, *rest = parts
    values, variances, outside = first.values, first.variances, first.outside
    for part in rest:
        values, variances, outside = values + part.values, variances + part.variances, outside + part.outside
    return Binned(first.edges, values, variances, outside)


def from_hist(histogram: hist.Hist) -> Binned:
    """A one-dimensional weighted histogram as arrays."""
    values = histogram.values().astype(np.float64)
    outside = float(histogram.values(flow=True).sum() - values.sum())
    return Binned(histogram.axes[0].edges.astype(np.float64), values, histogram.variances().astype(np.float64), outside)
