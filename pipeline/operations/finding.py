"""What a check finds: is it in order, what is it, and what is to be typed if it is not?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table.

    Args:
        status: a fault stops a run; a warning may, or costs time.
        what: was looked at.
        found: the value.
        todo: what to type; "" if nothing.
    """

    status: Status
    what: str
    found: str
    todo: str = ""


def ok(what: str, found: str, todo: str = "") -> Finding:
    """Is as it should be, or is not needed."""
    return Finding("ok", what, found, todo)


def warning(what: str, found: str, todo: str) -> Finding:
    """May stop a run, or make it slow."""
    return Finding("warning", what, found, todo)


def fault(what: str, found: str, todo: str) -> Finding:
    """Stops a run."""
    return Finding("fault", what, found, todo)
