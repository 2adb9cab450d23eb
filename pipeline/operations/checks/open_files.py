"""May a process open as many files as dask and XRootD do?"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

ENOUGH = 1024


def check(machine: Machine, *, limit: int | None = None) -> Iterator[Finding]:
    """The soft *limit* of this process."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    if most == resource.RLIM_INFINITY or most >= ENOUGH:
        yield ok("open files", "no limit" if most == resource.RLIM_INFINITY else f"{most} at once")
    else:
        yield warning("open files", f"{most} at once", "ulimit -n 4096")
