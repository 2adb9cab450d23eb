"""Selecting events and filling histograms, against the same physics written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import by_hand
from benchmarks.ratio import Ratio, paired
from pipeline.events.pool import pool
from pipeline.learning.score import typical_weight
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.stream.observables import histogrammed
from pipeline.stream.select import select

if TYPE_CHECKING:
    from benchmarks.setting import Setting

GOAL = 0.85


def run(setting: Setting) -> Ratio:
    """One core, all ranges; the bins of all histograms must agree."""
    check_equal(with_pipeline(setting), with_numpy(setting))
    return paired("select and fill", lambda: with_pipeline(setting), lambda: with_numpy(setting), goal=GOAL)


def with_pipeline(setting: Setting) -> dict[str, DatasetHistograms]:
    """The histograms of each dataset, from the processor."""
    pool().close()  # a job opens each file once
    filled = {}
    for dataset in setting.analysis.datasets:
        total = DatasetHistograms.for_analysis(setting.analysis, typical_weight(setting.plan, dataset))
        for part in setting.plan.ranges([dataset]):
            selected = select(setting.analysis, part)
            total.fill(histogrammed(selected), selected.weight)
        filled[dataset] = total
    return filled


def with_numpy(setting: Setting) -> dict[str, dict[str, Any]]:
    """The histograms of each dataset, by hand."""
    filled: dict[str, dict[str, Any]] = {}
    for part in setting.ranges:
        selected = by_hand.select(by_hand.read(part.path, part.start, part.stop), setting.analysis.selection)
        added = by_hand.fill(selected, setting.analysis)
        so_far = filled.get(part.dataset)
        filled[part.dataset] = {name: one if so_far is None else so_far[name] + one for name, one in added.items()}
    return filled


def check_equal(ours: dict[str, DatasetHistograms], theirs: dict[str, dict[str, Any]]) -> None:
    """Compare all bins, with what lies beyond the ends.

    Raises:
        AssertionError: one differs.
    """
    for dataset, histograms in theirs.items():
        for name, expected in histograms.items():
            filled = ours[dataset].histograms[name].to_hist()
            for sums in ("values", "variances"):
                found, wanted = (getattr(one, sums)(flow=True) for one in (filled, expected))
                np.testing.assert_allclose(found, wanted, rtol=1e-9, err_msg=f"{dataset} {name} {sums}")
