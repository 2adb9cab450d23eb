"""The stage `score` with two workers, against the same in one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np
import uproot

from benchmarks.ratio import Ratio, paired, timed
from benchmarks.score import trained, with_networks
from pipeline.events.pool import pool
from pipeline.learning.score import score
from pipeline.scale.local import local_workers

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.setting import Setting
    from pipeline.config import Analysis
    from pipeline.scale.workers import Workers

GOAL = 1.8
COUNT = 2


def run(setting: Setting) -> Ratio:
    """All datasets with three networks; every product must have the same bits.

    The workers have started before: that takes as long for a small sample as for a large one, and is told beside.
    """
    analysis, folder = with_networks(setting.analysis), setting.scratch / "score"
    trained(setting, analysis, folder)

    def scored(workers: int | Workers) -> None:
        pool().close()  # a job opens each file once
        for dataset in analysis.datasets:
            score(analysis, setting.plan, dataset, folder, workers=workers)

    with local_workers(COUNT, scratch=setting.scratch) as workers:
        scored(1)
        expected = products(analysis, folder)
        first, _ = timed(lambda: scored(workers))
        check_equal(products(analysis, folder), expected)
        again, _ = timed(lambda: scored(workers))
        click.echo(f"  the first time, with the start of the workers: {first - again:.1f} s more", err=True)
        return paired(f"score, {COUNT} workers", lambda: scored(workers), lambda: scored(1), goal=GOAL)


def products(analysis: Analysis, folder: Path) -> dict[str, NDArray[np.generic]]:
    """All numbers that `score` has written, by product and name."""
    found: dict[str, NDArray[np.generic]] = {}
    for dataset in analysis.datasets:
        for part in ("histograms", "evaluations"):
            with np.load(folder / part / f"{dataset}.npz") as arrays:
                found |= {f"{part}/{dataset} {name}": array for name, array in arrays.items()}
        with uproot.open(folder / "scores" / f"{dataset}.root") as file:
            columns = file["Scores"].arrays(library="np")
            found |= {f"scores/{dataset} {name}": column for name, column in columns.items()}
    return found


def check_equal(ours: dict[str, NDArray[np.generic]], theirs: dict[str, NDArray[np.generic]]) -> None:
    """Compare bit by bit.

    Raises:
        AssertionError: a number differs.
    """
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array, err_msg=name)
