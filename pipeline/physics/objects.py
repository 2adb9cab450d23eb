"""Objects of each event, such as its good jets, as flat columns: how they are selected, ordered and added up.

NumPy on flat columns is several times faster than records of records, and it reads no column that nobody asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from pipeline.physics.groups import starts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects of a chunk of events, one after the other.

    Args:
        event: index of each object's event in the chunk, shape (n_objects,), never falling.
        n_events: number of events of the chunk.
        columns: by name, each of shape (n_objects,).
    """

    event: NDArray[np.int64]
    n_events: int
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.event)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many objects each event has, shape (n_events,)."""
        return np.bincount(self.event, minlength=self.n_events)

    @property
    def starts(self) -> NDArray[np.int64]:
        """Index of the first object of each event, shape (n_events,)."""
        return starts_of(self.counts)

    @property
    def rank(self) -> NDArray[np.int64]:
        """Place of each object in its own event, from 0, shape (n_objects,)."""
        return np.arange(len(self)) - self.starts[self.event]

    def where(self, mask: NDArray[np.bool_]) -> Objects:
        """Those for which *mask*, shape (n_objects,), is true."""
        return self.take(np.flatnonzero(mask))

    def take(self, index: NDArray[np.int64]) -> Objects:
        """Those of *index*, which must keep the order of the events, shape (n_taken,)."""
        columns = {name: column[index] for name, column in self.columns.items()}
        return Objects(self.event[index], self.n_events, columns)

    def of(self, events: NDArray[np.bool_]) -> Objects:
        """Those of the *events* that are wanted, shape (n_events,), which are then counted from 0."""
        kept = self.where(events[self.event])
        return Objects((np.cumsum(events) - 1)[kept.event], int(np.sum(events)), kept.columns)

    def having(self, **values: ArrayLike) -> Objects:
        """The same objects with more columns, each given as one value or as an array of shape (n_objects,)."""
        added = {name: np.broadcast_to(np.asarray(value), len(self)) for name, value in values.items()}
        return Objects(self.event, self.n_events, {**self.columns, **added})

    def first(self, n: int) -> Objects:
        """The first *n* of each event, or fewer where it has fewer."""
        return self.where(self.rank < n)

    def order(self, *names: str) -> NDArray[np.int64]:
        """The index that makes `ordered`, shape (n_objects,)."""
        index = np.arange(len(self)) if names else np.argsort(self.event, kind="stable")
        for name in reversed(names):
            index = index[falling_order(self.event[index], self.columns[name][index])]
        return index

    def ordered(self, *names: str) -> Objects:
        """In each event descending in the first of *names*, then in the next where that is equal; else as they were."""
        return self.take(self.order(*names))

    def total(self, name: str) -> NDArray[np.float64]:
        """Sum of a column over each event, shape (n_events,); 0 where it has no objects."""
        return np.bincount(self.event, weights=self.columns[name], minlength=self.n_events).astype(np.float64)

    def stacked(self, n: int, events: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """The first *n* objects of the *events* that are wanted, by column, shape (n_wanted, n).

        Args:
            n: each wanted event must have so many.
            events: which events are wanted, shape (n_events,).
        """
        rows = self.starts[events][:, np.newaxis] + np.arange(n)
        return {name: column[rows] for name, column in self.columns.items()}

    def jagged(self, name: str, events: NDArray[np.bool_]) -> ak.Array:
        """One column of the *events* that are wanted, as numbers for each event, shape (n_wanted, var)."""
        return ak.unflatten(self.columns[name][events[self.event]], self.counts[events])


def falling_order(event: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
    """The index that sorts by *event*, then by falling *values*, equal ones as they were; NaN is last in its event.

    Args:
        event: at least 0, shape (n_objects,).
        values: shape (n_objects,).

    >>> falling_order(np.array([1, 0, 1]), np.array([5.0, 3.0, 7.0])).tolist()
    [1, 2, 0]
    """
    if values.dtype != np.float32 or np.isnan(values).any():
        return np.lexsort((-values.astype(np.float64), event))
    # One sort of integers takes a ninth of the time: a float32's bits, without its sign, rise with its size.
    bits = (np.float32(0) - values).view(np.int32).astype(np.int64)
    return np.argsort((event << 32) + np.where(bits < 0, bits ^ 0x7FFFFFFF, bits), kind="stable")


def read_objects(collection: Any, fields: Mapping[str, str], *, events: ArrayLike | None = None) -> Objects:
    """Read columns of a NanoAOD collection, such as `events.Jet`.

    Args:
        collection: one record an object, shape (n_events, var).
        fields: by our name, the field of *collection* that is read; no other is touched.
        events: leave out the objects of the events for which this is false, shape (n_events,).
    """
    counts = np.asarray(ak.num(collection, axis=1))
    event = np.repeat(np.arange(len(counts)), counts)
    wanted = slice(None) if events is None else np.flatnonzero(np.asarray(events, dtype=bool)[event])
    columns = {name: np.asarray(ak.flatten(collection[field], axis=1))[wanted] for name, field in fields.items()}
    return Objects(event[wanted], len(counts), columns)


def merged(*parts: Objects, by: tuple[str, ...] = ()) -> Objects:
    """All objects of *parts*, which have the same events and columns, ordered as `Objects.ordered` does *by* columns.

    Where these are equal, or none is given, those of the first part come first.
    """
    event = np.concatenate([part.event for part in parts])
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns}
    return Objects(event, parts[0].n_events, columns).ordered(*by)
