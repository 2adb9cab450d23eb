"""Which of very many 64-bit keys are there more than once: on disk, in memory for a small share of them at a time."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Self

import numpy as np

from pipeline.files import cannot_write, scratch_folder, scratch_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SCRATCH = scratch_place("duplicates")
# 64 partitions, by the highest bits of the key: equal keys meet in one of them.
PARTITION_BITS = 6
RECORD = np.dtype([("key", "<u8"), ("number", "<u4")])


@dataclass(frozen=True, slots=True)
class Repeats:
    """Keys that were added more than once; one that was added n times is there n - 1 times.

    Args:
        key: shape (n,).
        first: the number that *key* was added with, shape (n,).
        second: that of the next time it was added, shape (n,); not smaller when numbers rise.
    """

    key: NDArray[np.uint64]
    first: NDArray[np.uint32]
    second: NDArray[np.uint32]


class RepeatedKeys:
    """Keys with a number each, in 64 files of a temporary folder below *scratch*, which is removed at the end.

    The files take 12 bytes a key. Memory is that of sorting one of them: about 36 bytes for each 64th key.
    """

    def __init__(self, scratch: Path = SCRATCH) -> None:
        """Hold no key yet."""
        self._scratch = scratch
        self._stack = ExitStack()
        self._files: list[BinaryIO] = []

    def __enter__(self) -> Self:
        folder = self._stack.enter_context(scratch_folder(self._scratch))
        paths = [folder / f"{i}.bin" for i in range(2**PARTITION_BITS)]
        self._files = [self._stack.enter_context(path.open("w+b", buffering=0)) for path in paths]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, number: int, keys: NDArray[np.uint64]) -> None:
        """Add *keys*, shape (n,), each with *number*, such as that of the range they are from; numbers should rise."""
        partition = (keys >> np.uint64(64 - PARTITION_BITS)).astype(np.uint8)
        records = np.empty(len(keys), dtype=RECORD)
        records["key"] = keys[np.argsort(partition, kind="stable")]
        records["number"] = number
        edges = np.cumsum(np.bincount(partition, minlength=len(self._files)))
        for file, part in zip(self._files, np.split(records, edges[:-1]), strict=True):
            self._write(file, part.tobytes())

    def _write(self, file: BinaryIO, content: bytes) -> None:
        try:
            while content:  # a write may be short
                content = content[file.write(content) :]
        except OSError as error:
            raise cannot_write(self._scratch, error) from error

    def repeats(self) -> Iterator[Repeats]:
        """What was added more than once, by partition; nothing for a partition without any."""
        for file in self._files:
            file.seek(0)
            found = _repeats(np.frombuffer(file.read(), dtype=RECORD))
            if len(found.key):
                yield found


def _repeats(records: NDArray[np.void]) -> Repeats:
    # Stable: equal keys stay in the order in which they were added.
    order = np.argsort(records["key"], kind="stable")
    keys = records["key"][order]
    again = np.flatnonzero(keys[1:] == keys[:-1])
    numbers = records["number"]
    return Repeats(keys[again], numbers[order[again]], numbers[order[again + 1]])
