"""What to do about which failure: the first entry of `remedies.yaml` that fits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.yaml_reader import read_yaml


@dataclass(frozen=True, slots=True)
class Remedy:
    """A kind of failure.

    Args:
        cause: in a few words.
        pattern: what gives it away.
        todo: what to type.
    """

    cause: str
    pattern: re.Pattern[str]
    todo: str


@cache
def remedies() -> tuple[Remedy, ...]:
    """The table, in its order; the last one fits everything."""
    entries = read_yaml(Path(__file__).with_name("remedies.yaml"))
    return tuple(
        Remedy(entry["cause"], re.compile("|".join(entry["patterns"]), re.IGNORECASE), entry["todo"]) for entry in entries
    )


def remedy_of(text: str) -> Remedy:
    """The first of the table that fits *text*: how a command ended, then what it wrote last."""
    return next(remedy for remedy in remedies() if remedy.pattern.search(text))
