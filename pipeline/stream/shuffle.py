"""How rows are shuffled within a buffer of fixed size and cut into batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from pipeline.stream.chunk import Tensors


@dataclass(frozen=True, slots=True)
class Rows:
    """Events on their way into batches.

    Args:
        place: random number of each event for this epoch, shape (n,); rows are put in its order.
        tensors: of one input set, shape (n, ...).
        targets: what the network is to answer, shape (n, n_outputs).
        weight: training weight, shape (n,).
        group: index of the dataset, shape (n,).
    """

    place: NDArray[np.uint64]
    tensors: Tensors
    targets: NDArray[np.float32]
    weight: NDArray[np.float32]
    group: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.place)

    @property
    def n_bytes(self) -> int:
        """Memory of all arrays."""
        arrays: tuple[NDArray[Any], ...] = (self.place, self.targets, self.weight, self.group, *self.tensors.values())
        return sum(array.nbytes for array in arrays)

    def take(self, index: NDArray[np.int64] | slice) -> Rows:
        """The rows at *index*."""
        tensors = {name: tensor[index] for name, tensor in self.tensors.items()}
        return Rows(self.place[index], tensors, self.targets[index], self.weight[index], self.group[index])


def batches(rows: Iterable[Rows], *, batch_size: int, buffer_bytes: float) -> Iterator[Rows]:
    """Shuffle *rows* in a buffer and cut them into batches of *batch_size*; the last one may be smaller.

    What fits into the buffer is shuffled as a whole, so that the result does not depend on how it was cut into ranges.
    Beyond that, half of a full buffer goes out at a time. The memory is that of the buffer, its sorted copy and one chunk.
    """
    pool: list[Rows] = []
    for part in rows:
        pool.append(part)
        if sum(one.n_bytes for one in pool) >= buffer_bytes:
            mixed = _mixed(pool)
            # Whole batches only: a small one may come at the end, never in the middle of an epoch.
            n_out = len(mixed) // 2 // batch_size * batch_size
            yield from _cut(mixed.take(slice(0, n_out)), batch_size)
            pool = [mixed.take(slice(n_out, None))]
    if pool:
        yield from _cut(_mixed(pool), batch_size)


def _mixed(pool: list[Rows]) -> Rows:
    """All rows of *pool* in the order of their places; equal places, of events with one name, by dataset."""
    joined = Rows(
        np.concatenate([rows.place for rows in pool]),
        {name: np.concatenate([rows.tensors[name] for rows in pool]) for name in pool[0].tensors},
        np.concatenate([rows.targets for rows in pool]),
        np.concatenate([rows.weight for rows in pool]),
        np.concatenate([rows.group for rows in pool]),
    )
    return joined.take(np.lexsort((joined.group, joined.place)))


def _cut(rows: Rows, batch_size: int) -> Iterator[Rows]:
    for start in range(0, len(rows), batch_size):
        yield rows.take(slice(start, start + batch_size))
