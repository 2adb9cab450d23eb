"""How a batch of events is held while it is simulated: one flat array a column, and the event of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one collection, such as all jets of a batch, grouped by event.

    Args:
        event: index of the row's event in the batch, never falling, shape (n_rows,).
        n_events: number of events of the batch, those without a row included.
        columns: by name, each of shape (n_rows,).
    """

    event: NDArray[np.int64]
    n_events: int
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.event)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column by its name."""
        return self.columns[name]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of rows of each event, shape (n_events,)."""
        return np.bincount(self.event, minlength=self.n_events)

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each event begins and the last one ends, shape (n_events + 1,)."""
        return starts_of(self.counts)

    @property
    def position(self) -> NDArray[np.int64]:
        """Index of each row within its event, shape (n_rows,)."""
        return np.arange(len(self)) - self.starts[self.event]

    def take(self, rows: ArrayLike) -> Table:
        """The rows that a mask or an index names; an index must keep the order of the events."""
        chosen = np.asarray(rows)
        return Table(self.event[chosen], self.n_events, {name: column[chosen] for name, column in self.columns.items()})

    def having(self, **columns: NDArray[Any]) -> Table:
        """The same rows with more columns, or with some replaced."""
        return Table(self.event, self.n_events, {**self.columns, **columns})

    def by_descending(self, name: str) -> NDArray[np.int64]:
        """The index that orders the rows of each event by falling *name*; ties keep their order."""
        return np.lexsort((-self[name], self.event))


def starts_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each group begins and the last one ends, from the sizes of the groups.

    >>> starts_of(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    return np.concatenate(([0], np.cumsum(counts)))


def spread(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices start, start + 1, ... of every group, one group after the other.

    >>> spread(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    return np.repeat(starts - starts_of(counts)[:-1], counts) + np.arange(counts.sum())


def pairs(first: Table, second: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of *first* and of *second* that lie in one event: every pair, as two indices of shape (n_pairs,)."""
    counts = second.counts[first.event]
    return np.repeat(np.arange(len(first)), counts), spread(second.starts[first.event], counts)
