"""Which optional packages are there, and does an analysis need one that is not?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok
from pipeline.operations.requirements import installed, requirements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.config import Analysis
    from pipeline.operations.machine import Machine

PURPOSES = {
    "simulation": "to simulate",
    "xrootd": "to read root://",
    "https": "to read https://",
    "tune": "to search settings of models",
    "htcondor": "to work in HTCondor",
    "slurm": "to work in Slurm",
}


def check(machine: Machine, *, there: Callable[[str], str] = installed) -> Iterator[Finding]:
    """Every extra; *there* tells the version of a package that is installed."""
    for extra, purpose in PURPOSES.items():
        needed = requirements(extra)
        missing = [need.name for need in needed if not there(need.name)]
        users = [analysis.name for analysis in machine.analyses if extra in _needs(analysis)]
        todo = f"pip install nanoloom[{extra}]"
        if not needed:
            continue
        if not missing:
            yield ok(f"extra {extra}", ", ".join(f"{need.name} {there(need.name)}" for need in needed))
        elif users:
            yield fault(f"extra {extra}", f"{', '.join(users)} needs it; not there: {', '.join(missing)}", todo)
        else:
            yield ok(f"extra {extra}", "not installed", f"If you want {purpose}: {todo}")


def _needs(analysis: Analysis) -> set[str]:
    """The extras that *analysis* needs."""
    needed = {"tune"} if analysis.tune else set()
    for dataset in analysis.datasets.values():
        if dataset.simulate is not None:
            needed.add("simulation")
        if any("root://" in str(path) for path in dataset.files):
            needed.add("xrootd")
        if any("https://" in str(path) or "http://" in str(path) for path in dataset.files):
            needed.add("https")
    return needed
