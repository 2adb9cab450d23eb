"""Which keys of events are there more than once in the ranges of a plan, and which ranges hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from pipeline.events.repeated_keys import SCRATCH, RepeatedKeys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.events.plan import Plan, Range
    from pipeline.events.repeated_keys import Repeats


class RepeatFinder:
    """Keeps the keys of events by their range; to be used in a `with`, in bounded memory.

    Args:
        plan: its ranges are what is searched.
        scratch: folder for temporary files, 12 bytes an event.
    """

    def __init__(self, plan: Plan, *, scratch: Path = SCRATCH) -> None:
        """Have seen no event yet."""
        self.parts = plan.ranges()
        self.datasets = [dataset.name for dataset in plan.datasets]
        self._numbers = {part: number for number, part in enumerate(self.parts)}
        # By range, the place of its dataset.
        self._dataset_of = np.array([self.datasets.index(part.dataset) for part in self.parts], dtype=np.int64)
        self._seen = RepeatedKeys(scratch)

    def __enter__(self) -> Self:
        self._seen.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._seen.__exit__(*error)

    def keep(self, part: Range, keys: NDArray[np.uint64]) -> None:
        """Take note of the *keys* of a range's events, shape (n_events,); ranges come in the plan's order."""
        self._seen.add(self._numbers[part], keys)

    def repeats(self) -> Iterator[tuple[Repeats, NDArray[np.int64], NDArray[np.int64]]]:
        """Keys that are there more than once, whose numbers are places in `parts`; for both times, the dataset's place."""
        for found in self._seen.repeats():
            yield found, self._dataset_of[found.first], self._dataset_of[found.second]
