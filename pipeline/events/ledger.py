"""What became of every planned range: done, skipped or failed; a stage that cannot account for one does not end well."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pipeline.errors import InputError, PipelineError
from pipeline.events.listing import listed
from pipeline.files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from pipeline.events.plan import DatasetPlan, Plan, Range

State = Literal["done", "skipped", "failed"]
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one range; a reason only where it failed."""

    state: State
    n_selected: int = 0
    reason: str = ""


class Ledger:
    """Book of the ranges of a plan; the order in which they are entered does not matter.

    Args:
        plan: what is to be accounted for.
        datasets: only these; None for all.
    """

    def __init__(self, plan: Plan, datasets: Iterable[str] | None = None) -> None:
        """Open an empty book."""
        self._allowed = plan.allow_unreadable_files
        self._datasets = plan.chosen(datasets)
        self._planned = {part: None for dataset in self._datasets for part in dataset.ranges()}
        self._entries: dict[Range, Entry] = {}
        self._unreadable: dict[str, str] = {}

    @property
    def unreadable(self) -> dict[str, str]:
        """By path, why a file was skipped when it was read."""
        return dict(self._unreadable)

    def done(self, part: Range, *, n_selected: int, n_events: int | None = None) -> None:
        """Enter that *part* was processed.

        Args:
            part: the range.
            n_selected: number of events that were selected.
            n_events: number of events that the processor saw, if it counted them.

        Raises:
            PipelineError: *n_events* is not what was planned, or the range is entered twice or was never planned.
        """
        if n_events is not None and n_events != part.entries:
            raise PipelineError(
                f"{part}: the processor saw {n_events} events. Expected {part.entries}."
                " See that it counts each event of its chunk once, before any selection."
            )
        self._enter(part, Entry("done", n_selected))

    def skip_file(self, part: Range, error: PipelineError) -> None:
        """Enter that *part* cannot be read: its file is left out as a whole, because only so is its sum of weights known.

        Args:
            part: a range of the file; no other range of it is entered.
            error: why it cannot be read.

        Raises:
            InputError: the file is one of data, or one more than is allowed.
            PipelineError: *error* itself, if no file may be skipped.
        """
        self._check_may_skip(part, error)
        for other in self._of(part.dataset).ranges():
            if other.path == part.path:
                self._enter(other, Entry("skipped"))
        self._unreadable[part.path] = str(error)

    @contextmanager
    def at(self, part: Range) -> Iterator[None]:
        """Where there is an error inside, *part* has failed, whatever was entered of it before; the error goes on."""
        try:
            yield
        except Exception as error:
            self._entries[part] = Entry("failed", reason=f"{type(error).__name__}: {error}")
            raise

    def each(self, parts: Iterable[Range], results: Iterable[Result]) -> Iterator[tuple[Range, Result]]:
        """Each of *parts* with its result, which is held by who takes it alone.

        Raises:
            Exception: the first error among *results*; its range has failed then.
        """
        made = iter(results)
        for part in parts:
            with self.at(part):
                found = [next(made)]
            yield part, found.pop()

    def close(self) -> None:
        """See that every planned range is accounted for.

        Raises:
            PipelineError: ranges are missing.
        """
        wrong = [f"{part}: never processed." for part in self._planned if part not in self._entries]
        if wrong:
            raise PipelineError(
                f"{len(wrong)} of {len(self._planned)} planned ranges are not accounted for:\n{listed(wrong)}\n"
                "Mend the cause and run the stage again; reading.allow_unreadable_files lets whole files be skipped."
            )

    def to_json(self) -> dict[str, Any]:
        """Totals, totals by dataset, and with their reasons the files that were skipped and the ranges that failed; in the
        order of the plan."""
        by_dataset = {dataset.name: self._totals(dataset) for dataset in self._datasets}
        return {
            **{key: sum(totals[key] for totals in by_dataset.values()) for key in _COUNTS},
            "datasets": by_dataset,
            "skipped_files": [
                {"dataset": dataset.name, "path": path, "reason": reason}
                for dataset in self._datasets
                for path, reason in self._skipped(dataset).items()
            ],
            "failed_ranges": [
                {"dataset": part.dataset, "path": part.path, "entries": [part.start, part.stop], "reason": entry.reason}
                for part, entry in self._entries.items()
                if entry.state == "failed"
            ],
        }

    def _enter(self, part: Range, entry: Entry) -> None:
        if part not in self._planned:
            raise PipelineError(
                f"{part} of {part.dataset!r} is not in the plan. Expected a planned range. Run 'plan' again."
            )
        if part in self._entries:
            raise PipelineError(
                f"{part} of {part.dataset!r} was {self._entries[part].state} already and is now {entry.state}."
                " Expected each range once, or its events count twice. This is a fault of the stage; please report it."
            )
        self._entries[part] = entry

    def _check_may_skip(self, part: Range, error: PipelineError) -> None:
        if not self._of(part.dataset).is_mc:
            raise InputError(
                f"{error} Of data no file is skipped, as the luminosity would no longer be that of the events: when you"
                " remove it, correct lumi_inv_fb."
            ) from error
        if not self._allowed:
            raise error
        skipped = [path for dataset in self._datasets for path in self._skipped(dataset)]
        if len(skipped) >= self._allowed:
            raise InputError(
                f"{error} Skipped already: {', '.join(skipped)}, as many as reading.allow_unreadable_files ="
                f" {self._allowed} lets. Mend the files, or raise that number."
            ) from error

    def _of(self, name: str) -> DatasetPlan:
        return next(dataset for dataset in self._datasets if dataset.name == name)

    def _skipped(self, dataset: DatasetPlan) -> dict[str, str]:
        """By path, why a file of *dataset* is skipped: by the plan, or when it was read."""
        reasons = {file.path: " ".join(file.problems) or self._unreadable.get(file.path, "") for file in dataset.files}
        return {path: reason for path, reason in reasons.items() if reason}

    def _totals(self, dataset: DatasetPlan) -> dict[str, int]:
        parts = dataset.ranges()
        entries = {part: self._entries[part] for part in parts if part in self._entries}
        ranges = {state: [part for part, entry in entries.items() if entry.state == state] for state in _STATES}
        return {
            "files": len(dataset.files),
            "files_skipped": len(self._skipped(dataset)),
            "planned": len(parts),
            **{state: len(ranges[state]) for state in _STATES},
            "not_done": len(parts) - len(entries),
            "entries_planned": sum(part.entries for part in parts),
            **{f"entries_{state}": sum(part.entries for part in ranges[state]) for state in _STATES},
            "selected": sum(entry.n_selected for entry in entries.values()),
        }


@contextmanager
def left_by_failure(folder: Path, stage: str, content: Callable[[], Mapping[str, Any]]) -> Iterator[None]:
    """Where the stage fails inside, write `failed/<stage>.json` in *folder*; what an earlier attempt left there goes away.

    Args:
        folder: of the results of an analysis.
        stage: with what it is for, such as `score_tt`.
        content: gives what had become of the ranges by then.
    """
    path = folder / "failed" / f"{stage}.json"
    with suppress(OSError):
        path.unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        try:
            write_json(path, {"error": f"{type(error).__name__}: {error}", **content()})
            logger.warning("What had become of the ranges by then is in %s.", path)
        except (OSError, PipelineError) as unwritten:
            logger.warning("%s cannot be written: %s", path, unwritten)
        raise


_STATES: tuple[State, ...] = ("done", "skipped", "failed")
_COUNTS = (
    "files",
    "files_skipped",
    "planned",
    *_STATES,
    "not_done",
    "entries_planned",
    *(f"entries_{state}" for state in _STATES),
    "selected",
)
