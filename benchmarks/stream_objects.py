"""Shuffled and padded batches from ROOT, 10 jets an event, without a network, against reading and padding by hand."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import uproot

from benchmarks.objects import FEATURES, absolute, in_this_folder, objects_analysis, objects_stream
from benchmarks.ratio import BEST_OF, REPEATS, Ratio, timed
from pipeline.config import Training
from pipeline.events.pool import pool
from pipeline.scale.local import local_workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from benchmarks.setting import Setting
    from pipeline.stream.training_stream import TrainingStream

GOAL = 0.6
MAX_JETS = 10
# A fraction of the sample, as it is with real ones.
TRAINING = Training(batch_size=1024, shuffle_buffer_mb=16.0)


def run(setting: Setting) -> Ratio:
    """One worker that reads beside this process, an empty cache; the tensors must be the same, in another order."""
    cache = (setting.scratch / "cache_objects").resolve()
    files = absolute({dataset.name: [file.path for file in dataset.used] for dataset in setting.plan.datasets})
    with in_this_folder(), local_workers(1, scratch=cache) as workers:
        stream = objects_stream(objects_analysis(files, "Jet", MAX_JETS), cache / "chunks", TRAINING, workers=workers)
        parts = [(part.path, part.start, part.stop) for part in stream.plan.ranges()]

        def batches() -> int:
            return sum(len(rows) for rows in stream.epoch(0))

        def by_hand() -> int:
            return sum(len(tensor) for tensor in padded(parts))

        check_equal(stream, parts)
        ratios = []

        def once() -> tuple[float, float]:
            shutil.rmtree(cache / "chunks")
            pool().close()
            ours, n_ours = timed(batches)
            theirs, n_theirs = timed(by_hand)
            if n_ours != n_theirs:
                raise AssertionError(f"{n_ours} events in batches, {n_theirs} by hand")
            return theirs, ours

        for _repeat in range(REPEATS):
            spent = [once() for _ in range(BEST_OF)]
            ratios.append(min(theirs for theirs, _ in spent) / min(ours for _, ours in spent))
    return Ratio.of(f"stream of {MAX_JETS} jets", ratios, goal=GOAL)


def padded(parts: list[tuple[str, int, int]]) -> Iterator[NDArray[np.float32]]:
    """Range by range, the jets as tensors of shape (n_events, MAX_JETS, 4), by offset arithmetic."""
    for path, start, stop in parts:
        with uproot.open(path) as file:
            names = [f"Jet_{feature}" for feature in FEATURES]
            arrays = file["Events"].arrays(names, entry_start=start, entry_stop=stop, library="ak", how=dict)
        counts = np.asarray(ak.num(arrays["Jet_pt"]))
        kept = np.minimum(counts, MAX_JETS)
        event = np.repeat(np.arange(len(counts)), kept)
        slot = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
        source = (np.cumsum(counts) - counts)[event] + slot
        tensor = np.zeros((len(counts), MAX_JETS, len(FEATURES)), dtype=np.float32)
        for column, name in enumerate(names):
            tensor[event, slot, column] = np.asarray(ak.flatten(arrays[name]))[source]
        yield tensor


def check_equal(stream: TrainingStream, parts: list[tuple[str, int, int]]) -> None:
    """Compare all events, whatever their order.

    Raises:
        AssertionError: one differs.
    """
    ours = np.concatenate([rows.tensors["objects"] for rows in stream.epoch(0)])
    np.testing.assert_array_equal(_sorted(ours), _sorted(np.concatenate(list(padded(parts)))))


def _sorted(tensor: NDArray[np.float32]) -> Any:
    rows = np.ascontiguousarray(tensor.reshape(len(tensor), -1))
    return np.sort(rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0])
