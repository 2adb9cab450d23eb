"""What a run of 200 ranges takes beside the work itself: the stage `score` with one worker, against a plain loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np

from benchmarks.ratio import REPEATS, Ratio, timed
from benchmarks.sample import repeat_file
from benchmarks.score import trained, with_networks
from benchmarks.setting import reading
from pipeline.config import Analysis
from pipeline.events.planning import make_plan
from pipeline.events.processor import load_processor
from pipeline.learning.score import Scorer, score, typical_weight
from pipeline.scale.local import local_workers
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.stream.select import processor_digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.setting import Setting
    from pipeline.events.plan import Plan, Range

GOAL = 1 / 1.05
N_RANGES = 200
# So few that a range is nearly no work: what is left is opening it, and that the loop does as well.
EVENTS_OF_RANGE = 10


def run(setting: Setting) -> Ratio:
    """The work of full ranges over the same with what the pipeline adds; histograms must have the same bits.

    What it adds is measured on ranges of nearly nothing, and includes the start of the worker, the tree of scores and all
    other products. The work is that of the plain loop on this sample, an event, times the events of 200 full ranges: with
    few events in the sample it comes out too large.
    """
    analysis, folder = with_networks(setting.analysis), setting.scratch / "score"
    trained(setting, analysis, folder)
    small, plan = tiny_ranges(setting, analysis)
    dataset = plan.datasets[0].name

    def stage() -> DatasetHistograms:
        with local_workers(1, scratch=setting.scratch) as workers:
            score(small, plan, dataset, folder, workers=workers)
        return DatasetHistograms.load(folder / "histograms" / f"{dataset}.npz")

    def loop() -> DatasetHistograms:
        return plain(small, plan, dataset, folder, plan.ranges([dataset]))

    check_equal(stage(), loop())
    n_events = N_RANGES * analysis.reading.range_entries
    full = setting.plan.ranges([dataset])
    ratios = []
    for _repeat in range(REPEATS):
        added = timed(stage)[0] - timed(loop)[0]
        seconds, _ = timed(lambda: plain(analysis, setting.plan, dataset, folder, full))
        work = seconds / sum(part.entries for part in full) * n_events
        ratios.append(work / (work + added))
    click.echo(f"  {added:.1f} s beside {work:.0f} s of work on {N_RANGES} ranges", err=True)
    return Ratio.of(f"work of {N_RANGES} ranges", ratios, goal=GOAL)


def plain(analysis: Analysis, plan: Plan, dataset: str, folder: Path, ranges: Iterable[Range]) -> DatasetHistograms:
    """Score *ranges* one after the other, keeping nothing but the histograms."""
    quantum = typical_weight(plan, dataset)
    scorer = Scorer(analysis, folder, quantum, processor_digest(analysis))
    total = DatasetHistograms.for_analysis(analysis, quantum)
    for part in ranges:
        total += scorer(part).histograms
    return total


def tiny_ranges(setting: Setting, analysis: Analysis) -> tuple[Analysis, Plan]:
    """*analysis* on one file a dataset, and its plan, of `N_RANGES` ranges each."""
    folder = setting.scratch / "overhead"
    folder.mkdir(exist_ok=True)
    files = {}
    for name in analysis.datasets:
        few, many = folder / f"{name}_few.root", folder / f"{name}.root"
        repeat_file(setting.plan.ranges([name])[0].path, few, first_event=1, n_events=EVENTS_OF_RANGE)
        # A cluster each time that the few events are written: a range is a cluster at least.
        repeat_file(few, many, first_event=1, n_events=N_RANGES * EVENTS_OF_RANGE)
        files[name] = (str(many),)
    content = reading(analysis, files).model_dump(mode="json")
    small = Analysis.model_validate({**content, "reading": {"range_entries": EVENTS_OF_RANGE}})
    plan = make_plan(small, files, reads=load_processor(small).reads)
    for dataset in plan.datasets:
        n_ranges = len(plan.ranges([dataset.name]))
        if n_ranges != N_RANGES:
            raise AssertionError(f"{dataset.name} has {n_ranges} ranges instead of {N_RANGES}")
    return small, plan


def check_equal(ours: DatasetHistograms, theirs: DatasetHistograms) -> None:
    """Compare bit by bit.

    Raises:
        AssertionError: a bin differs.
    """
    if ours.totals != theirs.totals:
        raise AssertionError(f"{ours.totals} instead of {theirs.totals}")
    for name, histogram in theirs.histograms.items():
        np.testing.assert_array_equal(ours.histograms[name].sumw, histogram.sumw, err_msg=name)
        np.testing.assert_array_equal(ours.histograms[name].sumw2, histogram.sumw2, err_msg=name)
