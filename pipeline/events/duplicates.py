"""Is an event there twice, in two files or in one: it would count twice.

The same event is known by (run, luminosity block, event). Simulated datasets are numbered each for itself, so only events
of one dataset are compared; in data the same collision may be in two primary datasets, so all data are compared.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError
from pipeline.events.repeat_finder import RepeatFinder
from pipeline.events.repeated_keys import SCRATCH
from pipeline.statistics.hashing import event_hash, salted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.events.plan import Plan, Range
    from pipeline.events.repeated_keys import Repeats
    from pipeline.physics.selected import EventIds

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Example:
    """One event that is there twice: its name (run, luminosity block, event) and the ranges that hold it."""

    name: tuple[int, int, int]
    first: Range
    second: Range


class DuplicateFinder(RepeatFinder):
    """Finds selected events that are there more than once; to be used in a `with`, in bounded memory.

    Args:
        plan: its ranges are what is searched.
        ids_of: the names of the selected events of a range; asked for only to confirm what was found.
        keep: datasets in which numbers may repeat (`repeated_events: keep`).
        scratch: folder for temporary files, 12 bytes an event.
    """

    def __init__(
        self, plan: Plan, ids_of: Callable[[Range], EventIds], *, keep: Collection[str] = (), scratch: Path = SCRATCH
    ) -> None:
        """Have seen no event yet."""
        super().__init__(plan, scratch=scratch)
        self._is_mc = {dataset.name: dataset.is_mc for dataset in plan.datasets}
        self._kept = np.array([name in keep for name in self.datasets], dtype=bool)
        self._ids_of = ids_of

    def add(self, part: Range, keys: NDArray[np.uint64]) -> None:
        """Take note of the hashes of a range's selected events, shape (n_events,); ranges come in the plan's order."""
        self.keep(part, self._identity(part.dataset, keys))

    def check(self) -> dict[str, int]:
        """See that no event is there twice; by dataset, how many repeat the name of an earlier one and are kept.

        Raises:
            InputError: some are, where they may not; names an event and the files that hold it.
        """
        kept = np.zeros(len(self.datasets), dtype=np.int64)
        wrong = np.zeros_like(kept)
        example = None
        for found, first, second in self.repeats():
            may_stay = self._kept[first] & self._kept[second]
            kept += np.bincount(second[may_stay], minlength=len(kept))
            rows = np.flatnonzero(~may_stay)
            if example is None:
                rows, example = self._confirmed(found, rows)
            wrong += np.bincount(second[rows], minlength=len(wrong))
        if example is not None:
            raise self._error(example, {name: n for name, n in zip(self.datasets, wrong.tolist(), strict=True) if n})
        counts = dict(zip(self.datasets, kept.tolist(), strict=True))
        _warn(counts)
        return counts

    def _identity(self, dataset: str, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """*keys*, made different for what may have the same numbers and is not the same event."""
        return salted(keys, f"simulation:{dataset}" if self._is_mc[dataset] else "data")

    def _confirmed(self, found: Repeats, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], Example | None]:
        """*rows* of *found* from the first one on that is an event twice there; two events may have one hash by chance."""
        for i, row in enumerate(rows.tolist()):
            first, second = (self.parts[numbers[row]] for numbers in (found.first, found.second))
            for name in self._names_in_both(first, second, found.key[row]):
                return rows[i:], Example(name, first, second)
        return rows[:0], None

    def _names_in_both(self, first: Range, second: Range, key: np.uint64) -> Iterator[tuple[int, int, int]]:
        names = self._names(first, key)
        if first == second:
            yield from (a for a, b in pairwise(sorted(names)) if a == b)
        else:
            yield from sorted(set(names) & set(self._names(second, key)))

    def _names(self, part: Range, key: np.uint64) -> list[tuple[int, int, int]]:
        """The names of the events of *part* that have *key*."""
        ids = self._ids_of(part)
        keys = self._identity(part.dataset, event_hash(ids.run, ids.luminosity_block, ids.event))
        rows = np.flatnonzero(keys == key)
        return [(int(ids.run[row]), int(ids.luminosity_block[row]), int(ids.event[row])) for row in rows]

    def _error(self, example: Example, counts: dict[str, int]) -> InputError:
        run, luminosity_block, event = example.name
        first, second = example.first, example.second
        datasets = ", ".join(f"{n} in {name!r}" for name, n in counts.items())
        where = (
            f"twice in {first.path} of {first.dataset!r}"
            if first.path == second.path
            else f"in {first.path} of {first.dataset!r} and in {second.path} of {second.dataset!r}"
        )
        if self._is_mc[second.dataset]:
            remedy = (
                "Remove one of the files; if only the numbers repeat and the events differ, as in private simulation,"
                f" say repeated_events: keep in datasets.{second.dataset}."
            )
        else:
            remedy = "Remove one of the files, or veto in the processor what the trigger of the other dataset took."
        return InputError(
            f"Selected events are there more than once ({datasets}), such as run {run}, luminosity block {luminosity_block},"
            f" event {event}, which is {where}. Expected each event once, or yields count it twice. {remedy}"
        )


def _warn(counts: dict[str, int]) -> None:
    for name, n in counts.items():
        if n:
            logger.warning(
                "%s: %d selected events repeat the run, luminosity block and event number of another one; kept, as"
                " repeated_events says.",
                name,
                n,
            )
