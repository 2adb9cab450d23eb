"""Files that stay open, so that the ranges of a file do not each open it again."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.events.files import is_url
from pipeline.events.opening import give_up_replica, open_root

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_OPEN = 8
# What uproot knew of a closed file, 1 MB, refers to itself and stays until Python looks for such, which takes 15 ms.
CLOSED_BETWEEN_COLLECTIONS = 2


class FilePool:
    """The files used last, open; the one unused for longest is closed when there are more than *most*.

    Arrays that were not yet read from a file that is closed can no longer be read. A pool is for one thread.
    """

    def __init__(self, most: int = MOST_OPEN, opener: Callable[[str], Any] = open_root) -> None:
        """Hold no file yet."""
        self._most = most
        self._opener = opener
        self._files: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._n_closed = 0

    def get(self, path: str) -> Any:
        """The open file; opened anew if it was replaced or changed since, or if this is a forked process."""
        key = (path, os.getpid(), *_state(path))
        if key not in self._files:
            _keep_what_is_there(with_keras="keras" in sys.modules)
            self.drop(path)
            self._files[key] = self._opener(path)
        self._files.move_to_end(key)
        while len(self._files) > self._most:
            self._files.popitem(last=False)[1].close()
            self._n_closed += 1
            if self._n_closed % CLOSED_BETWEEN_COLLECTIONS == 0:
                gc.collect()
        return self._files[key]

    def drop(self, path: str) -> None:
        """Close *path* if it is open."""
        for key in [key for key in self._files if key[0] == path]:
            self._files.pop(key).close()

    def give_up(self, path: str) -> None:
        """Close *path*, which could not be read on; if it has replicas, the next `get` tries another one first."""
        for key, file in self._files.items():
            if key[0] == path:
                give_up_replica(path, file)
        self.drop(path)

    def close(self) -> None:
        """Close all files."""
        while self._files:
            self._files.popitem()[1].close()


def _state(path: str) -> tuple[int, ...]:
    """What changes when a local file is replaced or rewritten."""
    if is_url(path) or not Path(path).exists():
        return ()
    found = Path(path).stat()
    return (found.st_ino, found.st_size, found.st_mtime_ns)


@cache
def _keep_what_is_there(*, with_keras: bool) -> None:
    """Once, and again when Keras is there: else Python would look through all that TensorFlow has made as well, for 0.2 s.

    Of the files that are open the second time, some MB are never let go of.
    """
    gc.collect()
    gc.freeze()


class _PoolOfThread(threading.local):
    def __init__(self) -> None:
        self.pool = FilePool()


_of_thread = _PoolOfThread()


def pool() -> FilePool:
    """The pool of this thread."""
    return _of_thread.pool
