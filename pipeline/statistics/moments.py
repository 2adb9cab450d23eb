"""Mean, spread and quantiles of columns in one pass, the same bits in any order and from any chunking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.statistics.sums import ExactSum, exact_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SIGN = np.uint32(0x80000000)
# The upper 16 bits of a float32 keep its sign, its exponent and 7 bits of its mantissa: steps of 2**-7, below 0.8 %.
KEPT_BITS = 16


@dataclass(frozen=True, slots=True)
class Sketch:
    """How often each value, rounded to 16 bits, was seen: `keys` in rising order of the value, `counts` beside them."""

    keys: NDArray[np.uint32]
    counts: NDArray[np.int64]

    def __add__(self, other: Sketch) -> Sketch:
        keys, place = np.unique(np.concatenate([self.keys, other.keys]), return_inverse=True)
        counts = np.zeros(len(keys), dtype=np.int64)
        np.add.at(counts, place, np.concatenate([self.counts, other.counts]))
        return Sketch(keys, counts)

    def quantile(self, fraction: float) -> float:
        """The value below which *fraction* of all lie, to 0.8 %; NaN if there is none."""
        if not len(self.keys):
            return float("nan")
        below = np.searchsorted(np.cumsum(self.counts), fraction * self.counts.sum(), side="left")
        return float(_values(self.keys[min(int(below), len(self.keys) - 1)]))


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the rows of a table, by column; add two of them with `+`.

    Args:
        n_rows: how many rows were seen.
        sums: of each column.
        squares: of each column's squares.
        sketches: for the quantiles of each column.
    """

    n_rows: int
    sums: tuple[ExactSum, ...]
    squares: tuple[ExactSum, ...]
    sketches: tuple[Sketch, ...]

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.n_rows + other.n_rows,
            tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)),
            tuple(a + b for a, b in zip(self.squares, other.squares, strict=True)),
            tuple(a + b for a, b in zip(self.sketches, other.sketches, strict=True)),
        )

    @property
    def mean(self) -> list[float]:
        """Mean of each column; 0 without rows."""
        return [float(total) / max(self.n_rows, 1) for total in self.sums]

    @property
    def spread(self) -> list[float]:
        """Standard deviation of each column; 1 where the column is constant, so that one may divide by it."""
        means = np.array(self.mean)
        variance = np.array([float(total) for total in self.squares]) / max(self.n_rows, 1) - means**2
        # A constant leaves only the rounding of the two terms, which are as large as the mean's square.
        varies = variance > 1e-12 * (means**2 + 1e-30)
        return [float(v) for v in np.sqrt(np.where(varies, variance, 1.0))]

    def quantiles(self, fractions: Sequence[float]) -> list[list[float]]:
        """For each of *fractions* the quantile of each column."""
        return [[sketch.quantile(fraction) for sketch in self.sketches] for fraction in fractions]


def moments(table: NDArray[np.float32]) -> Moments:
    """The moments of a table of finite numbers, shape (n_rows, n_columns)."""
    columns = [table[:, i] for i in range(table.shape[1])]
    return Moments(
        len(table),
        tuple(exact_sum(column) for column in columns),
        # The square of a float32 is exact as float64.
        tuple(exact_sum(column.astype(np.float64) ** 2) for column in columns),
        tuple(_sketch(column) for column in columns),
    )


def zeros(n_rows: int, n_columns: int) -> Moments:
    """The moments of a table of zeros that nobody has to make."""
    none = (ExactSum(),) * n_columns
    sketch = _sketch(np.zeros(1, dtype=np.float32))
    return Moments(n_rows, none, none, (Sketch(sketch.keys, sketch.counts * n_rows),) * n_columns)


def _sketch(column: NDArray[np.float32]) -> Sketch:
    bits = np.ascontiguousarray(column, dtype=np.float32).view(np.uint32)
    # Negative numbers run backwards in their bits; this makes the integers rise with the values.
    ordered = np.where(bits & SIGN, ~bits, bits | SIGN)
    keys, counts = np.unique(ordered >> np.uint32(KEPT_BITS), return_counts=True)
    return Sketch(keys.astype(np.uint32), counts.astype(np.int64))


def _values(keys: NDArray[np.uint32]) -> NDArray[np.float32]:
    """The middle of each sketch bin."""
    ordered = (np.asarray(keys, dtype=np.uint32) << np.uint32(KEPT_BITS)) | np.uint32(1 << (KEPT_BITS - 1))
    bits = np.where(ordered & SIGN, ordered ^ SIGN, ~ordered)
    return bits.astype(np.uint32).view(np.float32)
