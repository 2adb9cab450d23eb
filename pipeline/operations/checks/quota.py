"""Is a quota nearly used up? A disk with room may still refuse to write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok, warning
from pipeline.operations.mounts import AFS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

# Of `fs listquota`: kB, kB and percent, with marks where it is nearly full.
AFS_LINE = re.compile(r"\S+\s+(\d+)\s+(\d+)\s+(\d+)%")
# Of `quota`: a disk, then the kB that are used, with a star once they are too many.
OVER = re.compile(r"^\s*(\S+)\s+\d+\*|^\s*(\S+)\s+\d+\s+\d+\s+\d+\s+(?:\S+\s+)?\d+\*", re.MULTILINE)
NEARLY_FULL = 90


def check(machine: Machine) -> Iterator[Finding]:
    """On AFS that of the volume, elsewhere those of the user."""
    if kind_of(machine, machine.folder.resolve()) == AFS and machine.has("fs"):
        line = AFS_LINE.search(machine.run("fs", "listquota", str(machine.folder)).text)
        if line:
            yield _volume(int(line[1]), int(line[2]), int(line[3]))
    elif machine.has("quota"):
        over = [first or second for first, second in OVER.findall(machine.run("quota", "-w").text)]
        if over:
            yield fault("quota", f"used up on {', '.join(over)}", "Delete what is not needed; see quota -s")
        else:
            yield ok("quota", "not used up")
    else:
        yield ok("quota", "none is known of")


def _volume(quota_kb: int, used_kb: int, percent: int) -> Finding:
    found = f"{used_kb / 1e6:.1f} of {quota_kb / 1e6:.1f} GB of the AFS volume are used"
    todo = "Delete what is not needed, or let results be a link to a larger disk (at CERN: /eos or /afs/cern.ch/work)."
    if percent >= 100:
        return fault("quota", found, todo)
    return warning("quota", found, todo) if percent >= NEARLY_FULL else ok("quota", found)
