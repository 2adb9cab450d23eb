"""The stage `plan`: look into every file once, in parallel, and say everything that is wrong at once."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.events.files import is_url
from pipeline.events.inspection import WeightsFrom, inspect_file
from pipeline.events.listing import listed
from pipeline.events.plan import DatasetPlan, Plan, PlannedFile
from pipeline.events.site_slots import site_slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.config import Analysis

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One file to look into, with its place in the plan; what a worker is given."""

    dataset: str
    index: int
    path: str
    is_mc: bool
    reads: tuple[str, ...]
    range_entries: int
    weights_from: WeightsFrom
    max_opens_per_site: int | None = None


def run_job(job: Job) -> tuple[str, int, PlannedFile]:
    """Look into the file of one job."""
    with site_slots(job.path, job.max_opens_per_site):
        found = inspect_file(
            job.path, is_mc=job.is_mc, reads=job.reads, range_entries=job.range_entries, weights_from=job.weights_from
        )
    return job.dataset, job.index, found


def make_plan(
    analysis: Analysis,
    files: Mapping[str, Sequence[str]],
    *,
    reads: Iterable[str],
    mapper: Callable[..., Iterable[tuple[str, int, PlannedFile]]] = map,
) -> Plan:
    """Plan the reading of *files*.

    Args:
        analysis: for its datasets and `reading`.
        files: by dataset, paths and URLs as `expand_files` gives them.
        reads: branches that the processor reads.
        mapper: like `map`; may work in parallel and may give the results in any order.

    Raises:
        InputError: files are unreadable (of data: any; of simulation: more than are allowed), twice there or without
            weights, or a dataset has no events; names all of them.
    """
    jobs = list(_jobs(analysis, files, tuple(reads)))
    found = {(dataset, index): file for dataset, index, file in mapper(run_job, jobs)}
    datasets = tuple(
        DatasetPlan(name, spec.is_mc, tuple(found[name, index] for index in range(len(files.get(name, ())))))
        for name, spec in analysis.datasets.items()
    )
    plan = Plan(analysis.name, analysis.reading.range_entries, analysis.reading.allow_unreadable_files, datasets)
    _check(plan)
    _tell(plan)
    return plan


def _jobs(analysis: Analysis, files: Mapping[str, Sequence[str]], reads: tuple[str, ...]) -> Iterator[Job]:
    reading = analysis.reading
    for name, dataset in analysis.datasets.items():
        for index, path in enumerate(files.get(name, ())):
            weights_from, most = dataset.weights_from, reading.max_opens_per_site
            yield Job(name, index, path, dataset.is_mc, reads, reading.range_entries, weights_from, most)


def _check(plan: Plan) -> None:
    """Raise one error for all that is wrong."""
    wrong = [*_unreadable(plan), *_twice(plan), *empty_datasets(plan)]
    if wrong:
        raise InputError(
            f"The files of {plan.analysis!r} cannot be used ({plan.allow_unreadable_files} unreadable are allowed):\n"
            f"{listed(wrong)}\n"
            f"Correct them in config/{plan.analysis}.yaml; reading.allow_unreadable_files lets unreadable files of"
            " simulation be skipped. Of data none is, as the luminosity would no longer be that of the events: remove"
            " the file and correct lumi_inv_fb."
        )


def _unreadable(plan: Plan) -> Iterator[str]:
    """Files that cannot be used and may not be skipped."""
    for dataset in plan.datasets:
        if not _may_skip(plan, dataset):
            yield from (f"{dataset.name}: {problem}" for file in dataset.skipped for problem in file.problems)


def _may_skip(plan: Plan, dataset: DatasetPlan) -> bool:
    """Never of data, whose luminosity would no longer be that of the events; of simulation as many as are allowed."""
    return dataset.is_mc and sum(len(other.skipped) for other in plan.datasets) <= plan.allow_unreadable_files


def _twice(plan: Plan) -> Iterator[str]:
    """Files that are there twice, by path or by UUID: their events would count twice."""
    seen: dict[Any, tuple[str, str]] = {}
    for dataset in plan.datasets:
        for file in dataset.used:
            here = (dataset.name, file.path)
            first = seen.get(_place(file.path)) or seen.get(file.uuid)
            if first == here:
                yield f"{dataset.name}: {file.path} is listed twice."
            elif first is not None:
                yield f"{dataset.name}: {file.path} is the same file as {first[1]} of {first[0]} (UUID {file.uuid})."
            seen.setdefault(_place(file.path), here)
            seen.setdefault(file.uuid, here)


def _place(path: str) -> str:
    return path if is_url(path) else str(Path(path).resolve())


def empty_datasets(plan: Plan) -> Iterator[str]:
    """Datasets that hold nothing to read or to normalise to, each with what is wrong."""
    for dataset in plan.datasets:
        if not dataset.files:
            yield f"{dataset.name}: has no files."
        elif dataset.used and dataset.entries == 0:
            yield f"{dataset.name}: has no events in its {len(dataset.used)} files."
        elif dataset.used and dataset.sumw <= 0:
            yield f"{dataset.name}: has a sum of generator weights of {dataset.sumw:g} ({dataset.entries} events)."
        elif not dataset.used and _may_skip(plan, dataset):
            yield f"{dataset.name}: all of its {len(dataset.files)} files are unreadable."


def _tell(plan: Plan) -> None:
    for dataset in plan.datasets:
        for file in dataset.files:
            for text in (*file.problems, *file.notes):
                logger.warning("%s: %s%s", dataset.name, text, " Skipped, as allowed." if file.problems else "")
        origins = Counter(file.weights_from for file in dataset.used)
        if len(origins) > 1:
            counts = ", ".join(f"{n} from {origin}" for origin, n in sorted(origins.items()))
            logger.warning(
                "%s: sums of weights differ in origin (%s): wrong if genWeight is of a skim.", dataset.name, counts
            )
