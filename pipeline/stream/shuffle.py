"""How rows are shuffled in a buffer of fixed size and cut into batches that hold every dataset's share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from pipeline.stream.chunk import Tensors

    Index = NDArray[np.int64] | slice

# Rows are drawn in blocks of several batches, for the time that a block takes by itself not to count.
BLOCK_ROWS = 16_384
BLOCK_BYTES = 16e6
# NumPy draws from at most so many.
MOST_DRAWN_FROM = 10**9 - 1


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
        own: tuple[NDArray[Any], ...] = (self.targets, self.weight, self.group)
        return sum(array.nbytes for array in (*own, *self.tensors.values()))

    def take(self, index: Index) -> Rows:
        """The rows at *index*."""
        tensors = {name: tensor[index] for name, tensor in self.tensors.items()}
        return Rows(tensors, self.targets[index], self.weight[index], self.group[index])


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of one dataset, on their way into the buffer.

    Args:
        place: random number of each row for this epoch, from the event's name, shape (n,).
        source: tensors of a whole chunk, perhaps mapped from disk.
        index: which of its rows these are, shape (n,).
        targets: shape (n, n_outputs).
        weight: shape (n,).
    """

    place: NDArray[np.uint64]
    source: Tensors
    index: NDArray[np.int64]
    targets: NDArray[np.float32]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.place)

    def part(self, rows: slice) -> Piece:
        """Some of the rows."""
        return Piece(self.place[rows], self.source, self.index[rows], self.targets[rows], self.weight[rows])

    def gathered(self) -> Rows:
        """The rows themselves, without their dataset."""
        tensors = {name: tensor[self.index] for name, tensor in self.source.items()}
        return Rows(tensors, self.targets, self.weight, np.empty(len(self), dtype=np.int16))


