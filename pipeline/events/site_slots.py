"""How many files of one site are read at a time, by all processes of this machine that work in one folder.

Each file that is being read holds a slot of its site: a lock on one of as many files as are allowed. The system takes a lock
away when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import logging
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from pipeline.events.replicas import replicas_of, site_of
from pipeline.files import private_folder, scratch_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOLDER = scratch_place("sites")
LOOK_AGAIN_S = 0.05
TELL_AFTER_S = 30.0

logger = logging.getLogger(__name__)


@contextmanager
def site_slots(
    path: str, most: int | None, *, folder: Path = FOLDER, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """A context that is entered when fewer than *most* files are being read from each site of *path*.

    Args:
        path: path or URL, or replicas; a file counts at each of their sites. Local paths are not counted.
        most: None for no limit.
        folder: where the locks are; processes that share it share the limit.
        sleep: what waits.
    """
    sites = sorted({site_of(replica) for replica in replicas_of(path)} - {""}) if most else []
    with ExitStack() as stack:
        for site in sites:  # in one order everywhere, so that no two wait for each other
            stack.enter_context(_slot(folder / site.replace(":", "_").replace("/", "_"), most or 0, sleep))
        yield


@contextmanager
def _slot(folder: Path, most: int, sleep: Callable[[float], None]) -> Iterator[None]:
    private_folder(folder)
    told, start = False, time.monotonic()
    while True:
        for number in range(most):
            with (folder / str(number)).open("w") as file:
                if _locked(file.fileno()):
                    yield
                    return
        if not told and time.monotonic() - start > TELL_AFTER_S:
            told = True
            logger.warning("%s: still waiting for one of the %d files that may be open at a time.", folder.name, most)
        sleep(LOOK_AGAIN_S)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
