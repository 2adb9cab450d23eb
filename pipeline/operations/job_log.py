"""What did a job write last, why does it say that it failed, and at which range of which file?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Nobody reads more of a log than its end, and some are large.
TAIL_BYTES = 65_536
SHOWN_LINES = 6
# As `Range` names itself.
RANGE = re.compile(r"([^\s,'\"]+), entries (\d+) to (\d+)")
# Where the reason begins: our own errors, the shell's, or the last line of a traceback. Notes come in between.
REASON = re.compile(r"(error: |\S*(bash|sh): |[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Warning|KilledWorker)\b)")


def tail(paths: Iterable[Path]) -> list[str]:
    """The last lines of the first of the logs at *paths* that says anything, without blank ones; at most 64 kB."""
    for path in paths:
        try:
            with path.open("rb") as file:
                file.seek(max(path.stat().st_size - TAIL_BYTES, 0))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            continue
        # A bar of progress writes its line again and again.
        lines = [line.rpartition("\r")[2].rstrip() for line in text.splitlines()]
        if found := [line for line in lines if line]:
            return found
    return []


def reason(lines: list[str]) -> list[str]:
    """The lines that say why: from the last error on, or else the last ones; no more than six."""
    starts = [number for number, line in enumerate(lines) if REASON.match(line)]
    return lines[starts[-1] :][:SHOWN_LINES] if starts else lines[-SHOWN_LINES // 2 :]


def range_of(lines: list[str]) -> str:
    """The range that is named last, as "ttbar_3.root [20, 40)"; "" if none is."""
    found = RANGE.findall("\n".join(lines))
    if not found:
        return ""
    path, start, stop = found[-1]
    return f"{path} [{start}, {stop})"
