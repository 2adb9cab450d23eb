"""A histogram that is filled with integers: the same bits from any chunking, any order and any worker count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import awkward as ak
import hist
import numpy as np

from pipeline.errors import InputError
from pipeline.statistics.sums import Quantum, bincount_exact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray


class Binning(Protocol):
    """What a histogram of an analysis says about its axis: regular, or by edges."""

    @property
    def observable(self) -> str:
        """Name of what is histogrammed."""

    @property
    def label(self) -> str:
        """Text below the axis, without the unit."""

    @property
    def unit(self) -> str | None:
        """For example GeV."""

    @property
    def bins(self) -> int | None:
        """Number of bins of a regular axis."""

    @property
    def start(self) -> float | None:
        """Lower end of a regular axis."""

    @property
    def stop(self) -> float | None:
        """Upper end of a regular axis."""

    @property
    def edges(self) -> tuple[float, ...] | None:
        """Edges of a variable axis."""


@dataclass(frozen=True, slots=True)
class HistogramAxis:
    """One axis; its bins are those of boost-histogram, with underflow and overflow.

    Args:
        observable: name of what is histogrammed.
        label: text below the axis, with the unit.
        regular: whether *numbers* are (bins, start, stop); else they are edges.
        numbers: the binning, in the unit of the observable.
    """

    observable: str
    label: str
    regular: bool
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, binning: Binning) -> HistogramAxis:
        """The axis that a histogram of an analysis asks for."""
        label = binning.label if binning.unit is None else f"{binning.label} [{binning.unit}]"
        if binning.edges is not None:
            return cls(binning.observable, label, False, tuple(float(edge) for edge in binning.edges))
        if binning.bins is None or binning.start is None or binning.stop is None:
            raise InputError(
                f"Histogram of {binning.observable!r} has no binning. Expected bins, start, stop or edges. Add them."
            )
        return cls(binning.observable, label, True, (float(binning.bins), float(binning.start), float(binning.stop)))

    @property
    def extent(self) -> int:
        """Number of bins, with underflow and overflow."""
        return (int(self.numbers[0]) if self.regular else len(self.numbers) - 1) + 2

    def to_hist(self) -> Any:
        """The axis as `hist` has it."""
        if self.regular:
            bins, start, stop = self.numbers
            return hist.axis.Regular(int(bins), start, stop, name=self.observable, label=self.label)
        return hist.axis.Variable(self.numbers, name=self.observable, label=self.label)

    def index(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Bin of each value, shape (n,): 0 is the underflow."""
        return np.asarray(self.to_hist().index(values), dtype=np.int64) + 1

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """For an `.npz`."""
        return {
            "observable": np.array(self.observable),
            "label": np.array(self.label),
            "regular": np.array(self.regular),
            "numbers": np.array(self.numbers),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> HistogramAxis:
        """The inverse of `to_arrays`."""
        numbers = tuple(arrays["numbers"].tolist())
        return cls(str(arrays["observable"]), str(arrays["label"]), bool(arrays["regular"]), numbers)


@dataclass(frozen=True, slots=True, eq=False)
class ExactHistogram:
    """Counts, sums of weights and sums of squared weights in bins, as integers; merge two with `+`, or into one with `+=`.

    Args:
        axis: its bins.
        quantum: unit of `sumw`; that of `sumw2` is `quantum.squared`.
        count: number of entries, shape (axis.extent,), with underflow first and overflow last.
        sumw: in quanta, same shape.
        sumw2: in squared quanta, same shape.
    """

    axis: HistogramAxis
    quantum: Quantum
    count: NDArray[np.int64]
    sumw: NDArray[np.int64]
    sumw2: NDArray[np.int64]

    @classmethod
    def empty(cls, axis: HistogramAxis, quantum: Quantum) -> ExactHistogram:
        """Without entries."""
        return cls(axis, quantum, *(np.zeros(axis.extent, dtype=np.int64) for _ in range(3)))

    def fill(self, values: Any, weights: ArrayLike) -> None:
        """Add one chunk.

        Args:
            values: one number an event, shape (n_events,), or jagged, some numbers an event.
            weights: of each event, shape (n_events,); every number of an event has the event's weight.

        Raises:
            InputError: a value is NaN or missing, a weight is not finite, or the lengths differ.
        """
        array = np.asarray(weights, dtype=np.float64)
        self.fill_counted(values, self.quantum.counts(array), self.quantum.square_counts(array))

    def fill_counted(self, values: Any, sumw: NDArray[np.int64], sumw2: NDArray[np.int64]) -> None:
        """As `fill`, with weights and squared weights that are counted in quanta already, each of shape (n_events,)."""
        numbers, events = flat_numbers(values, len(sumw), self.axis.observable)
        bins = self.axis.index(numbers)
        self.count[:] += np.bincount(bins, minlength=self.axis.extent)
        self.sumw[:] += bincount_exact(bins, sumw[events], self.axis.extent)
        self.sumw2[:] += bincount_exact(bins, sumw2[events], self.axis.extent)

    def __add__(self, other: ExactHistogram) -> ExactHistogram:
        pairs = self._pairs(other)
        return ExactHistogram(self.axis, self.quantum, *(mine + theirs for mine, theirs in pairs))

    def __iadd__(self, other: ExactHistogram) -> Self:
        for mine, theirs in self._pairs(other):
            mine[:] += theirs
        return self

    def _pairs(self, other: ExactHistogram) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
        """What is added to what."""
        if (self.axis, self.quantum) != (other.axis, other.quantum):
            raise ValueError(f"histograms differ: {self.axis}, {self.quantum} and {other.axis}, {other.quantum}")
        return (self.count, other.count), (self.sumw, other.sumw), (self.sumw2, other.sumw2)

    def to_hist(self, scale: float = 1.0, *, name: str = "") -> hist.Hist:
        """With weights times *scale*, in `Weight` storage."""
        filled = hist.Hist(self.axis.to_hist(), storage=hist.storage.Weight(), name=name or self.axis.observable)
        view = filled.view(flow=True)
        view.value = scale * (self.quantum.value * self.sumw)
        view.variance = scale**2 * (self.quantum.squared.value * self.sumw2)
        return filled

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """For an `.npz`."""
        counts = {"count": self.count, "sumw": self.sumw, "sumw2": self.sumw2}
        return {**self.axis.to_arrays(), "quantum": np.array(self.quantum.exponent), **counts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ExactHistogram:
        """The inverse of `to_arrays`."""
        quantum = Quantum(int(arrays["quantum"]))
        return cls(HistogramAxis.from_arrays(arrays), quantum, arrays["count"], arrays["sumw"], arrays["sumw2"])


def flat_numbers(values: Any, n_events: int, observable: str) -> tuple[NDArray[np.float64], Any]:
    """The numbers of a flat or jagged observable, shape (n,), and which event each belongs to.

    Raises:
        InputError: a number is NaN or missing, or *values* are not of *n_events* events.
    """
    if len(values) != n_events:
        raise InputError(
            f"Observable {observable!r} has {len(values)} events where {n_events} are selected."
            " Expected one entry for each selected event. Apply the selection to it in the processor."
        )
    array = values if isinstance(values, np.ndarray) else ak.Array(values)
    if array.ndim == 1:
        return _plain(array, observable), slice(None)
    lengths = _plain(ak.num(array), observable).astype(np.int64)
    return _plain(ak.flatten(array), observable), np.repeat(np.arange(n_events), lengths)


def _plain(numbers: Any, observable: str) -> NDArray[np.float64]:
    """*numbers* as float64, shape (n,), when none is NaN or None."""
    array: NDArray[np.float64]
    if type(numbers) is np.ndarray:
        array = numbers.astype(np.float64, copy=False)
    else:
        masked: Any = np.ma.asarray(ak.to_numpy(numbers, allow_missing=True))
        array = masked.astype(np.float64).filled(np.nan)
    if np.isnan(array).any():
        n_bad = int(np.isnan(array).sum())
        raise InputError(
            f"Observable {observable!r} is NaN or missing in {n_bad} of {len(array)} entries."
            " Expected a number for each selected event, or a list that may be empty. Correct it in the processor."
        )
    return array
