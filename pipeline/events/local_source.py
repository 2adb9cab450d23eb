"""How the bytes of a local file are read: by the thread that wants them, from one file that stays open.

uproot's own way goes through fsspec: for every stretch of bytes it opens the file by its name, in a thread to which an event
loop hands the work. That is slower, and of a file that is replaced meanwhile, one half would be the old and one the new.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uproot.source.chunk import Chunk, Source
from uproot.source.futures import TrivialFuture

if TYPE_CHECKING:
    from queue import Queue


class LocalSource(Source):  # type: ignore[misc]
    """For `uproot.open`, as `handler`; a stretch that is cut short raises an error of uproot's when it is looked at."""

    def __init__(self, file_path: str, **_options: Any) -> None:
        """Open the file; uproot's options are for other sources."""
        super().__init__()
        self._file_path = file_path
        self._file = Path(file_path).open("rb", buffering=0)  # noqa: SIM115 - open for as long as this is
        # uproot's objects refer to each other in circles: also where nobody closes the file, it is closed with them.
        weakref.finalize(self, self._file.close)

    def __enter__(self) -> LocalSource:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def chunk(self, start: int, stop: int) -> Chunk:
        """The bytes from *start* to *stop*."""
        self._num_requests += 1
        return self._read(start, stop)

    def chunks(self, ranges: list[tuple[int, int]], notifications: Queue[Chunk]) -> list[Chunk]:
        """The bytes of each of *ranges*; each is put into *notifications* as well."""
        self._num_requests += 1
        chunks = [self._read(start, stop) for start, stop in ranges]
        for chunk in chunks:
            notifications.put(chunk)
        return chunks

    @property
    def num_bytes(self) -> int:
        """Size of the file now."""
        return os.fstat(self._file.fileno()).st_size

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._file.closed

    def _read(self, start: int, stop: int) -> Chunk:
        self._num_requested_chunks += 1
        self._num_requested_bytes += stop - start
        # At a place of its own, so that threads do not move each other's.
        return Chunk(self, start, stop, TrivialFuture(os.pread(self._file.fileno(), stop - start, start)))