class Pool:
    """The rows of one dataset that wait to be drawn: a share of the buffer, filled from *pieces* as it is emptied.

    A row keeps its place in memory until it is drawn. What fits in as a whole is put in the order of the places first, so
    that the draw does not depend on how it was cut into pieces.

    Args:
        name: of the dataset.
        pieces: all its rows.
        n_rows: how many these must be.
        n_bytes: of the buffer.
    """

    def __init__(self, name: str, pieces: Iterable[Piece], n_rows: int, n_bytes: float) -> None:
        self.name, self.n_rows = name, n_rows
        self._pieces, self._n_bytes = (piece for piece in pieces if len(piece)), n_bytes
        self._piece: Piece | None = None
        self._buffer: Rows | None = None
        self._place = np.zeros(0, dtype=np.uint64)
        # The slots of the waiting rows, then the free ones.
        self._slots = np.zeros(0, dtype=np.int64)
        self._waiting = self._drawn = 0

    @property
    def n_bytes(self) -> int:
        """Memory of the buffer."""
        return 0 if self._buffer is None else self._buffer.n_bytes + self._place.nbytes

    def draw_into(self, block: Rows, places: NDArray[np.int64], rng: np.random.Generator) -> None:
        """Draw as many rows as there are *places* and put them there in *block*.

        Raises:
            PipelineError: the dataset has fewer rows.
        """
        while len(places):
            buffer = self._filled()
            n = min(len(places), self._waiting)
            if buffer is None or not n:
                raise self._mismatch(self._drawn)
            _copy(buffer, self._take_slots(n, rng), block, places[:n])
            places = places[n:]

    def empty_block(self, n_rows: int) -> Rows | None:
        """Memory for *n_rows* rows of this kind; None if the dataset has none that would tell."""
        buffer = self._filled()
        return None if buffer is None else _empty_like(buffer, n_rows)

    def check_empty(self) -> None:
        """See that no row is left over.

        Raises:
            PipelineError: the dataset has more rows than it should.
        """
        left = self._waiting + (0 if self._piece is None else len(self._piece)) + sum(map(len, self._pieces))
        if left:
            raise self._mismatch(self._drawn + left)

    def _filled(self) -> Rows | None:
        while self._buffer is None or self._waiting < len(self._slots):
            if self._piece is None:
                self._piece = next(self._pieces, None)
            if self._piece is None:
                break
            if self._buffer is None:
                self._buffer = self._allocated(self._piece)
            self._put(self._buffer, self._piece)
        return self._buffer

    def _allocated(self, piece: Piece) -> Rows:
        one = piece.part(slice(1)).gathered()
        # At least one row, for an epoch to go on at all.
        n_rows = max(1, min(self.n_rows, int(self._n_bytes / (one.n_bytes + piece.place.itemsize))))
        self._slots, self._place = np.arange(n_rows), np.empty(n_rows, dtype=piece.place.dtype)
        return _empty_like(one, n_rows)

    def _put(self, buffer: Rows, piece: Piece) -> None:
        n = min(len(piece), len(self._slots) - self._waiting)
        slots, rows = self._slots[self._waiting : self._waiting + n], piece.part(slice(n))
        _copy(rows.gathered(), slice(None), buffer, slots)
        self._place[slots] = rows.place
        self._waiting += n
        self._piece = piece.part(slice(n, None)) if n < len(piece) else None
        if self._waiting == self.n_rows:
            self._slots = np.argsort(self._place, kind="stable")

    def _take_slots(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Slots of *n* waiting rows, at random; they are free from now on."""
        picked = rng.choice(self._waiting, n, replace=False)
        slots = self._slots[picked]
        kept = self._waiting - n
        # The waiting ones stay in front: those of the tail that were not picked fill the holes before it.
        stays = np.ones(n, dtype=np.bool_)
        stays[picked[picked >= kept] - kept] = False
        self._slots[picked[picked < kept]] = self._slots[kept : self._waiting][stays]
        self._slots[kept : self._waiting] = slots
        self._waiting, self._drawn = kept, self._drawn + n
        return slots

    def _mismatch(self, found: int) -> PipelineError:
        return PipelineError(
            f"The epoch held {found} events of dataset {self.name!r}. Expected {self.n_rows}, as in summary.json."
            " A file or the processor changed in between: run summarise again."
        )


def batches(
    pools: Sequence[Pool], *, batch_size: int, seed: Sequence[int], at_end: Callable[[], None] = lambda: None
) -> Iterator[Rows]:
    """Batches of *batch_size* rows drawn from the *pools*, each row once; the last batch may be smaller.

    How many rows of each pool are in a batch has the distribution of a shuffle of all rows, whatever the buffer: it is drawn
    from the numbers that are left (multivariate hypergeometric).

    Args:
        pools: one a dataset.
        batch_size: in rows.
        seed: of the draws.
        at_end: called when all pools are empty, before the last batches go out.

    Raises:
        PipelineError: a pool has more or fewer rows than it should; raised before the last batch goes out.
    """
    rng = np.random.default_rng(seed)
    left = np.array([pool.n_rows for pool in pools], dtype=np.int64)
    block_rows = _block_rows(pools, batch_size)
    while left.any():
        counts = rng.multivariate_hypergeometric(left // (1 + left.sum() // MOST_DRAWN_FROM), min(block_rows, left.sum()))
        block = _drawn(pools, counts, rng)
        left -= counts
        if not left.any():
            for pool in pools:
                pool.check_empty()
            at_end()
        yield from (block.take(slice(start, start + batch_size)) for start in range(0, len(block), batch_size))


def _block_rows(pools: Sequence[Pool], batch_size: int) -> int:
    """A multiple of *batch_size*."""
    row_bytes = _block(pools, 1).n_bytes
    return max(1, min(BLOCK_ROWS, int(BLOCK_BYTES / row_bytes)) // batch_size) * batch_size


def _block(pools: Sequence[Pool], n_rows: int) -> Rows:
    """Memory for so many rows; any dataset tells what a row looks like."""
    for pool in pools:
        block = pool.empty_block(n_rows)
        if block is not None:
            return block
    raise PipelineError("The epoch held no events. Expected those of summary.json. Run summarise again.")


def _drawn(pools: Sequence[Pool], counts: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    places = rng.permutation(int(counts.sum()))
    block = _block(pools, len(places))
    for group, (pool, mine) in enumerate(zip(pools, np.split(places, np.cumsum(counts)[:-1]), strict=True)):
        pool.draw_into(block, mine, rng)
        block.group[mine] = group
    return block


def _empty_like(rows: Rows, n_rows: int) -> Rows:
    tensors, targets, weight, group = (
        {name: np.empty((n_rows, *t.shape[1:]), dtype=t.dtype) for name, t in rows.tensors.items()},
        *(np.empty((n_rows, *a.shape[1:]), dtype=a.dtype) for a in (rows.targets, rows.weight, rows.group)),
    )
    return Rows(tensors, targets, weight, group)


def _copy(source: Rows, taken: Index, target: Rows, places: Index) -> None:
    for name, tensor in target.tensors.items():
        tensor[places] = source.tensors[name][taken]
    target.targets[places] = source.targets[taken]
    target.weight[places] = source.weight[taken]
