"""How long `python -m pipeline --help` takes beyond an empty Python, against a quarter of a second."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.ratio import REPEATS, Ratio, timed

if TYPE_CHECKING:
    from benchmarks.setting import Setting

SECONDS = 0.25
GOAL = 1.0


def run(_: Setting) -> Ratio:
    """The allowed time over the time that is spent; the help must name the stages."""
    if "summarise" not in python("-m", "pipeline", "--help"):
        raise AssertionError("the help of the command line does not name the stages")
    spent = []
    for _repeat in range(REPEATS):
        empty, _output = timed(lambda: python("-c", "pass"))
        spent.append(timed(lambda: python("-m", "pipeline", "--help"))[0] - empty)
    return Ratio.of("--help, against 0.25 s", [SECONDS / seconds for seconds in spent], goal=GOAL)


def python(*arguments: str) -> str:
    """What a fresh Python prints."""
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True).stdout
