"""Stage `simulate`: one file of one process card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError
from pipeline.simulation.cards import load_card
from pipeline.simulation.generator import Generator, seed_for
from pipeline.simulation.identity import file_uuid
from pipeline.simulation.reconstruction import reconstruct
from pipeline.simulation.writer import NanoWriter, writing

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = 1
CLUSTER_EVENTS = 1000
# Event numbers of file k are 1 + k times this and onwards, so that they are unique over a dataset.
MOST_EVENTS_PER_FILE = 10_000_000


def simulate_file(
    card: str,
    *,
    n_events: int,
    seed: int,
    file_index: int,
    out: Path,
    pf_candidates: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Simulate *n_events* events and write them as NanoAOD-like ROOT.

    The file is the same, byte by byte, whenever and wherever it is made from the same arguments, code and versions.

    Args:
        card: name of a process card; where it has a parameter, `<card>_<number>` sets it.
        n_events: exactly as many are written.
        seed: of the dataset.
        file_index: which file of the dataset, from 0; its luminosity block is one more.
        out: the file; it appears when it is whole.
        pf_candidates: also write PFCands and which of them are in which jet.
        progress: is called with the number of events done so far, after each cluster.

    Raises:
        InputError: there is no such card, Pythia 8 or FastJet is not installed, or a number is out of its range.
    """
    _check(n_events, file_index)
    process = load_card(card)
    generator = Generator(process, seed=seed, file_index=file_index)
    rng = np.random.default_rng(seed_for(process, "detector", seed, file_index))
    with writing(Path(out), uuid=file_uuid(card, n_events, seed, file_index, pf_candidates)) as file:
        writer = NanoWriter(file, run=RUN, luminosity_block=file_index + 1)
        for start in range(0, n_events, CLUSTER_EVENTS):
            stop = min(start + CLUSTER_EVENTS, n_events)
            batch = reconstruct(
                generator.next_batch(stop - start), rng, fat_jets=process.fat_jets, pf_candidates=pf_candidates
            )
            writer.write(batch, file_index * MOST_EVENTS_PER_FILE + 1 + np.arange(start, stop, dtype=np.uint64))
            if progress is not None:
                progress(stop)
        writer.finish()


def _check(n_events: int, file_index: int) -> None:
    if not 0 < n_events <= MOST_EVENTS_PER_FILE:
        raise InputError(
            f"A file of {n_events} events cannot be simulated. Expected 1 to {MOST_EVENTS_PER_FILE}."
            " Change events or events_per_file of the dataset."
        )
    if file_index < 0:
        raise InputError(f"File index {file_index} is negative. Files are counted from 0. Correct the file's number.")
