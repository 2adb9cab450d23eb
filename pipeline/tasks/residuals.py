"""How far an answer is from the truth, in bins that are fine enough to read quantiles from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.kinematics import wrap_phi

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Regular bins in arsinh(residual / scale): linear around 0, logarithmic in the tails; one at each end for what is beyond.
N_REGULAR = 128
N_BINS = N_REGULAR + 2
# For an event without an answer or without truth.
NO_BIN = 255
# Fractions of a Gaussian below -1, 0 and +1 standard deviations.
ONE_SIGMA_DOWN, MEDIAN, ONE_SIGMA_UP = 0.158655, 0.5, 0.841345


@dataclass(frozen=True, slots=True)
class ResidualAxis:
    """The bins of one kind of residual.

    Args:
        scale: where the bins change from linear to logarithmic; about a tenth of a usual resolution or less.
        low: the regular bins begin here.
        high: they end here.
        unit: of the residual; None for one without.
        is_relative: whether it is (answer - truth) / truth.
    """

    scale: float
    low: float
    high: float
    unit: str | None = None
    is_relative: bool = False

    @property
    def edges(self) -> NDArray[np.float64]:
        """Of the regular bins, shape (N_REGULAR + 1,)."""
        ends = np.arcsinh(np.array([self.low, self.high]) / self.scale)
        return np.asarray(self.scale * np.sinh(np.linspace(ends[0], ends[1], N_REGULAR + 1)))

    def bins(self, residuals: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The bin of each residual, same shape: 0 and N_BINS - 1 for what is beyond, NO_BIN for NaN."""
        found = np.searchsorted(self.edges, residuals, side="right").astype(np.uint8)
        return np.where(np.isnan(residuals), np.uint8(NO_BIN), found)


# A bin is 8 % (relative) to 12 % (px, py, pz) of √(residual² + scale²) wide. A quantile is interpolated in its bin: it is
# never off by more than that, and in a smooth distribution by far less.
RELATIVE = ResidualAxis(0.1, -1.0, 40.0, is_relative=True)
AXES = {
    "pt": RELATIVE,
    "mass": RELATIVE,
    "energy": RELATIVE,
    "eta": ResidualAxis(0.02, -12.0, 12.0),
    "rapidity": ResidualAxis(0.02, -12.0, 12.0),
    "phi": ResidualAxis(0.02, -np.pi, np.pi, unit="rad"),
    "px": ResidualAxis(5.0, -5000.0, 5000.0, unit="GeV"),
    "py": ResidualAxis(5.0, -5000.0, 5000.0, unit="GeV"),
    "pz": ResidualAxis(5.0, -5000.0, 5000.0, unit="GeV"),
}


def residual(variable: str, answer: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far *answer* is from *truth*: relative for pt, mass and energy, the smaller way round for phi; NaN where one is.

    >>> residual("pt", np.array([110.0]), np.array([100.0])).round(3).tolist()
    [0.1]
    >>> residual("phi", np.array([3.1]), np.array([-3.1])).round(3).tolist()
    [-0.083]
    """
    difference = answer - truth
    if variable == "phi":
        known = np.isfinite(difference)
        # An angle in (-π, π]; the other end is the same.
        return np.where(known, wrap_phi(np.where(known, difference, 0.0)), np.nan)
    if AXES[variable].is_relative:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(truth == 0, np.nan, difference / truth))
    return np.asarray(difference)


def quantiles(axis: ResidualAxis, counts: NDArray[np.float64], fraction: float) -> NDArray[np.float64]:
    """The residual below which *fraction* of the weights lie, in each column, shape (n_columns,).

    Args:
        axis: the bins.
        counts: sums of weights, shape (N_REGULAR // k + 2, n_columns), where k regular bins may be joined to one.
        fraction: in (0, 1).

    Returns:
        NaN where the sum of a column is not above 0, or where that residual lies beyond the regular bins.
    """
    n_regular = len(counts) - 2
    ends = np.arcsinh(axis.edges[:: N_REGULAR // n_regular] / axis.scale)
    sums = np.cumsum(counts, axis=0)
    wanted = fraction * sums[-1]
    place = (sums >= wanted).argmax(axis=0)  # the first bin that reaches it
    columns = np.arange(counts.shape[1])
    inside = counts[place, columns]
    part = (wanted - (sums[place, columns] - inside)) / np.where(inside > 0, inside, 1)
    regular = np.clip(place - 1, 0, n_regular - 1)
    value = axis.scale * np.sinh(ends[regular] + np.clip(part, 0, 1) * (ends[regular + 1] - ends[regular]))
    good = (sums[-1] > 0) & (place > 0) & (place <= n_regular)
    return np.asarray(np.where(good, value, np.nan))


def bias(axis: ResidualAxis, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median residual of each column; the arguments are those of `quantiles`."""
    return quantiles(axis, counts, MEDIAN)


def sigma68(axis: ResidualAxis, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the width of the central 68.3 % of each column, over the median response where the residual is relative.

    Without that, half of every right answer would be twice as good. The arguments are those of `quantiles`.
    """
    width = (quantiles(axis, counts, ONE_SIGMA_UP) - quantiles(axis, counts, ONE_SIGMA_DOWN)) / 2
    if not axis.is_relative:
        return width
    response = 1 + bias(axis, counts)
    return np.asarray(width / np.where(response > 0, response, np.nan))
