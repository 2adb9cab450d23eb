"""Is a run going on in this folder, or has one that was killed left its lock?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, ok, warning
from pipeline.running import is_locked, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

UNLOCK = "snakemake --unlock, then start again with --rerun-incomplete"


def check(machine: Machine) -> Iterator[Finding]:
    """Snakemake's lock, and who has written down that he runs."""
    held, locked = runs(machine.folder), is_locked(machine.folder)
    alive = {analysis: run for analysis, run in held.items() if run.state != "ended"}
    for analysis, run in alive.items():
        yield ok("runs", f"{analysis}: {run}", "" if run.state == "running" else "If it is gone: snakemake --unlock")
    if alive:
        return
    if locked:
        by = "; ".join(dict.fromkeys(str(run) for run in held.values())) or "an unknown process"
        yield warning("lock", f"left by {by}, which has ended", UNLOCK)
    else:
        yield ok("runs", "none is going on, and nothing is locked")
