"""Can products be written, renamed and kept, and how long does that take?"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.files import scratch_place
from pipeline.operations.finding import Finding, fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.operations.machine import Machine

ROUNDS = 5
SLOW_S = 0.2


def check(machine: Machine, *, keep: Callable[[int], None] = os.fsync) -> Iterator[Finding]:
    """The folders of results, logs, scratch and Snakemake, or those they are to be made in; *keep* writes to the disk."""
    tried: set[Path] = set()
    for name in (machine.results, Path("logs"), scratch_place(environment=machine.environment), Path(".snakemake")):
        place = machine.existing(name)
        if place in tried:
            continue
        tried.add(place)
        try:
            took = _write(place, keep)
        except OSError as error:
            yield fault(f"writing to {name}", f"{place}: {error.strerror}", f"ls -ld {place}; work where you may write.")
            continue
        found = f"{took * 1e3:.1f} ms to write, keep and rename a file in {place}"
        if took > SLOW_S:
            yield warning(f"writing to {name}", found, "Every product waits for that. Work on a faster disk.")
        else:
            yield ok(f"writing to {name}", found)


def _write(place: Path, keep: Callable[[int], None]) -> float:
    """Seconds for a file, as products are written: to a temporary name, then renamed."""
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as folder:
        start = time.monotonic()
        for number in range(ROUNDS):
            path = Path(folder) / f"{number}.part"
            with path.open("wb") as file:
                file.write(b"x" * 4096)
                file.flush()
                keep(file.fileno())
            path.rename(path.with_suffix(".done"))
        return (time.monotonic() - start) / ROUNDS
