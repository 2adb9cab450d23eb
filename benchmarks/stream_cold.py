"""The first epoch of training, straight from ROOT, against the slower of reading alone and training from memory alone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from benchmarks.ratio import REPEATS, Ratio, timed
from benchmarks.training import Trial, check_equal, fit
from pipeline.events.pool import pool
from pipeline.stream.chunk import build_chunk
from pipeline.stream.select import select

if TYPE_CHECKING:
    from benchmarks.setting import Setting

GOAL = 0.9


def run(setting: Setting) -> Ratio:
    """One epoch with an empty cache; the weights must be those of training from memory."""
    cache = setting.scratch / "cache_cold"
    trial = Trial.on(setting, cache)
    memory = trial.in_memory(1)
    ours, theirs = trial.model(), trial.model()

    def read() -> None:
        pool().close()  # a job opens each file once
        for part in setting.ranges:
            build_chunk(select(setting.analysis, part), setting.analysis, place=str(part))

    ratios = []
    for repeat in range(REPEATS + 1):
        shutil.rmtree(cache, ignore_errors=True)
        pool().close()
        both, _ = timed(lambda: fit(ours, trial.batches()))
        reading, training = timed(read)[0], timed(lambda: fit(theirs, memory))[0]
        check_equal(ours, theirs)
        if repeat:  # the first one compiles
            ratios.append(max(reading, training) / both)
    return Ratio.of("training, cold cache", ratios, goal=GOAL)
