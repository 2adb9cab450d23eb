"""The stages `fetch` and `plan`, for an analysis."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.config import check_plugins
from pipeline.datasets import get_dataset, made_files
from pipeline.errors import InputError
from pipeline.events.fetch import fetch
from pipeline.events.files import expand_files
from pipeline.events.planning import make_plan
from pipeline.events.processor import load_processor
from pipeline.files import replacing
from pipeline.scale.ordered import ordered_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pipeline.config import Analysis
    from pipeline.events.plan import PlannedFile
    from pipeline.events.planning import Job
    from pipeline.progress import Progress
    from pipeline.scale.workers import Workers


def fetch_dataset(analysis: Analysis, name: str, out: Path) -> None:
    """Bring the files of a dataset with `fetch` into the folder *out*.

    Raises:
        InputError: the dataset has no `fetch`, or the files cannot be had.
    """
    section = get_dataset(analysis, name).fetch
    if section is None:
        raise InputError(f"Dataset {name!r} is not fetched. Expected a section `fetch`. Add it, or use its files.")
    with replacing(out) as folder:
        folder.mkdir()
        fetch(section.package, {member: folder / PurePosixPath(member).name for member in section.members})


def plan_analysis(analysis: Analysis, results: Path, *, size: float, workers: int | Workers, progress: Progress) -> None:
    """Look into all files of *analysis* and write `plan.json`.

    Raises:
        InputError: the analysis or its files are not in order; names everything that is wrong.
    """
    check_plugins(analysis)
    reads = load_processor(analysis).reads
    files = {
        name: made_files(analysis, name, results, size=size) or expand_files(dataset.files)
        for name, dataset in analysis.datasets.items()
    }
    progress.total = sum(map(len, files.values()))

    def mapper(
        function: Callable[[Job], tuple[str, int, PlannedFile]], jobs: Iterable[Job]
    ) -> Iterator[tuple[str, int, PlannedFile]]:
        return progress.over(ordered_map(function, jobs, workers=workers))

    make_plan(analysis, files, reads=reads, mapper=mapper).save(results / analysis.name / "plan.json")
