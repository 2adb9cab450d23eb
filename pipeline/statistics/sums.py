"""How to add weights so that the sum does not depend on the order: the same bits from any chunking and any worker count.

Floating-point addition depends on its order. Here numbers are added as integers: without error, so in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# A float64 is an integer of 53 bits times a power of two, at least 2**-1074.
MANTISSA_BITS = 53
HALF_BITS = 27
SMALLEST_EXPONENT = -1074 - MANTISSA_BITS


@dataclass(frozen=True, slots=True)
class ExactSum:
    """A sum of float64 numbers without rounding; add two of them with `+`.

    Args:
        units: the sum in units of 2**-1127.

    >>> float(exact_sum([1e30, 1.0]) + exact_sum([-1e30]))
    1.0
    """

    units: int = 0

    def __add__(self, other: ExactSum) -> ExactSum:
        return ExactSum(self.units + other.units)

    def __float__(self) -> float:
        return float(Fraction(self.units, 2**-SMALLEST_EXPONENT))


def exact_sum(values: ArrayLike) -> ExactSum:
    """The sum of *values*, shape (n,), without rounding; 0 for an empty array.

    Raises:
        InputError: a value is not finite.
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InputError(
            f"Value {place} of {len(array)} to be summed is {array[place]}. Expected finite numbers."
            " Look for a division by zero or a missing value in the processor."
        )
    mantissa, exponent = np.frexp(array)
    integers = (mantissa * 2.0**MANTISSA_BITS).astype(np.int64)
    total = 0
    if len(array):
        lowest = int(exponent.min())
        bins = exponent - lowest
        # Halves of the mantissa, so that a float64 adds up to 2**26 of them without rounding.
        for part, shift in ((integers >> HALF_BITS, HALF_BITS), (integers & (2**HALF_BITS - 1), 0)):
            for step, count in enumerate(np.bincount(bins, weights=part).tolist()):
                total += int(count) << (step + lowest - MANTISSA_BITS + shift - SMALLEST_EXPONENT)
    return ExactSum(total)


@dataclass(frozen=True, slots=True)
class Quantum:
    """The unit in which the weights of one dataset are counted in a histogram: a power of two.

    A weight is rounded once, by at most 2**-33 of the dataset's typical weight; the sum of the rounded weights is exact.
    `value` is dimensionless; a bin holds sums up to 2**31 typical weights.
    """

    exponent: int

    @classmethod
    def of_typical_weight(cls, typical: float) -> Quantum:
        """The quantum for weights around |*typical*| (root mean square); for 0, that of 1."""
        return cls(int(np.frexp(abs(typical) or 1.0)[1]) - 32)

    @property
    def value(self) -> float:
        """One unit, as a weight."""
        return float(2.0**self.exponent)

    @property
    def typical(self) -> float:
        """The typical weight, up to a factor of 2."""
        return float(2.0 ** (self.exponent + 32))

    @property
    def squared(self) -> Quantum:
        """The quantum for squares of weights: as fine, relative to the typical square."""
        return Quantum(2 * (self.exponent + 32) - 32)

    def counts(self, weights: ArrayLike) -> NDArray[np.int64]:
        """*weights* in units of the quantum, rounded to the nearest; same shape.

        Raises:
            InputError: a weight is not finite, or more than a million times the typical one.
        """
        array = np.asarray(weights, dtype=np.float64)
        scaled = np.rint(np.ldexp(array, -self.exponent))
        if not (np.abs(scaled) < 2.0**52).all():  # also false for NaN
            raise self._too_large(array, "a million")
        return scaled.astype(np.int64)

    def square_counts(self, weights: ArrayLike) -> NDArray[np.int64]:
        """Squares of *weights* in units of `squared`, same shape; of a weight that is not 0, at least 1.

        Below 2**-17 of the typical weight a square is less than half a unit. It is then rounded up: the error of a sum of
        such weights comes out too large, and never as 0.

        Raises:
            InputError: a weight is not finite, or more than a thousand times the typical one.
        """
        array = np.asarray(weights, dtype=np.float64)
        if not (np.abs(array) < 2.0**10 * self.typical).all():  # its square would not fit
            raise self._too_large(array, "a thousand")
        counts: NDArray[np.int64] = np.maximum(self.squared.counts(array**2), array != 0)
        return counts

    def _too_large(self, weights: NDArray[np.float64], times: str) -> InputError:
        worst = weights[np.argmax(np.where(np.isfinite(weights), np.abs(weights), np.inf))]
        return InputError(
            f"An event has weight {worst:g}, where the typical weight of its dataset is {self.typical:g}."
            f" Expected finite weights below {times} times that. Check the weights in the processor."
        )


def bincount_exact(bins: NDArray[np.int64], counts: NDArray[np.int64], n_bins: int) -> NDArray[np.int64]:
    """Sum integer *counts* by bin without rounding: shape (n_bins,).

    Args:
        bins: index of the bin, shape (n,), each in [0, n_bins).
        counts: integers below 2**52 in size, shape (n,); n up to 2**26.
    """
    if len(counts) * int(np.abs(counts).max(initial=0)) < 2**MANTISSA_BITS:  # no float64 on the way is rounded
        return np.bincount(bins, weights=counts, minlength=n_bins).astype(np.int64)
    high = np.bincount(bins, weights=counts >> 26, minlength=n_bins).astype(np.int64)
    low = np.bincount(bins, weights=counts & (2**26 - 1), minlength=n_bins).astype(np.int64)
    return (high << 26) + low
