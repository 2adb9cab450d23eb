"""The stage `simulate`: one file of one dataset of an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.datasets import events_by_file, get_dataset
from pipeline.errors import InputError
from pipeline.simulation.simulate import simulate_file
from pipeline.statistics.hashing import number_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.config import Analysis


def events_of_file(analysis: Analysis, name: str, index: int, *, size: float = 1.0) -> int:
    """How many events file *index* of dataset *name* holds.

    Raises:
        InputError: the dataset is not simulated, or has no such file.
    """
    events = events_by_file(get_dataset(analysis, name), size=size)
    if not events:
        raise InputError(f"Dataset {name!r} is not simulated. Expected a section `simulate`. Add it, or use its files.")
    if index >= len(events):
        raise InputError(
            f"Dataset {name!r} has no file {index}. Expected 0 to {len(events) - 1} at size {size}. Correct it."
        )
    return events[index]


def simulate_dataset_file(
    analysis: Analysis, name: str, index: int, *, size: float, out: Path, progress: Callable[[int], None]
) -> None:
    """Make file *index* of dataset *name*, as the analysis' `simulate` section says."""
    n_events = events_of_file(analysis, name, index, size=size)
    section = analysis.datasets[name].simulate
    if section is None:
        raise InputError(f"Dataset {name!r} is not simulated. Expected a section `simulate`. Add it, or use its files.")
    simulate_file(
        section.card,
        n_events=n_events,
        # Two datasets from one card hold different events.
        seed=number_of(f"{analysis.seed}:{name}") % 2**31,
        file_index=index,
        out=out,
        pf_candidates=section.pf_candidates,
        progress=progress,
    )
