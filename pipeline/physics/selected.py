"""What a processor hands out: the selected events of a chunk, and how they came to be selected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.statistics.sums import ExactSum, exact_sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class EventIds:
    """What names an event in CMS: three integers, each of shape (n_selected,)."""

    run: NDArray[np.uint32]
    luminosity_block: NDArray[np.uint32]
    event: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.run)


@dataclass(frozen=True, slots=True)
class Cut:
    """How many events are left after one cut: their number, sum of weights and sum of squared weights."""

    name: str
    n_events: int
    sumw: ExactSum
    sumw2: ExactSum


@dataclass(frozen=True, slots=True)
class Cutflow:
    """Ordered counts after each cut; add the cutflows of two chunks with `+`."""

    cuts: tuple[Cut, ...] = ()

    def __add__(self, other: Cutflow) -> Cutflow:
        if not self.cuts or not other.cuts:
            return self if self.cuts else other
        if self.names != other.names:
            raise ValueError(f"cutflows of different cuts: {self.names} and {other.names}")
        return Cutflow(
            tuple(
                Cut(a.name, a.n_events + b.n_events, a.sumw + b.sumw, a.sumw2 + b.sumw2)
                for a, b in zip(self.cuts, other.cuts, strict=True)
            )
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The cuts in order; the first is `all`."""
        return tuple(cut.name for cut in self.cuts)


@dataclass(frozen=True, slots=True)
class Selected:
    """The selected events of one chunk.

    Args:
        ids: run, luminosity block and event number of each selected event.
        weight: event weight (generator weight times corrections, 1 for data), shape (n_selected,).
        observables: what is histogrammed, by name, shape (n_selected,), or (n_selected, var) for several numbers an event.
        cutflow: counts over all events of the chunk.
        inputs: by collection and feature; a flat collection has shape (n_selected,), a jagged one (n_selected, var).
        targets: for regression and assignment, by name, shape (n_selected,) or (n_selected, n).
    """

    ids: EventIds
    weight: NDArray[np.float64]
    observables: Mapping[str, Any]
    cutflow: Cutflow
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    targets: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


def count_cuts(cuts: Mapping[str, ArrayLike], weights: ArrayLike) -> Cutflow:
    """Counts after each of *cuts*, applied one after the other.

    Args:
        cuts: by name, in order, a mask over all events of the chunk, shape (n_events,).
        weights: weight of each event before any selection, shape (n_events,).

    Returns:
        The cutflow, with `all` before the first cut.

    >>> [(cut.name, cut.n_events) for cut in count_cuts({"two leptons": [True, False]}, [1.0, 1.0]).cuts]
    [('all', 2), ('two leptons', 1)]
    """
    all_weights = np.asarray(weights, dtype=np.float64)
    passed = np.ones(len(all_weights), dtype=bool)
    rows = []
    for name, mask in {"all": passed, **cuts}.items():
        passed = passed & np.asarray(mask, dtype=bool)
        kept = all_weights[passed]
        # A square of a float64 is rounded, but each by itself: the sum still does not depend on the order.
        rows.append(Cut(name, len(kept), exact_sum(kept), exact_sum(kept**2)))
    return Cutflow(tuple(rows))


def all_cuts(cuts: Mapping[str, ArrayLike]) -> NDArray[np.bool_]:
    """The events that pass every one of *cuts*, shape (n_events,)."""
    passed: NDArray[np.bool_] = np.logical_and.reduce([np.asarray(mask, dtype=bool) for mask in cuts.values()])
    return passed


def event_ids(events: Any, keep: NDArray[np.bool_]) -> EventIds:
    """Run, luminosity block and event number of those NanoAOD *events* for which *keep*, shape (n_events,), is true."""
    return EventIds(
        np.asarray(events.run, dtype=np.uint32)[keep],
        np.asarray(events.luminosityBlock, dtype=np.uint32)[keep],
        np.asarray(events.event, dtype=np.uint64)[keep],
    )
