"""Where the files of each dataset are; light, because the Snakefile asks for it at every start."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.errors import InputError, nearest

if TYPE_CHECKING:
    from pipeline.config import Analysis, Dataset, Simulate


def events_by_file(dataset: Dataset, *, size: float = 1.0) -> list[int]:
    """How many events each file of a simulated *dataset* holds, when its number of events is scaled by *size*.

    Only the last file may hold fewer than `events_per_file`, so that another size remakes at most one of the files.
    """
    if dataset.simulate is None:
        return []
    files = math.ceil(_events(dataset.simulate, size) / dataset.simulate.events_per_file)
    return [events_in_file(dataset, index, size=size) for index in range(files)]


def events_in_file(dataset: Dataset, index: int, *, size: float = 1.0) -> int:
    """How many events one file of a simulated *dataset* holds; the Snakefile asks this for each of thousands of files.

    Returns:
        The number; 0 or less where there are not so many files.
    """
    if dataset.simulate is None:
        return 0
    per_file = dataset.simulate.events_per_file
    return min(per_file, _events(dataset.simulate, size) - index * per_file)


def _events(simulate: Simulate, size: float) -> int:
    if not size > 0:
        raise InputError(f"size is {size}. Expected a number above 0, such as 0.1. Correct --config size=….")
    return max(1, round(simulate.events * size))


def made_files(analysis: Analysis, name: str, results: str | Path, *, size: float = 1.0) -> list[str]:
    """Paths of the files that the pipeline itself makes or brings for dataset *name*; empty if it is given by `files`."""
    dataset = get_dataset(analysis, name)
    if dataset.simulate:
        folder = Path(results) / analysis.name
        return [str(folder / "simulated" / f"{name}_{i}.root") for i in range(len(events_by_file(dataset, size=size)))]
    if dataset.fetch:
        folder = fetched_folder(analysis, name, results)
        return [str(folder / PurePosixPath(member).name) for member in dataset.fetch.members]
    return []


def made_inputs(analysis: Analysis, name: str, results: str | Path, *, size: float = 1.0) -> list[str]:
    """What Snakemake waits for: each simulated file, or the one folder that is fetched."""
    if get_dataset(analysis, name).fetch:
        return [str(fetched_folder(analysis, name, results))]
    return made_files(analysis, name, results, size=size)


def fetched_folder(analysis: Analysis, name: str, results: str | Path) -> Path:
    """Where the files of a fetched dataset lie."""
    return Path(results) / analysis.name / "fetched" / name


def get_dataset(analysis: Analysis, name: str) -> Dataset:
    """The dataset called *name*.

    Raises:
        InputError: there is none; names the nearest.
    """
    if name not in analysis.datasets:
        raise InputError(
            f"Analysis {analysis.name!r} has no dataset {name!r}. {nearest(name, analysis.datasets)} Correct it."
        )
    return analysis.datasets[name]
