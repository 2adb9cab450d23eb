"""Is this place fit for a run? All of `checks/`, side by side, each bounded in time and none able to stop another."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from pipeline.operations import checks
from pipeline.operations.finding import Finding, warning
from pipeline.operations.machine import Machine
from pipeline.operations.table import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Check = Callable[[Machine], Iterable[Finding]]

SECONDS = 13.0
ORDER = {"fault": 0, "warning": 1, "ok": 2}


def this_machine(config: Path | None, results: Path) -> Machine:
    """The machine, with the analysis of *config*, or else those of `config/` that are valid.

    Raises:
        InputError: *config* is wrong.
    """
    try:
        from pipeline.config import load_analysis
        from pipeline.errors import InputError
    except ImportError:  # a package is missing, of which its check tells
        return Machine(results=results)
    if config is not None:
        return Machine(results=results, analyses=(load_analysis(config),))
    analyses = []
    for path in sorted(Path("config").glob("*.yaml")):
        with suppress(InputError):
            analyses.append(load_analysis(path))
    return Machine(results=results, analyses=tuple(analyses))


def examine(machine: Machine, *, names: Sequence[str] = (), seconds: float = SECONDS) -> list[Finding]:
    """What the checks find: faults first, then warnings.

    Args:
        machine: to be looked at.
        names: of checks; none for all.
        seconds: after which a check that has not answered is given up.
    """
    return examine_by({name: _load(name) for name in names or check_names()}, machine, seconds=seconds)


def examine_by(chosen: dict[str, Check], machine: Machine, *, seconds: float) -> list[Finding]:
    """What the *chosen* checks find, as `examine`."""
    answers: dict[str, list[Finding]] = {}
    # Daemons, since a thread that waits for a dead file server cannot be ended.
    threads = {
        name: threading.Thread(target=_ask, args=(name, check, machine, answers), daemon=True)
        for name, check in chosen.items()
    }
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads.values():
        thread.join(max(deadline - time.monotonic(), 0))
    late = "Look there by hand: a disk or a server does not answer."
    found = [answers.get(name) or [warning(_title(name), f"no answer within {seconds:g} s", late)] for name in chosen]
    return sorted((finding for findings in found for finding in findings), key=lambda finding: ORDER[finding.status])


def check_names() -> list[str]:
    """The checks there are: a file of `checks/` each."""
    return sorted(module.name for module in iter_modules(checks.__path__))


def to_text(findings: Sequence[Finding], *, color: bool = False) -> str:
    """The table, and a sentence; *color* for a terminal."""
    rows = [(finding.status, finding.what, finding.found, finding.todo) for finding in findings]
    return f"{table(('', 'what', 'found', 'what to do'), rows, color=color)}\n\n{_verdict(findings)}"


def to_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """For machines."""
    return [asdict(finding) for finding in findings]


def has_fault(findings: Iterable[Finding]) -> bool:
    """Whether one of *findings* stops a run."""
    return any(finding.status == "fault" for finding in findings)


def _load(name: str) -> Check:
    def check(machine: Machine) -> Iterable[Finding]:
        # Not before it is asked: what it imports may be what is broken.
        found: Iterable[Finding] = import_module(f"{checks.__name__}.{name}").check(machine)
        return found

    return check


def _ask(name: str, check: Check, machine: Machine, answers: dict[str, list[Finding]]) -> None:
    found: list[Finding] = []
    try:
        found.extend(check(machine))
        answers[name] = found or [Finding("ok", _title(name), "nothing to tell")]
    except Exception as error:  # a check that breaks is told, and is no reason to hide the others
        problem = f"the check itself failed: {type(error).__name__}: {error}"
        answers[name] = [*found, warning(_title(name), problem, "Report it; the other checks hold.")]


def _title(name: str) -> str:
    return name.replace("_", " ")


def _verdict(findings: Sequence[Finding]) -> str:
    counts = {status: sum(finding.status == status for finding in findings) for status in ORDER}
    if counts["fault"]:
        return f"Faults: {counts['fault']}, warnings: {counts['warning']}. Mend the faults before a run."
    if counts["warning"]:
        return f"No fault, warnings: {counts['warning']}."
    return "All is in order."
