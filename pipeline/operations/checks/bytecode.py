"""Are the packages compiled? Without .pyc files imports take three to six times as long."""

from __future__ import annotations

from importlib.util import cache_from_source, find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.operations.machine import Machine

# The large ones; a few hundred of their files are enough.
PACKAGES = ("tensorflow", "keras", "snakemake", "awkward", "coffea")
FILES_PER_PACKAGE = 300
ENOUGH = 0.9


def check(machine: Machine, *, folders: Sequence[Path] | None = None) -> Iterator[Finding]:
    """The share of modules that are compiled, in *folders* or in the large packages."""
    files = [file for folder in folders or _folders() for file in islice(folder.rglob("*.py"), FILES_PER_PACKAGE)]
    if not files:
        return
    share = sum(Path(cache_from_source(str(file))).exists() for file in files) / len(files)
    found = f"{share:.0%} of {len(files)} modules are compiled"
    if share >= ENOUGH:
        yield ok("bytecode", found)
    else:
        never = "; PYTHONDONTWRITEBYTECODE is set" if machine.environment.get("PYTHONDONTWRITEBYTECODE") else ""
        yield warning("bytecode", found + never, f"python -m compileall -q -j 0 {_common(files)}")


def _folders() -> Iterator[Path]:
    for name in PACKAGES:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            yield Path(spec.origin).parent


def _common(files: Sequence[Path]) -> Path:
    """The folder that all are in, such as site-packages."""
    return next(parent for parent in files[0].parents if all(file.is_relative_to(parent) for file in files))
