"""Is a simulated event there in two datasets: it would count twice, or be learned as signal and as background.

That numbers repeat between simulated datasets is usual; that all else of the events is the same, bit for bit, is not.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.events.repeat_finder import RepeatFinder
from pipeline.events.repeated_keys import SCRATCH
from pipeline.statistics.hashing import salted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.events.plan import Plan, Range

logger = logging.getLogger(__name__)

# So many may be the same by chance, where observables are few and coarse.
HANDFUL = 5


@dataclass(frozen=True, slots=True)
class Copies:
    """Events of one dataset that are those of another.

    Args:
        dataset: the later one.
        original: the earlier one.
        n_events: how many.
        path: of the first file of *dataset* with such an event.
        original_path: of the file of *original* with that event.
    """

    dataset: str
    original: str
    n_events: int
    path: str
    original_path: str


def compared(analysis: Analysis) -> dict[str, str]:
    """By dataset, a name for those that it is compared with: all that are trained, otherwise those of its process.

    Data are not here: an event of data in two datasets is an error. Neither is what has no other to be compared with.
    """
    groups = {
        name: "trained" if name in analysis.trained_datasets() else f"process:{dataset.process}"
        for name, dataset in analysis.datasets.items()
        if dataset.is_mc
    }
    sizes = Counter(groups.values())
    return {name: group for name, group in groups.items() if sizes[group] > 1}


class CopyFinder(RepeatFinder):
    """Finds simulated events that are there in two datasets; to be used in a `with`, in bounded memory.

    Args:
        plan: its ranges are what is searched.
        groups: by dataset, which others it is compared with; those of the same name.
        scratch: folder for temporary files, 12 bytes an event.
    """

    def __init__(self, plan: Plan, groups: Mapping[str, str], *, scratch: Path = SCRATCH) -> None:
        """Have seen no event yet."""
        super().__init__(plan, scratch=scratch)
        self._groups = groups

    def add(self, part: Range, contents: NDArray[np.uint64]) -> None:
        """Take note of what a range's events contain, shape (n_events,) as of `content_keys`; in the plan's order."""
        if part.dataset in self._groups:
            self.keep(part, salted(contents, self._groups[part.dataset]))

    def found(self) -> list[Copies]:
        """What was found, by pair of datasets; a handful of events is no finding."""
        counts: Counter[tuple[int, int]] = Counter()
        examples: dict[tuple[int, int], tuple[int, int]] = {}
        for repeats, first, second in self.repeats():
            rows = np.flatnonzero(first != second)
            pairs = np.stack([second[rows], first[rows]], axis=1)
            for pair, row, n_events in zip(*_unique(pairs), strict=True):
                counts[pair] += n_events
                example = int(repeats.second[rows[row]]), int(repeats.first[rows[row]])
                examples[pair] = min(example, examples.get(pair, example))
        return [self._copies(*pair, n, *examples[pair]) for pair, n in sorted(counts.items()) if n > HANDFUL]

    def _copies(self, dataset: int, original: int, n_events: int, part: int, original_part: int) -> Copies:
        paths = self.parts[part].path, self.parts[original_part].path
        return Copies(self.datasets[dataset], self.datasets[original], n_events, *paths)


def warn_of_copies(analysis: Analysis, found: list[Copies]) -> None:
    """Say what the copies do to the results."""
    for one in found:
        classes = [analysis.class_of(name) for name in (one.original, one.dataset)]
        effect = f"are learned as {classes[0]!r} and as {classes[1]!r}" if classes[0] != classes[1] else "count twice"
        logger.warning(
            "%d selected events of %r are those of %r again: number, weight and observables are the same, as of %s and %s."
            " They %s. Expected each event in one dataset. Remove files, or one of the datasets.",
            one.n_events,
            one.dataset,
            one.original,
            one.path,
            one.original_path,
            effect,
        )


def _unique(pairs: NDArray[np.int64]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """The different rows of *pairs*, shape (n, 2), where each is first, and how often it is there."""
    found, first, counts = np.unique(pairs, axis=0, return_index=True, return_counts=True)
    return [(int(a), int(b)) for a, b in found], first.tolist(), counts.tolist()
