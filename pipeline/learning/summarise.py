"""The stage `summarise`: one pass over all ranges for the cutflow, class sums and the scales of the inputs.

It is the first to read every event, and so the one that finds events that are there twice, and that may leave out a file.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.events.copies import CopyFinder, compared, warn_of_copies
from pipeline.events.duplicates import DuplicateFinder
from pipeline.events.ledger import Ledger, left_by_failure
from pipeline.events.planning import empty_datasets
from pipeline.events.reading import UnreadableError
from pipeline.files import write_json
from pipeline.learning.range_summary import DatasetSummary, read_range
from pipeline.learning.summary_json import summary_to_json
from pipeline.scale.ordered import ordered_map
from pipeline.stream.cache import usual_cache
from pipeline.stream.read_ahead import ChunkMaker
from pipeline.stream.select import select
from pipeline.stream.summary import Summary, made_for
from pipeline.stream.training_check import check_trainings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.events.plan import Plan, Range
    from pipeline.learning.range_summary import RangeSummary
    from pipeline.physics.selected import EventIds
    from pipeline.scale.workers import Workers
    from pipeline.stream.cache import ChunkCache

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class FileSummary:
    """What one file adds; counted when all of its ranges were read, because its sum of weights is known as a whole only."""

    summary: DatasetSummary = field(default_factory=DatasetSummary)
    keys: dict[Range, NDArray[np.uint64]] = field(default_factory=dict)
    contents: dict[Range, NDArray[np.uint64]] = field(default_factory=dict)

    def add(self, part: Range, found: RangeSummary) -> None:
        """Add its next range."""
        self.summary += found.summary
        self.keys[part] = found.keys
        if found.contents is not None:
            self.contents[part] = found.contents


def summarise(
    analysis: Analysis,
    plan: Plan,
    out: str | Path,
    *,
    workers: int | Workers = 1,
    scratch: ChunkCache | None = None,
    progress: Callable[[Range], None] = lambda _: None,
) -> None:
    """Walk all ranges of *plan* and write `summary.json`.

    Args:
        workers: processes that read: 1 is this one, more are started; or workers that are there.
        scratch: where the chunks are kept for training, which then begins with a filled cache; None for the usual place.

    Raises:
        InputError: an input is not finite, a class has no events or no weight in some fold, an event is there twice, or more
            files cannot be read than may be skipped; names what and where.
    """
    ledger = Ledger(plan)
    with left_by_failure(Path(out).parent, "summarise", ledger.to_json):
        found: dict[str, DatasetSummary] = {name: DatasetSummary() for name in analysis.datasets}
        keep = [name for name, dataset in analysis.datasets.items() if dataset.repeated_events == "keep"]
        with (
            DuplicateFinder(plan, partial(_ids_of, analysis), keep=keep) as finder,
            CopyFinder(plan, compared(analysis)) as copies,
        ):
            for dataset, file in _files(ChunkMaker.of(analysis, scratch or usual_cache()), plan, ledger, workers, progress):
                found[dataset] += file.summary
                for part, keys in file.keys.items():
                    finder.add(part, keys)
                for part, contents in file.contents.items():
                    copies.add(part, contents)
            ledger.close()
            _check_left(plan.without(ledger.unreadable))
            _check_selected(analysis, found)
            repeated, identical = finder.check(), copies.found()
        warn_of_copies(analysis, identical)
        content = summary_to_json(analysis, found) | {
            "plan": plan.digest,
            "made_for": made_for(analysis),
            "repeated_events": repeated,
            "identical_events": [asdict(one) for one in identical],
            "ledger": ledger.to_json(),
        }
        check_trainings(analysis, plan.without(ledger.unreadable), Summary(content))
        write_json(out, content)


def _files(
    maker: ChunkMaker, plan: Plan, ledger: Ledger, workers: int | Workers, progress: Callable[[Range], None]
) -> Iterator[tuple[str, FileSummary]]:
    """Dataset and summary of each file that could be read whole, in the plan's order; each range is entered in *ledger*."""
    ranges = plan.ranges()
    read = ledger.each(ranges, ordered_map(partial(read_range, maker), ranges, workers=workers))
    for (dataset, _), results in groupby(read, key=lambda pair: (pair[0].dataset, pair[0].path)):
        file = _whole_file(results, ledger, progress)
        if file is not None:
            yield dataset, file


def _whole_file(
    results: Iterable[tuple[Range, RangeSummary | UnreadableError]], ledger: Ledger, progress: Callable[[Range], None]
) -> FileSummary | None:
    """The sum over the ranges of one file; None if one of them could not be read and the file may be skipped."""
    file: FileSummary | None = FileSummary()
    n_events = {}
    for part, found in results:
        progress(part)
        if file is None:
            continue
        with ledger.at(part):
            if isinstance(found, UnreadableError):
                ledger.skip_file(part, found)
                logger.warning("%s: %s Its file is skipped, as allowed.", part.dataset, found)
                file = None
            else:
                file.add(part, found)
                n_events[part] = found.summary.cutflow.cuts[0].n_events
    for part, keys in file.keys.items() if file is not None else ():
        with ledger.at(part):
            ledger.done(part, n_selected=len(keys), n_events=n_events[part])
    return file


def _ids_of(analysis: Analysis, part: Range) -> EventIds:
    return select(analysis, part).ids


def _check_left(plan: Plan) -> None:
    """See that each dataset can still be normalised without the files that were skipped."""
    wrong = list(empty_datasets(plan))
    if wrong:
        raise InputError(
            f"Without the files that cannot be read, {'; '.join(wrong)} Expected events and a sum of weights above 0."
            " Restore the files, or remove the dataset."
        )


def _check_selected(analysis: Analysis, found: dict[str, DatasetSummary]) -> None:
    for name, summary in found.items():
        n_selected = sum(counts.n_events for counts in summary.counts.values())
        if n_selected == 0:
            rows = ", ".join(f"{cut.name}: {cut.n_events}" for cut in summary.cutflow.cuts)
            raise InputError(
                f"Dataset {name!r} has no selected events (cutflow {rows}). Expected at least one."
                f" Loosen `selection` in config/{analysis.name}.yaml, or remove the dataset."
            )
    for fold in range(analysis.folds) if analysis.models else ():
        for key in {analysis.class_of(dataset) for dataset in analysis.trained_datasets()}:
            if not sum(found[d].counts[fold].n_events for d in analysis.trained_datasets() if analysis.class_of(d) == key):
                raise InputError(
                    f"Class {key!r} has no selected events in fold {fold} of {analysis.folds}. Expected some in every fold."
                    " Add files, loosen `selection`, or use fewer folds."
                )
