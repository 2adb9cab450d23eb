"""Can XGBoost be imported, and how long does that take?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.operations.importing import import_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.finding import Finding
    from pipeline.operations.machine import Machine


def check(machine: Machine) -> Iterator[Finding]:
    """A process of its own imports it."""
    yield import_time(machine, "xgboost", "XGBoost", "Boosted trees need it.")
