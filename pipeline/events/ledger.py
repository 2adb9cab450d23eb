"""What became of every planned range: done, skipped or failed; a stage that cannot account for one does not end well."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import PipelineError
from pipeline.events.listing import listed
from pipeline.statistics.sums import exact_sum

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.events.plan import DatasetPlan, Plan, PlannedFile, Range

State = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one range."""

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

    def skipped(self, part: Range, *, reason: str) -> None:
        """Enter that *part* could not be read and is left out; `close` sees whether that is allowed."""
        self._enter(part, Entry("skipped", reason=reason))

    def failed(self, part: Range, *, reason: str) -> None:
        """Enter that *part* failed; `close` will raise."""
        self._enter(part, Entry("failed", reason=reason))

    def close(self) -> None:
        """See that every planned range is accounted for.

        Raises:
            PipelineError: ranges are missing or failed, more files were skipped than is allowed, or a file was skipped in
                part, so that no sum of weights belongs to what is left.
        """
        wrong = [f"{part}: never processed." for part in self._planned if part not in self._entries]
        wrong += [f"{part}: failed: {self._entries[part].reason}" for part in self._in_state("failed")]
        wrong += self._wrongly_skipped()
        if wrong:
            raise PipelineError(
                f"{len(wrong)} of {len(self._planned)} planned ranges are not accounted for:\n{listed(wrong)}\n"
                "Mend the cause and run the stage again; reading.allow_unreadable_files lets whole files be skipped."
            )

    def sumw(self, dataset: str) -> float:
        """Sum of generator weights of the files of *dataset* that were really processed, to normalise with."""
        lost = {part.path for part in self._in_state("skipped")}
        return float(exact_sum([file.sumw for file in self._of(dataset).used if file.path not in lost]))

    def to_json(self) -> dict[str, Any]:
        """Totals, totals by dataset, and what was skipped or failed with its reason; in the order of the plan."""
        by_dataset = {dataset.name: self._totals(dataset) for dataset in self._datasets}
        return {
            **{key: sum(totals[key] for totals in by_dataset.values()) for key in _COUNTS},
            "datasets": by_dataset,
            "skipped_files": [
                {"dataset": dataset.name, "path": file.path, "reason": " ".join(file.problems)}
                for dataset in self._datasets
                for file in dataset.skipped
            ],
            "skipped_ranges": [self._line(part) for part in self._in_state("skipped")],
            "failed_ranges": [self._line(part) for part in self._in_state("failed")],
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

    def _in_state(self, state: State) -> list[Range]:
        return [part for part in self._planned if part in self._entries and self._entries[part].state == state]

    def _of(self, name: str) -> DatasetPlan:
        return next(dataset for dataset in self._datasets if dataset.name == name)

    def _wrongly_skipped(self) -> list[str]:
        by_file: dict[tuple[str, str], list[Range]] = defaultdict(list)
        for part in self._in_state("skipped"):
            by_file[part.dataset, part.path].append(part)
        n_skipped = len(by_file) + sum(len(dataset.skipped) for dataset in self._datasets)
        too_many = n_skipped > self._allowed
        wrong = []
        for (name, path), parts in by_file.items():
            if too_many:
                wrong += [
                    f"{part}: skipped, beyond {self._allowed} allowed files: {self._entries[part].reason}" for part in parts
                ]
            elif len(parts) < len(self._file(name, path).edges) - 1:
                wrong.append(f"{path}: skipped in {len(parts)} of its ranges only; its sum of weights is known as a whole.")
        return wrong

    def _file(self, dataset: str, path: str) -> PlannedFile:
        return next(file for file in self._of(dataset).used if file.path == path)

    def _totals(self, dataset: DatasetPlan) -> dict[str, int]:
        parts = dataset.ranges()
        entries = {part: self._entries[part] for part in parts if part in self._entries}
        ranges = {state: [part for part, entry in entries.items() if entry.state == state] for state in _STATES}
        return {
            "files": len(dataset.files),
            "files_skipped": len(dataset.skipped),
            "planned": len(parts),
            **{state: len(ranges[state]) for state in _STATES},
            "entries_planned": sum(part.entries for part in parts),
            **{f"entries_{state}": sum(part.entries for part in ranges[state]) for state in _STATES},
            "selected": sum(entry.n_selected for entry in entries.values()),
        }

    def _line(self, part: Range) -> dict[str, Any]:
        reason = self._entries[part].reason
        return {"dataset": part.dataset, "path": part.path, "start": part.start, "stop": part.stop, "reason": reason}


_STATES: tuple[State, ...] = ("done", "skipped", "failed")
_COUNTS = (
    "files",
    "files_skipped",
    "planned",
    *_STATES,
    "entries_planned",
    *(f"entries_{state}" for state in _STATES),
    "selected",
)
