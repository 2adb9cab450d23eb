"""The first epoch of training, straight from ROOT, against the slower of reading alone and training from memory alone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from benchmarks.ratio import BEST_OF, REPEATS, Ratio, timed
from benchmarks.training import Trial, check_equal, fit
from pipeline.config import Training
from pipeline.events.pool import pool
from pipeline.scale.local import local_workers
from pipeline.stream.chunk import build_chunk
from pipeline.stream.select import select

if TYPE_CHECKING:
    from benchmarks.setting import Setting

GOAL = 0.9
# Bytes of an event in the buffer, about, and how much of an epoch fits in: with real samples it is not all of it either.
EVENT_BYTES, BUFFERED = 130, 0.1


def run(setting: Setting) -> Ratio:
    """One epoch with an empty cache and one worker that reads; the weights must be those of training from memory."""
    cache = setting.scratch / "cache_cold"
    n_events = sum(Trial.on(setting, cache).stream.n_events["training"].values())
    training = Training(batch_size=1024, shuffle_buffer_mb=n_events * EVENT_BYTES * BUFFERED / 1e6)

    def read() -> None:
        for part in setting.ranges:
            build_chunk(select(setting.analysis, part), setting.analysis, place=str(part))

    with local_workers(1, scratch=setting.scratch) as workers:
        trial = Trial.on(setting, cache, training=training, workers=workers)
        memory = trial.in_memory(1)
        ours, theirs = trial.model(), trial.model()
        ratios = []

        def once() -> tuple[float, float]:
            shutil.rmtree(cache, ignore_errors=True)
            pool().close()  # a job opens each file once
            both, _ = timed(lambda: fit(ours, trial.batches(1)))
            reading, alone = timed(read)[0], timed(lambda: fit(theirs, memory))[0]
            check_equal(ours, theirs)
            return max(reading, alone), both

        once()  # compiles
        for _repeat in range(REPEATS):
            spent = [once() for _ in range(BEST_OF)]
            ratios.append(min(alone for alone, _ in spent) / min(both for _, both in spent))
    return Ratio.of("training, cold cache", ratios, goal=GOAL)
