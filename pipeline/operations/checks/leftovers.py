"""What have killed processes left: half-written files, products that Snakemake holds for incomplete, scratch?"""

from __future__ import annotations

import os
import time
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.files import scratch_place
from pipeline.operations.finding import Finding, ok, warning
from pipeline.running import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

# To look through scratch may take long; what was found until then is told.
SECONDS = 5.0
LARGE_BYTES = 30e9


def check(machine: Machine) -> Iterator[Finding]:
    """Below the folders of results and scratch, and Snakemake's own notes; not while a run is going on."""
    if any(run.state == "running" for run in runs(machine.folder).values()):
        yield ok("leftovers", "not looked for while a run is going on")
        return
    halves = [path for path in _walk(machine.folder / machine.results) if ".part" in path.suffixes]
    if halves:
        yield warning("half-written files", f"{len(halves)}, such as {halves[0]}", f"rm -r {halves[0].parent}/.*.part*")
    incomplete = sorted((machine.folder / ".snakemake/incomplete").glob("*"))
    if incomplete:
        yield warning(
            "incomplete products", f"{len(incomplete)}, such as {_product(incomplete[0])}", "snakemake --rerun-incomplete"
        )
    if not halves and not incomplete:
        yield ok("leftovers", "none")
    yield _scratch(machine.folder, scratch_place("chunks", machine.environment))


def _scratch(folder: Path, chunks: Path) -> Finding:
    """Of all scratch only the *chunks* stay when a stage ends."""
    size = sum(_size(path) for path in _walk(folder / chunks))
    found = f"{size / 1e9:.1f} GB in {chunks}"
    return ok("scratch size", found) if size < LARGE_BYTES else warning("scratch size", found, f"rm -r {chunks}")


def _walk(folder: Path) -> Iterator[Path]:
    deadline = time.monotonic() + SECONDS
    for parent, folders, files in os.walk(folder):
        if time.monotonic() > deadline:
            return
        # A product may be a folder.
        yield from (Path(parent) / name for name in (*(name for name in folders if ".part" in name), *files))


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _product(marker: Path) -> str:
    """The path that Snakemake has written into the name of a marker."""
    try:
        return urlsafe_b64decode(marker.name).decode()
    except ValueError:  # a long name is cut into folders
        return marker.name
