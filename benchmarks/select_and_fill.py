"""Selecting events and filling histograms, against the same physics written by hand."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import by_hand
from benchmarks.ratio import Ratio, paired
from pipeline.learning.score import typical_weight
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.stream.select import select

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.setting import Setting
    from pipeline.statistics.histogram import ExactHistogram

GOAL = 0.85

Filled = dict[str, tuple["NDArray[np.int64]", "NDArray[np.float64]"]]


def run(setting: Setting) -> Ratio:
    """One core, all ranges; the bins of all histograms must agree."""
    check_equal(with_pipeline(setting), with_numpy(setting))
    return paired("select and fill", lambda: with_pipeline(setting), lambda: with_numpy(setting), goal=GOAL)


def with_pipeline(setting: Setting) -> dict[str, DatasetHistograms]:
    """The histograms of each dataset, from the processor."""
    filled = {}
    for dataset in setting.analysis.datasets:
        total = DatasetHistograms.for_analysis(setting.analysis, typical_weight(setting.plan, dataset))
        for part in setting.plan.ranges([dataset]):
            selected = select(setting.analysis, part)
            total.fill(selected.observables, selected.weight)
        filled[dataset] = total
    return filled


def with_numpy(setting: Setting) -> dict[str, Filled]:
    """The histograms of each dataset, by hand."""
    return {dataset: reduce(_added, _by_hand(setting, dataset)) for dataset in setting.analysis.datasets}


def _by_hand(setting: Setting, dataset: str) -> list[Filled]:
    selection = setting.analysis.selection
    return [
        by_hand.fill(by_hand.select(by_hand.read(part.path, part.start, part.stop), selection), setting.analysis)
        for part in setting.plan.ranges([dataset])
    ]


def _added(left: Filled, right: Filled) -> Filled:
    return {name: tuple(map(add, left[name], right[name])) for name in left}


def check_equal(ours: dict[str, DatasetHistograms], theirs: dict[str, Filled]) -> None:
    """Compare all bins.

    Raises:
        AssertionError: one differs.
    """
    for dataset, expected in theirs.items():
        for name, (entries, sumw) in expected.items():
            filled: ExactHistogram = ours[dataset].histograms[name]
            np.testing.assert_array_equal(filled.count[1:-1], entries, err_msg=f"{dataset} {name}")
            np.testing.assert_allclose(filled.to_hist().values(), sumw, rtol=1e-9, err_msg=f"{dataset} {name}")
