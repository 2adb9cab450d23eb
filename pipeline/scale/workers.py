"""Processes on this machine that work beside this one, on items that are small; results come in the order of the items."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

# Beside the one a worker has in hand, so many wait for it: enough to never idle, few enough to bound memory.
QUEUED_PER_WORKER = 2


class Pending(Protocol[Result_co]):
    """A result that may not be there yet."""

    def result(self) -> Result_co:
        """Wait for it; an error of the function is raised here, with its type."""


class Workers:
    """A context of *count* dask workers on loopback, started when the first item comes.

    Args:
        count: number of processes.
        scratch: folder for their temporary files.
    """

    def __init__(self, count: int, *, scratch: Path = Path(".scratch")) -> None:
        self.count, self._scratch = count, scratch
        self._running = ExitStack()
        self._client: Any = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._client = None
        self._running.close()

    @property
    def window(self) -> int:
        """How many items may be in flight for no worker to idle."""
        return self.count * (1 + QUEUED_PER_WORKER)

    def submit(self, function: Callable[[Item], Result], item: Item) -> Pending[Result]:
        """Apply *function*, which is importable by name, to *item*."""
        if self._client is None:
            self._client = self._start()
        pending: Pending[Result] = self._client.submit(function, item, pure=False, retries=0)
        return pending

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply *function* to each of *items*, which are taken as they are needed."""
        waiting: deque[Pending[Result]] = deque()
        for item in items:
            waiting.append(self.submit(function, item))
            if len(waiting) >= self.window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _start(self) -> Any:
        import dask
        from distributed import Client, LocalCluster

        settings = {
            # A range is not retried blindly on another worker: a worker that dies is an error to be seen.
            "distributed.scheduler.allowed-failures": 0,
            "distributed.worker.daemon": True,
            "distributed.admin.log-format": "%(levelname)s %(name)s %(message)s",
            "temporary-directory": str(self._scratch.resolve() / "dask"),
        }
        self._running.enter_context(dask.config.set(settings))
        cluster = LocalCluster(
            n_workers=self.count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # Any free port: with None, dask takes 8787 and warns where another one has it.
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=40,
        )
        self._running.enter_context(cluster)
        return self._running.enter_context(Client(cluster, set_as_default=False))
