"""Is there room, in bytes and in numbers of files, where products and scratch go?"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.files import SCRATCH_VARIABLE, scratch_place
from pipeline.operations.finding import Finding, fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.operations.machine import Machine

# Below the first a run of the examples fails, below the second the scratch cache (20 GB) may.
LEAST_BYTES, FEW_BYTES = 1e9, 25e9
LEAST_FILES, FEW_FILES = 1_000, 100_000
REMEDY = (
    f"Free space; or let results be a link to a larger disk, and {SCRATCH_VARIABLE} the name of a folder there."
    " .scratch may be deleted when nothing runs."
)


def check(machine: Machine, *, state: Callable[[Path], os.statvfs_result] = os.statvfs) -> Iterator[Finding]:
    """The disks of results, scratch and temporary files; one that has several of them is told once."""
    by_disk: dict[int, list[str]] = {}
    places: dict[int, Path] = {}
    scratch = str(scratch_place(environment=machine.environment))
    for name in (str(machine.results), scratch, machine.environment.get("TMPDIR") or tempfile.gettempdir()):
        place = machine.existing(Path(name))
        disk = place.stat().st_dev
        by_disk.setdefault(disk, []).append(name)
        places.setdefault(disk, place)
    for disk, names in by_disk.items():
        yield _room(f"room for {', '.join(names)}", state(places[disk]))


def _room(what: str, state: os.statvfs_result) -> Finding:
    size, free = state.f_frsize * state.f_blocks, state.f_frsize * state.f_bavail
    found = f"{free / 1e9:.1f} of {size / 1e9:.1f} GB free"
    # Some file systems do not count files, and say 0 of 0.
    if state.f_files:
        found += f", {state.f_favail:,} files more"
    few_files = state.f_favail if state.f_files else FEW_FILES
    if free < LEAST_BYTES or few_files < LEAST_FILES:
        return fault(what, found, REMEDY)
    if free < FEW_BYTES or few_files < FEW_FILES:
        return warning(what, found, REMEDY)
    return ok(what, found)
