"""How work is spread: results come back in the order of the items, whoever made them and whenever they were ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pipeline.scale.local import SCRATCH, local_workers
from pipeline.scale.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int | Workers = 1,
    scratch: Path = SCRATCH,
) -> Iterator[Result]:
    """Apply *function* to each of *items*; results in the order of *items*.

    Args:
        function: importable by name, so that a worker process finds it.
        items: read lazily: no more than three per worker are in flight.
        workers: 1 works in this process; more start that many processes on this machine; or workers that are there.
        scratch: folder for temporary files of the processes.

    Raises:
        Exception: the first error of *function*, in the order of the items.
    """
    if isinstance(workers, Workers):
        yield from workers.map(function, items)
    elif workers <= 1:
        yield from map(function, items)
    else:
        with local_workers(workers, scratch=scratch) as pool:
            yield from pool.map(function, items)
