"""Which rows of a dataset wait in its part of the buffer, and which of them are drawn next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pipeline.stream.rows import Piece, Rows


class Pool:
    """The rows of one dataset that wait to be drawn, in slots of the buffer that are filled again as they are emptied.

    A row keeps its slot until it is drawn. What fits in as a whole is put in the order of the places first, so that the draw
    does not depend on how it was cut into pieces.

    Args:
        name: of the dataset.
        pieces: all its rows.
        n_rows: how many these must be.
    """

    def __init__(self, name: str, pieces: Iterable[Piece], n_rows: int) -> None:
        self.name, self.n_rows = name, n_rows
        self._pieces = (piece for piece in pieces if len(piece))
        self._piece: Piece | None = None
        self._buffer: Rows | None = None
        # The slots of the waiting rows, then the free ones; the place of the row in each of them.
        self._slots = np.zeros(0, dtype=np.int64)
        self._places = np.zeros(0, dtype=np.uint64)
        self._first = self._waiting = self._drawn = 0

    def kind(self) -> Rows | None:
        """No rows, of the kind of the first piece, which is read for that; None if there is none."""
        if self._piece is None:
            self._piece = next(self._pieces, None)
        return None if self._piece is None else self._piece.kind()

    def take_place(self, buffer: Rows, first: int, n_slots: int) -> None:
        """From now on use *n_slots* slots of *buffer*, beginning with *first*."""
        self._buffer, self._first = buffer, first
        self._slots, self._places = np.arange(first, first + n_slots), np.zeros(n_slots, dtype=np.uint64)

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Slots of *n* rows at random, or of fewer where not as many fit in; they are free from now on.

        Raises:
            PipelineError: there is not one more row.
        """
        self._fill()
        n = min(n, self._waiting)
        if not n:
            raise self._mismatch(self._drawn)
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

    def close(self) -> None:
        """See that no row is left over, and let go of the buffer.

        Raises:
            PipelineError: the dataset has more rows than it should.
        """
        left = self._waiting + (0 if self._piece is None else len(self._piece)) + sum(map(len, self._pieces))
        if left:
            raise self._mismatch(self._drawn + left)
        self._buffer = None

    def _fill(self) -> None:
        while self._buffer is not None and self._waiting < len(self._slots):
            piece = self._piece or next(self._pieces, None)
            if piece is None:
                return
            n = min(len(piece), len(self._slots) - self._waiting)
            self._put(piece.part(slice(n)), self._buffer)
            self._piece = piece.part(slice(n, None)) if n < len(piece) else None

    def _put(self, piece: Piece, buffer: Rows) -> None:
        slots = self._slots[self._waiting : self._waiting + len(piece)]
        piece.write_to(buffer, slots)
        self._places[slots - self._first] = piece.place
        self._waiting += len(piece)
        if self._waiting == self.n_rows:
            self._slots = self._first + np.argsort(self._places, kind="stable")

    def _mismatch(self, found: int) -> PipelineError:
        return PipelineError(
            f"The epoch held {found} events of dataset {self.name!r}. Expected {self.n_rows}, as in summary.json."
            " A file or the processor changed in between: run summarise again."
        )
