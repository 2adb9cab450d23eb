"""All histograms of one dataset, filled side by side, with the totals of its selected events."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from pipeline.errors import InputError, nearest
from pipeline.statistics.histogram import Binning, ExactHistogram, HistogramAxis
from pipeline.statistics.npz import joined, load_arrays, save_arrays, split
from pipeline.statistics.sums import Quantum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

# Squared weights are integers, rounded by up to 1/2: their mean must be so large, or errors are off by more than 1/4096.
LEAST_SQUARE = 1024


class HasHistograms(Protocol):
    """An analysis, as far as its histograms go."""

    @property
    def histograms(self) -> Mapping[str, Binning]:
        """By name."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Number of selected events, and their sums of weights and of squared weights in quanta; add with `+`."""

    n_events: int = 0
    sumw: int = 0
    sumw2: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(self.n_events + other.n_events, self.sumw + other.sumw, self.sumw2 + other.sumw2)


@dataclass(slots=True)
class DatasetHistograms:
    """The histograms of one dataset by name, and the totals of its selected events; merge two chunks with `+`,
    or one into another with `+=`."""

    quantum: Quantum
    histograms: dict[str, ExactHistogram]
    totals: Totals = Totals()

    @classmethod
    def for_analysis(cls, analysis: HasHistograms, quantum: Quantum) -> DatasetHistograms:
        """Those that *analysis* asks for, empty."""
        return cls.for_axes({name: HistogramAxis.of(axis) for name, axis in analysis.histograms.items()}, quantum)

    @classmethod
    def for_axes(cls, axes: Mapping[str, HistogramAxis], quantum: Quantum) -> DatasetHistograms:
        """One for each of *axes*, empty."""
        return cls(quantum, {name: ExactHistogram.empty(axis, quantum) for name, axis in axes.items()})

    def fill(self, observables: Mapping[str, Any], weights: ArrayLike) -> None:
        """Add one chunk of selected events.

        Args:
            observables: by name, shape (n_events,), or jagged.
            weights: shape (n_events,).

        Raises:
            InputError: an observable is missing, NaN or of another length, or a weight is not finite.
        """
        array = np.asarray(weights, dtype=np.float64)
        sumw, sumw2 = self.quantum.counts(array), self.quantum.square_counts(array)
        for name, histogram in self.histograms.items():
            values = _observable(observables, histogram.axis.observable, name)
            histogram.fill_counted(values, sumw, sumw2)
        self.totals += Totals(len(array), _exact_total(sumw), _exact_total(sumw2))

    @property
    def sumw(self) -> float:
        """Sum of the weights of the selected events."""
        return self.totals.sumw * self.quantum.value

    @property
    def sumw2(self) -> float:
        """Sum of the squared weights of the selected events."""
        return self.totals.sumw2 * self.quantum.squared.value

    def check_resolution(self, dataset: str) -> None:
        """See that the weights of the selected events are resolved by the quantum, which is chosen before any is read.

        Raises:
            InputError: their root mean square is so far below the typical weight that errors are lost to rounding.
        """
        if self.totals.sumw2 < LEAST_SQUARE * self.totals.n_events and self.totals.sumw2:
            rms = math.sqrt(self.sumw2 / self.totals.n_events)
            raise InputError(
                f"The {self.totals.n_events} selected events of {dataset!r} have weights around {rms:.1g} or less, where"
                f" those of its generator are around {self.quantum.typical:.1g}. Expected weights of that size, since yields"
                " divide one by the other. Take factors such as a cross section out of the processor's weight, or look for"
                " generated events with a huge weight."
            )

    def __add__(self, other: DatasetHistograms) -> DatasetHistograms:
        self._check_same(other)
        merged = {name: histogram + other.histograms[name] for name, histogram in self.histograms.items()}
        return DatasetHistograms(self.quantum, merged, self.totals + other.totals)

    def __iadd__(self, other: DatasetHistograms) -> Self:
        """Add in place: merging any number of chunks takes the memory of two."""
        self._check_same(other)
        for name, histogram in self.histograms.items():
            histogram += other.histograms[name]
        self.totals += other.totals
        return self

    def _check_same(self, other: DatasetHistograms) -> None:
        if self.histograms.keys() != other.histograms.keys() or self.quantum != other.quantum:
            raise ValueError(f"histograms differ: {list(self.histograms)} and {list(other.histograms)}, or their quanta")

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """For an `.npz`."""
        # As text, because a Python integer may be larger than int64.
        totals = np.array([str(self.totals.n_events), str(self.totals.sumw), str(self.totals.sumw2)])
        return {
            "quantum": np.array(self.quantum.exponent),
            "totals": totals,
            "names": np.array(list(self.histograms), dtype=np.str_),
            **joined({name: histogram.to_arrays() for name, histogram in self.histograms.items()}),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> DatasetHistograms:
        """The inverse of `to_arrays`."""
        names = arrays["names"].tolist()
        histograms = {name: ExactHistogram.from_arrays(split(arrays, f"{name}/")) for name in names}
        return cls(Quantum(int(arrays["quantum"])), histograms, Totals(*(int(text) for text in arrays["totals"].tolist())))

    def save(self, path: str | Path) -> None:
        """Write to *path*, an `.npz`."""
        save_arrays(path, self.to_arrays())

    @classmethod
    def load(cls, path: str | Path) -> DatasetHistograms:
        """The inverse of `save`.

        Raises:
            InputError: the file is missing, or no `.npz` of this kind.
        """
        arrays = load_arrays(path)
        if not {"quantum", "totals", "names"} <= arrays.keys():
            raise InputError(f"{path} holds no histograms. Expected those of the stage `score`. Delete it and run `score`.")
        return cls.from_arrays(arrays)


def _observable(observables: Mapping[str, Any], observable: str, name: str) -> Any:
    if observable not in observables:
        raise InputError(
            f"Histogram {name!r} wants observable {observable!r}, which the processor does not give."
            f" {nearest(observable, observables)} Correct histograms.{name}.observable, or add it in the processor."
        )
    return observables[observable]


def _exact_total(counts: NDArray[np.int64]) -> int:
    """The sum of *counts*, each below 2**52 in size, of up to 2**26 events."""
    return (int((counts >> 26).sum()) << 26) + int((counts & (2**26 - 1)).sum())
