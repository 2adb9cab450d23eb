"""Are all packages there, in versions that will do, and are they those of requirements.lock?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok, warning
from pipeline.operations.requirements import installed, locked, normalised, requirements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.operations.machine import Machine

LOCK = "pip install --no-deps -r requirements.lock"


def check(machine: Machine, *, there: Callable[[str], str] = installed) -> Iterator[Finding]:
    """Every package that nanoloom needs; *there* tells the version of one that is installed."""
    needed = requirements()
    present = {need.name: there(need.name) for need in needed}
    for need in needed:
        if not present[need.name]:
            yield fault(f"package {need.name}", "not installed", LOCK)
        elif not need.is_met_by(present[need.name]):
            yield fault(f"package {need.name}", f"{present[need.name]}, at least {need.least} is needed", LOCK)
    lock = locked()
    others = [
        f"{name} {version} (tested: {lock[normalised(name)]})"
        for name, version in present.items()
        if version and lock.get(normalised(name), version) != version
    ]
    if others:
        yield warning("packages", f"other versions than tested: {', '.join(others)}", LOCK)
    elif all(present.values()):
        yield ok("packages", f"{len(present)} packages, as in requirements.lock" if lock else f"{len(present)} packages")
