"""What the rules of the workflow ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = re.compile(r"\bmem_mb=(\d+)")


def largest_memory_mb(folder: Path) -> int:
    """The most that a rule in *folder*, that of the workflow, asks for; 0 where there are no rules."""
    rules = (folder / "snakemake/rules").glob("*.smk")
    return max((int(number) for rule in rules for number in MEMORY.findall(rule.read_text(encoding="utf-8"))), default=0)
