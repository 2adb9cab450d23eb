"""Is there as much memory as the rules ask for?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.operations.cgroup import memory_limit
from pipeline.operations.finding import Finding, fault, ok, warning
from pipeline.operations.rules import largest_memory_mb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

MB = 1_000_000


def check(machine: Machine) -> Iterator[Finding]:
    """The memory of the machine, or the limit of its container or job, against the largest rule."""
    total, free = _total_and_free(machine)
    asked = largest_memory_mb(machine.folder) * MB
    if not total:
        return
    found = f"{total / 1e9:.1f} GB, {free / 1e9:.1f} GB free; the largest rule asks for {asked / 1e9:.1f} GB"
    fewer = f"snakemake --cores N --resources mem_mb={int(min(total, free) / MB)} starts no more jobs than fit."
    if total < asked:
        yield fault("memory", found, "Work on a larger machine, or in a batch system.")
    elif free < asked:
        yield warning("memory", found, "End what else uses it, or wait.")
    else:
        yield ok("memory", found, fewer)


def _total_and_free(machine: Machine) -> tuple[int, int]:
    """In bytes; 0 where it cannot be seen."""
    sizes = {name: int(size) * 1024 for name, size in re.findall(r"(\w+): +(\d+) kB", machine.read("/proc/meminfo"))}
    total, free = sizes.get("MemTotal", 0), sizes.get("MemAvailable", 0)
    limit = memory_limit(machine)
    return (min(total, limit), min(free, limit)) if limit is not None else (total, free)
