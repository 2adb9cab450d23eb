"""How two ways to do the same are compared: side by side, several times, in one process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPEATS = 5
# Each of them takes the best of so many runs: what else the machine does makes a run longer, never shorter.
BEST_OF = 3

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ratio:
    """How fast the pipeline is, as a part of the speed that it is compared with: more is better.

    Args:
        name: of the benchmark.
        ratio: median of the repeats.
        low: smallest of them.
        high: largest of them.
        goal: what the ratio should reach.
    """

    name: str
    ratio: float
    low: float
    high: float
    goal: float

    @classmethod
    def of(cls, name: str, ratios: Sequence[float], *, goal: float) -> Ratio:
        """The median and the ends of *ratios*, one of each repeat."""
        return cls(name, median(ratios), min(ratios), max(ratios), goal)

    @property
    def ok(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio >= self.goal

    def to_json(self) -> dict[str, Any]:
        """For `benchmarks.json`."""
        return {
            "name": self.name,
            "ratio": self.ratio,
            "low": self.low,
            "high": self.high,
            "goal": self.goal,
            "ok": self.ok,
        }


def paired(
    name: str, pipeline: Callable[[], object], reference: Callable[[], object], *, goal: float, repeats: int = REPEATS
) -> Ratio:
    """Time of *reference* over time of *pipeline*, run in turn, each the best of three.

    Both are to be run once before, for their results to be compared: that fills the caches of the disk as well.
    """
    return paired_seconds(name, lambda: timed(pipeline)[0], lambda: timed(reference)[0], goal=goal, repeats=repeats)


def paired_seconds(
    name: str, pipeline: Callable[[], float], reference: Callable[[], float], *, goal: float, repeats: int = REPEATS
) -> Ratio:
    """The same for functions that tell themselves how many seconds they took, of what is to be compared."""
    ratios = []
    for repeat in range(repeats):
        # Who goes first changes, so that neither profits from the other's wake.
        order = (pipeline, reference) if repeat % 2 else (reference, pipeline)
        spent = [{function: function() for function in order} for _ in range(BEST_OF)]
        ratios.append(min(one[reference] for one in spent) / min(one[pipeline] for one in spent))
    return Ratio.of(name, ratios, goal=goal)


def timed(function: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds that *function* took, and what it returned."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result
