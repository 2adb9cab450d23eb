"""Does Slurm answer, and does it keep accounts, by which Snakemake's plugin sees whether a job has ended?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok, warning
from pipeline.operations.machine import TIMED_OUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

SECONDS = 8.0


def check(machine: Machine) -> Iterator[Finding]:
    """Its commands."""
    if not machine.has("sbatch"):
        yield ok("Slurm", "not on this machine")
        return
    queue = machine.run("squeue", "--me", "--noheader", seconds=SECONDS)
    if queue.code != 0:
        how = f"does not answer within {SECONDS:g} s" if queue.code == TIMED_OUT else f"fails: {queue.text.strip()}"
        yield fault("Slurm", f"squeue {how}", "See sinfo; the controller may be down.")
        return
    yield ok("Slurm", f"{machine.run('sbatch', '--version').text.strip()}, {len(queue.text.splitlines())} jobs of yours")
    accounts = machine.run("sacct", "--noheader", "--allocations", seconds=SECONDS)
    if accounts.code != 0:
        yield warning("Slurm accounts", accounts.text.strip() or "sacct fails", "snakemake … --slurm-status-command squeue")
