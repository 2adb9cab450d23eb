"""Whether a package can be imported: by a process of its own, since a library may end the process that imports it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok, warning
from pipeline.operations.machine import TIMED_OUT

if TYPE_CHECKING:
    from pipeline.operations.machine import Machine

SECONDS = 12.0
# The line with the version: a library may write others.
MARK = "version="


def import_time(machine: Machine, module: str, title: str, use: str) -> Finding:
    """Import *module* in another process.

    Args:
        machine: where.
        module: its name.
        title: its name for people.
        use: what it is for.
    """
    start = time.monotonic()
    answer = machine.run(sys.executable, "-c", f"import {module}; print('{MARK}' + {module}.__version__)", seconds=SECONDS)
    took = time.monotonic() - start
    if answer.code == TIMED_OUT:
        return warning(title, f"import takes more than {SECONDS:g} s", "A slow disk, or no .pyc files: see bytecode.")
    lines = [line for line in answer.text.splitlines() if line.strip()]
    if answer.code != 0:
        how = f"ended by signal {-answer.code}" if answer.code < 0 else (lines or ["no reason given"])[-1]
        return fault(title, f"cannot be imported: {how}", f"{use} Type: pip install --no-deps -r requirements.lock")
    version = next((line.removeprefix(MARK) for line in lines if line.startswith(MARK)), "")
    return ok(title, f"{version}, imported in {took:.1f} s")
