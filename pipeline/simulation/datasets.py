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


def events_of_file(analysis: Analysis, name: str, index: int) -> int:
    """How many events file *index* of dataset *name* holds, as the analysis says.

    Raises:
        InputError: the dataset is not simulated, or has no such file.
    """
    events = events_by_file(get_dataset(analysis, name))
    if not events:
        raise _not_simulated(name)
    if index >= len(events):
        raise InputError(
            f"Dataset {name!r} has no file {index}. Expected 0 to {len(events) - 1}. Correct it, or give --events."
        )
    return events[index]


def simulate_dataset_file(
    analysis: Analysis, name: str, index: int, *, n_events: int, out: Path, progress: Callable[[int], None]
) -> None:
    """Make file *index* of dataset *name* with *n_events* events, as the analysis' `simulate` section says.

    Raises:
        InputError: the dataset is not simulated.
    """
    section = get_dataset(analysis, name).simulate
    if section is None:
        raise _not_simulated(name)
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


def _not_simulated(name: str) -> InputError:
    return InputError(f"Dataset {name!r} is not simulated. Expected a section `simulate`. Add it, or use its files.")
