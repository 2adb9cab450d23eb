"""What is tried again: reading over a network, where the next attempt may succeed."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, TypeVar

from pipeline.events.files import is_url

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")
ATTEMPTS = 3
FIRST_WAIT_S = 1.0
# fsspec hands an error to uproot in place of bytes, which uproot takes apart; xrootd forgets a file that a server closed.
AS_IT_SEEMS = re.compile(r"^'\w*(Error|Exception)' object is not subscriptable|I/O operation on closed file")

logger = logging.getLogger(__name__)


def retrying(path: str, work: Callable[[], Result], *, sleep: Callable[[float], None] = time.sleep) -> Result:
    """The result of *work*, which reads *path*; done up to three times, waiting 1 s and 2 s, if the network fails."""
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except Exception as error:
            if not is_transient(path, error):
                raise
            logger.warning("%s: %s (attempt %d of %d)", path, error, attempt, ATTEMPTS)
            sleep(FIRST_WAIT_S * 2 ** (attempt - 1))
    return work()


def is_transient(path: str, error: BaseException) -> bool:
    """Whether *error*, or what it was raised from, may be gone at the next attempt to read *path*."""
    return is_url(path) and any(_is_of_network(each) for each in (error, error.__cause__))


def _is_of_network(error: BaseException | None) -> bool:
    if isinstance(error, OSError):
        return not isinstance(error, FileNotFoundError | PermissionError)
    return isinstance(error, TypeError | ValueError) and AS_IT_SEEMS.search(str(error)) is not None
