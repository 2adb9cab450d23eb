"""What is tried again: reading over a network, where the next attempt may succeed."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from pipeline.events.files import is_url

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")
ATTEMPTS = 3
FIRST_WAIT_S = 1.0

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
    return is_url(path) and any(
        isinstance(each, OSError) and not isinstance(each, FileNotFoundError | PermissionError)
        for each in (error, error.__cause__)
    )
