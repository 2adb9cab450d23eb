"""What a person sees while a stage works: a bar in a terminal, a line every few seconds in a log."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipeline.events.plan import Range
    from pipeline.learning.learner import Epoch

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 5.0


@dataclass
class Progress:
    """Counts what is done; tells the rate and the time left.

    Args:
        what: the stage and its object.
        total: how much there is to do; None if that is not known.
        unit: of what is counted.
        clock: seconds, from any beginning.
    """

    what: str
    total: int | None = None
    unit: str = "events"
    clock: Callable[[], float] = time.monotonic
    _done: int = 0
    _note: str = ""
    _started: float = field(init=False)
    _told: float = field(init=False)
    _bar: Any = None

    def __post_init__(self) -> None:
        self._started = self._told = self.clock()

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            self._bar = _bar(self.what, self.total, self.unit)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif kind is None:
            self._tell(final=True)

    def advance_to(self, done: int) -> None:
        """*done* units are done by now."""
        self._done = done
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0], completed=done, note=self._note, rate=f"{self._rate():,.0f} {self.unit}/s"
            )
        elif self.clock() - self._told > SECONDS_BETWEEN_LINES:
            self._tell()

    def step(self, *_: object) -> None:
        """One more unit is done."""
        self.advance_to(self._done + 1)

    def range_done(self, part: Range) -> None:
        """The events of a range are done."""
        self.advance_to(self._done + part.entries)

    def epoch_done(self, row: Epoch) -> None:
        """An epoch of training is done."""
        self._note = f"loss {row.loss:.4f}, validation {row.val_loss:.4f}"
        self.advance_to(row.epoch)

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """Hand *items* on and count them."""
        for item in items:
            yield item
            self.step()

    def _rate(self) -> float:
        return self._done / max(self.clock() - self._started, 1e-9)

    def _tell(self, *, final: bool = False) -> None:
        self._told = self.clock()
        of_total = f" of {self.total:,}" if self.total is not None and not final else ""
        parts = [f"{self.what}: {self._done:,}{of_total} {self.unit}", f"{self._rate():,.1f} {self.unit}/s", self._note]
        if final:
            parts.append(f"{self._told - self._started:.1f} s")
        elif self.total is not None and self._done:
            parts.append(f"{(self.total - self._done) / self._rate():.0f} s left")
        sys.stderr.write(", ".join(part for part in parts if part) + "\n")
        sys.stderr.flush()


def _bar(what: str, total: int | None, unit: str) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    bar = RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
    )
    bar.add_task(what, total=total, note="", rate="")
    return bar
