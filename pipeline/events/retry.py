"""What is tried again, and for how long: reading over a network, where the next attempt may succeed."""

from __future__ import annotations

import errno
import logging
import re
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import InputError, PipelineError
from pipeline.events.files import is_url
from pipeline.events.replicas import replicas_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")
ATTEMPTS = 3
FIRST_WAIT_S = 1.0
# No attempt begins later than this after the first. The last may wait for two answers, 12 s each: it ends within a minute.
LAST_BEGIN_S = 30.0
# fsspec hands an error to uproot in place of bytes, which uproot takes apart.
DISGUISED = re.compile(r"^'(\w*(?:Error|Exception))' object is not subscriptable")
# XRootD's client of a file that was closed after an earlier error.
CLOSED = "I/O operation on closed file"
# Answers of an XRootD server that will be the same next time: bad argument, no permission, no such file, a folder, no
# authentication (https://xrootd.slac.stanford.edu/doc/dev56/XRdv520.htm, table of error codes). And of uproot: a server gave
# more or fewer bytes than it was asked for.
FINAL = re.compile(r"\[(3000|3010|3011|3016|3030)\]|Auth failed|expected Chunk of length", re.IGNORECASE)
# Of HTTP, too many requests and a server that is in trouble.
PASSING_HTTP = (408, 425, 429, 500, 502, 503, 504)
# Of a path on AFS, EOS, NFS or Lustre: its server is late or was started again, or the line was cut.
PASSING_ON_SHARED_DISKS = frozenset(
    (
        errno.EIO,
        errno.EAGAIN,
        errno.EBUSY,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.ENOTCONN,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        getattr(errno, "EREMOTEIO", errno.EIO),  # of Linux
    )
)

logger = logging.getLogger(__name__)
_inside: ContextVar[bool] = ContextVar("_inside", default=False)


class UnreadableError(PipelineError):
    """A planned file could not be opened or read over the network; another attempt may succeed."""


class DamagedError(UnreadableError, InputError):
    """A planned file cannot be opened or read."""


def retrying(
    path: str,
    work: Callable[[], Result],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """The result of *work*, which reads *path*; done up to three times, waiting 1 s and 2 s, if network or disk fails.

    A file with more replicas has as many attempts. What is tried again inside of *work* is part of its one attempt, and no
    attempt begins later than 30 s after the first.
    """
    if _inside.get():
        return work()
    attempts = max(ATTEMPTS, len(replicas_of(path)))
    start = clock()
    with _outermost():
        for attempt in range(1, attempts):
            try:
                return work()
            except Exception as error:
                wait = FIRST_WAIT_S * 2 ** min(attempt - 1, 1)
                if not is_transient(path, error) or clock() - start + wait > LAST_BEGIN_S:
                    raise
                what = error if isinstance(error, PipelineError) else f"{path}: {error}"
                logger.warning("%s (attempt %d of %d)", what, attempt, attempts)
                sleep(wait)
        return work()


def is_transient(path: str, error: BaseException) -> bool:
    """Whether *error*, or what it was raised from, may be gone at the next attempt to read *path*, or with a replica."""
    causes = list(_causes(error))
    if not is_url(path):
        return any(isinstance(cause, OSError) and cause.errno in PASSING_ON_SHARED_DISKS for cause in causes)
    return any(map(_is_of_network, causes)) or (
        len(replicas_of(path)) > 1 and any(isinstance(cause, UnreadableError) for cause in causes)
    )


@contextmanager
def _outermost() -> Iterator[None]:
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _is_of_network(error: BaseException) -> bool:
    if isinstance(error, FileNotFoundError | PermissionError):
        return False
    if type(error).__module__.partition(".")[0] == "aiohttp":
        return getattr(error, "status", 503) in PASSING_HTTP
    if isinstance(error, OSError):
        return FINAL.search(str(error)) is None
    if isinstance(error, ValueError):
        return str(error).startswith(CLOSED)
    return isinstance(error, TypeError) and DISGUISED.search(str(error)) is not None
