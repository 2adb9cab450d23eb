"""How much of the machine a container or a batch job may use: the limits of its control group, of either version.

Source: Linux kernel, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

# Version 1 writes a number of this size where there is no limit.
UNLIMITED = 2**60


def memory_limit(machine: Machine) -> int | None:
    """In bytes; None if there is none."""
    texts = [
        machine.read(f"{folder}/{name}") for name in ("memory.max", "memory.limit_in_bytes") for folder in _folders(machine)
    ]
    limits = [int(text) for text in texts if text.strip().isdigit() and int(text) < UNLIMITED]
    return min(limits, default=None)


def core_limit(machine: Machine) -> float | None:
    """How many cores' worth of time; None if there is no limit."""
    limits = []
    for folder in _folders(machine):
        quota, _, period = machine.read(f"{folder}/cpu.max").strip().partition(" ")
        quota = quota or machine.read(f"{folder}/cpu.cfs_quota_us").strip()
        period = period or machine.read(f"{folder}/cpu.cfs_period_us").strip()
        if quota.isdigit() and period.isdigit():
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def _folders(machine: Machine) -> Iterator[str]:
    """Those of this process and all above, where limits hold as well."""
    for line in machine.read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        top = "/sys/fs/cgroup" if not controllers else f"/sys/fs/cgroup/{controllers.removeprefix('name=')}"
        here = PurePosixPath(path)
        # In a container the path may be that of the host, where only the top is seen.
        for each in (here, *here.parents):
            yield f"{top}{each}".rstrip("/")
