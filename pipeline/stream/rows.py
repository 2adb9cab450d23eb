"""What a batch is made of: rows of tensors, targets and weights, and pieces of them on their way into the buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


# By name; of numbers for a network, or as they are kept (`pipeline/stream/kinds`).
Tensors = dict[str, "NDArray[Any]"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Events of a batch.

    Args:
        tensors: of one input set, shape (n, ...).
        targets: what the network is to answer, shape (n, n_outputs).
        weight: training weight, shape (n,).
        group: index of the dataset, shape (n,).
    """

    tensors: Tensors
    targets: NDArray[np.float32]
    weight: NDArray[np.float32]
    group: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.weight)

    @property
    def n_bytes(self) -> int:
        """Memory of all arrays."""
        return sum(array.nbytes for array in self.arrays())

    def arrays(self) -> Iterator[NDArray[Any]]:
        """All arrays, always in the same order."""
        yield from (self.targets, self.weight, self.group)
        yield from self.tensors.values()

    def part(self, rows: slice) -> Rows:
        """Some rows, sharing their memory."""
        tensors = {name: tensor[rows] for name, tensor in self.tensors.items()}
        return Rows(tensors, self.targets[rows], self.weight[rows], self.group[rows])

    def empty(self, n_rows: int) -> Rows:
        """Memory for *n_rows* rows of this kind."""

        def new(array: NDArray[Any]) -> NDArray[Any]:
            return np.empty((n_rows, *array.shape[1:]), dtype=array.dtype)

        tensors = {name: new(tensor) for name, tensor in self.tensors.items()}
        return Rows(tensors, new(self.targets), new(self.weight), new(self.group))

    def copy_from(self, source: Rows, rows: NDArray[np.int64]) -> None:
        """Become the *rows* of *source*, as many as these are."""
        for mine, other in zip(self.arrays(), source.arrays(), strict=True):
            # "clip" alone writes to `out` without a copy in between: three times faster than an index in brackets.
            np.take(other, rows, axis=0, out=mine, mode="clip")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of one dataset, on their way into the buffer.

    Args:
        place: random number of each row for this epoch, from the event's name, shape (n,).
        source: tensors of a whole chunk, perhaps mapped from disk.
        index: which of its rows these are, shape (n,).
        targets: shape (n, n_outputs).
        weight: shape (n,).
        group: index of the dataset.
    """

    place: NDArray[np.uint64]
    source: Tensors
    index: NDArray[np.int64]
    targets: NDArray[np.float32]
    weight: NDArray[np.float32]
    group: int

    def __len__(self) -> int:
        return len(self.place)

    def part(self, rows: slice) -> Piece:
        """Some of the rows."""
        own = (self.targets[rows], self.weight[rows], self.group)
        return Piece(self.place[rows], self.source, self.index[rows], *own)

    def kind(self) -> Rows:
        """No rows, of the kind of these."""
        tensors = {name: np.empty((0, *t.shape[1:]), dtype=t.dtype) for name, t in self.source.items()}
        return Rows(tensors, self.targets[:0], self.weight[:0], np.empty(0, dtype=np.int16))

    def write_to(self, buffer: Rows, slots: NDArray[np.int64]) -> None:
        """Put the rows into the *slots* of *buffer*."""
        side_by_side = slots[-1] - slots[0] == len(slots) - 1 and bool((np.diff(slots) == 1).all())
        for name, tensor in self.source.items():
            place = buffer.tensors[name]
            if side_by_side:  # as in an empty buffer: a third of the time, for the rows are copied once instead of twice
                np.take(tensor, self.index, axis=0, out=place[slots[0] : slots[-1] + 1], mode="clip")
            else:
                place[slots] = np.take(tensor, self.index, axis=0)
        buffer.targets[slots], buffer.weight[slots], buffer.group[slots] = self.targets, self.weight, self.group
