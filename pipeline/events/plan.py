"""What is read: `plan.json`, with every file, where it is cut into ranges, and its sums of weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter, ValidationError

from pipeline.digest import content_digest
from pipeline.errors import InputError, nearest
from pipeline.files import read_json, write_json
from pipeline.statistics.sums import exact_sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Entries *start* to *stop* (not included) of one file, known by its UUID and its size (0 if that is not known)."""

    dataset: str
    path: str
    uuid: str
    start: int
    stop: int
    size_bytes: int = 0

    @property
    def entries(self) -> int:
        """Number of entries."""
        return self.stop - self.start

    def __str__(self) -> str:
        """For messages."""
        return f"{self.path}, entries {self.start} to {self.stop}"


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file, as it was found.

    Args:
        path: path or URL.
        format: how its events are stored.
        uuid: which the writer gave to the file; a rewritten file has another one.
        size_bytes: of the file.
        entries: number of events in it.
        edges: entries at which its ranges begin and end: 0, …, *entries*; without events, (0,).
        n_generated: number of events before any skim; for data, *entries*.
        sumw: sum of generator weights of these events; for data, *entries*.
        sumw2: sum of their squares.
        weights_from: where *n_generated*, *sumw* and *sumw2* come from: the tree Runs, a sum over `genWeight`, or data.
        problems: why it cannot be used; such a file is skipped, and its weights do not count.
        notes: what is unusual, but no reason to stop.
    """

    path: str
    format: Literal["TTree", "RNTuple", "unknown"] = "unknown"
    uuid: str = ""
    size_bytes: int = 0
    entries: int = 0
    edges: tuple[int, ...] = (0,)
    n_generated: int = 0
    sumw: float = 0.0
    sumw2: float = 0.0
    weights_from: Literal["Runs", "genWeight", "data", "unknown"] = "unknown"
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def ranges(self, dataset: str) -> tuple[Range, ...]:
        """Its ranges, in order."""
        edges = pairwise(self.edges)
        return tuple(Range(dataset, self.path, self.uuid, start, stop, self.size_bytes) for start, stop in edges)


@dataclass(frozen=True, slots=True)
class DatasetPlan:
    """The files of one dataset: those that are used, and those that are skipped."""

    name: str
    is_mc: bool
    files: tuple[PlannedFile, ...]

    @property
    def used(self) -> tuple[PlannedFile, ...]:
        """Files without problems."""
        return tuple(file for file in self.files if not file.problems)

    @property
    def skipped(self) -> tuple[PlannedFile, ...]:
        """Files with problems."""
        return tuple(file for file in self.files if file.problems)

    @property
    def entries(self) -> int:
        """Number of events that are read."""
        return sum(file.entries for file in self.used)

    @property
    def n_generated(self) -> int:
        """Number of events before any skim."""
        return sum(file.n_generated for file in self.used)

    @property
    def sumw(self) -> float:
        """Sum of generator weights of the files that are used; does not depend on their order."""
        return float(exact_sum([file.sumw for file in self.used]))

    @property
    def sumw2(self) -> float:
        """Sum of squared generator weights of the files that are used."""
        return float(exact_sum([file.sumw2 for file in self.used]))

    def ranges(self) -> tuple[Range, ...]:
        """Ranges of the files that are used, in order."""
        return tuple(part for file in self.used for part in file.ranges(self.name))


@dataclass(frozen=True, slots=True)
class Plan:
    """All datasets of an analysis.

    Args:
        analysis: its name.
        range_entries: the largest number of entries of a range.
        allow_unreadable_files: how many files may be skipped, here and when they are read.
        datasets: in the order of the configuration.
    """

    analysis: str
    range_entries: int
    allow_unreadable_files: int
    datasets: tuple[DatasetPlan, ...]

    def ranges(self, datasets: Iterable[str] | None = None) -> tuple[Range, ...]:
        """Ranges of *datasets*, or of all, in the plan's order.

        Raises:
            InputError: a dataset is not in the plan.
        """
        return tuple(part for dataset in self.chosen(datasets) for part in dataset.ranges())

    def chosen(self, datasets: Iterable[str] | None = None) -> tuple[DatasetPlan, ...]:
        """The plans of *datasets*, or of all, in the plan's order."""
        if datasets is None:
            return self.datasets
        names = {self.dataset(name).name for name in datasets}
        return tuple(dataset for dataset in self.datasets if dataset.name in names)

    def dataset(self, name: str) -> DatasetPlan:
        """The plan of one dataset.

        Raises:
            InputError: it is not in the plan.
        """
        for dataset in self.datasets:
            if dataset.name == name:
                return dataset
        known = [dataset.name for dataset in self.datasets]
        raise InputError(
            f"Dataset {name!r} is not in the plan of {self.analysis!r}. {nearest(name, known)} Run the stage 'plan' again."
        )

    def sumw(self, dataset: str) -> float:
        """Sum of generator weights of *dataset*: what its cross section is divided by."""
        return self.dataset(dataset).sumw

    def without(self, reasons: Mapping[str, str]) -> Plan:
        """This plan with more files skipped: their events are not read, and their weights do not count.

        Args:
            reasons: by path of a file that is used, why it is skipped.

        Raises:
            InputError: a path is not among the files that are used.
        """
        used = [file.path for dataset in self.datasets for file in dataset.used]
        for path in reasons:
            if path not in used:
                raise InputError(
                    f"{path} is to be skipped and is not among the files that the plan of {self.analysis!r} uses."
                    f" {nearest(path, used)} Run the stage 'summarise' again."
                )
        return replace(self, datasets=tuple(_without(dataset, reasons) for dataset in self.datasets))

    @property
    def digest(self) -> str:
        """Digest of the files and how they are cut: 16 hexadecimal digits."""
        return content_digest([asdict(dataset) for dataset in self.datasets])

    def save(self, path: str | Path) -> None:
        """Write `plan.json`."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read `plan.json`.

        Raises:
            InputError: it is missing, or is no plan.
        """
        content = read_json(path, made_by="plan")
        try:
            return TypeAdapter(Plan).validate_python(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"{path} is no plan of this version: {place or 'content'}: {first['msg']}."
                " Expected what the stage 'plan' writes. Run that stage again."
            ) from error


def _without(dataset: DatasetPlan, reasons: Mapping[str, str]) -> DatasetPlan:
    files = (replace(file, problems=(reasons[file.path],)) if file.path in reasons else file for file in dataset.files)
    return replace(dataset, files=tuple(files))
