"""Is every analysis in config/ valid? One that is not stops them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine


def check(machine: Machine) -> Iterator[Finding]:
    """Each YAML, and what it names."""
    from pipeline.config import check_plugins, load_analysis
    from pipeline.errors import PipelineError

    paths = sorted((machine.folder / "config").glob("*.yaml"))
    for path in paths:
        try:
            check_plugins(load_analysis(path), machine.folder)
        except PipelineError as error:
            yield fault(f"config/{path.name}", str(error), "As it says; or leave it out: --config analyses=…")
        else:
            yield ok(f"config/{path.name}", "valid")
    if not paths:
        yield fault("config", f"no config/*.yaml in {machine.folder}", "Go to the folder that holds config/.")
