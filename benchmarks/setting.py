"""What the benchmarks run on: the analysis hh_bbww with the files of the sample, planned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.sample import CARDS, sample_files
from pipeline.config import Analysis, load_analysis
from pipeline.events.planning import make_plan
from pipeline.events.processor import load_processor

if TYPE_CHECKING:
    from pipeline.events.plan import Plan, Range

CONFIG = Path("config/hh_bbww.yaml")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a benchmark is given.

    Args:
        analysis: hh_bbww unless another is told, reading the sample.
        plan: of its files.
        scratch: folder for whatever a benchmark writes.
        n_events: of all datasets.
    """

    analysis: Analysis
    plan: Plan
    scratch: Path
    n_events: int

    @property
    def ranges(self) -> tuple[Range, ...]:
        """All ranges of the sample."""
        return self.plan.ranges()


def make_setting(scratch: Path, n_events: int, *, config: Path = CONFIG, cards: tuple[str, ...] = CARDS) -> Setting:
    """Make the sample, as far as it is not there, and plan it for the analysis *config*, with a dataset for each card."""
    files = sample_files(scratch / "sample", n_events // len(cards), cards)
    analysis = reading(load_analysis(config), files)
    plan = make_plan(analysis, files, reads=load_processor(analysis).reads)
    return Setting(analysis, plan, scratch, sum(part.entries for part in plan.ranges()))


def reading(analysis: Analysis, files: dict[str, tuple[str, ...]]) -> Analysis:
    """*analysis* with *files* in place of what it simulates."""
    content = analysis.model_dump(mode="json")
    for name, paths in files.items():
        content["datasets"][name] |= {"simulate": None, "files": paths}
    return Analysis.model_validate(content)
