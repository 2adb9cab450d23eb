"""How work is spread: results come back in the order of the items, whoever made them and whenever they were ready."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")

# Beside the one a worker has in hand, so many wait for it: enough to never idle, few enough to bound memory.
QUEUED_PER_WORKER = 2


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int = 1, scratch: Path = Path(".scratch")
) -> Iterator[Result]:
    """Apply *function* to each of *items*; results in the order of *items*.

    Args:
        function: importable by name, so that a worker process finds it.
        items: read lazily: no more than three per worker are in flight.
        workers: 1 works in this process; more start that many dask workers on loopback.
        scratch: folder for the workers' temporary files.

    Raises:
        Exception: the first error of *function*, in the order of the items.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    with _local_cluster(workers, scratch) as client:
        waiting: deque[Any] = deque()
        for item in items:
            waiting.append(client.submit(function, item, pure=False, retries=0))
            if len(waiting) >= workers * (1 + QUEUED_PER_WORKER):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _local_cluster(workers: int, scratch: Path) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    settings = {
        # A range is not retried blindly on another worker: a worker that dies is an error to be seen.
        "distributed.scheduler.allowed-failures": 0,
        "distributed.worker.daemon": True,
        "distributed.admin.log-format": "%(levelname)s %(name)s %(message)s",
        "temporary-directory": str(scratch.resolve() / "dask"),
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,
            silence_logs=40,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
