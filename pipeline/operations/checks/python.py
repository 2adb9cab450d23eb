"""Is this a Python that nanoloom runs on, in an environment of its own?"""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

OLDEST = (3, 11)


def check(machine: Machine, *, version: tuple[int, ...] = sys.version_info[:3]) -> Iterator[Finding]:
    """*version* of Python, and the environment that it is in."""
    found = f"{'.'.join(map(str, version))} ({sys.executable})"
    if version < OLDEST:
        yield fault("Python", found, f"Set up .venv with {'.'.join(map(str, OLDEST))} or newer: make PYTHON=python3.11 run")
    elif platform.python_implementation() != "CPython":
        yield warning("Python", f"{found}, {platform.python_implementation()}", "Use CPython: make PYTHON=python3.11 run")
    else:
        yield ok("Python", found)
    if machine.environment.get("PYTHONPATH"):
        yield warning(
            "PYTHONPATH",
            machine.environment["PYTHONPATH"],
            "Its packages hide those of the environment. If that is not meant: unset PYTHONPATH",
        )
