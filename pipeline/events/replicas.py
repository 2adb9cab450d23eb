"""Which copy of a file is read: the URLs that it has, and which sites have failed here lately.

A file with replicas goes through the pipeline as one text, its URLs joined by `|`: so plan and messages call it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SEPARATOR = "|"
FORGET_AFTER_S = 600.0


def joined(replicas: Iterable[str]) -> str:
    """The name of a file with *replicas*, in the order in which they are to be tried."""
    return SEPARATOR.join(replicas)


def replicas_of(path: str) -> tuple[str, ...]:
    """The places of one file; a local path is one, whatever signs it holds.

    >>> replicas_of("root://a//x.root|https://b/x.root"), replicas_of("odd|name.root")
    (('root://a//x.root', 'https://b/x.root'), ('odd|name.root',))
    """
    return tuple(path.split(SEPARATOR)) if "://" in path else (path,)


def site_of(path: str) -> str:
    """Host and port of a URL; empty for a local path.

    >>> site_of("root://user@eos.cern.ch:1094//store/x.root"), site_of("/eos/x.root")
    ('eos.cern.ch:1094', '')
    """
    return urlsplit(path).netloc.rpartition("@")[2].lower() if "://" in path else ""


class Sites:
    """Remembers for ten minutes which sites have failed, so that not every file waits for them first.

    Only the order in which replicas are tried depends on it: each is the same file, so no result does.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know of no failure."""
        self._clock = clock
        self._failed: dict[str, float] = {}

    def failed(self, path: str) -> None:
        """Take note that *path*, one replica, could not be opened or read."""
        self._failed[site_of(path)] = self._clock()

    def in_order(self, path: str) -> list[str]:
        """The replicas of *path* as they were given, those of sites that have failed lately last, the latest at the end."""
        return sorted(replicas_of(path), key=self._last_failure)

    def _last_failure(self, replica: str) -> float:
        when = self._failed.get(site_of(replica), 0.0)
        return when if when and self._clock() - when < FORGET_AFTER_S else 0.0
