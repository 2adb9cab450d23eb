"""Processes that work beside this one, here or elsewhere; their results come in the order of the items."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

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
    """A context of *count* dask workers, started when the first item comes.

    Args:
        count: number of processes.
        start: opens a client of them, as a context.
        where: they are, for messages.
    """

    def __init__(self, count: int, start: Callable[[], AbstractContextManager[Any]], *, where: str) -> None:
        self.count, self.where, self._start = count, where, start
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
            self._client = self._running.enter_context(self._start())
        return _Result(self._client.submit(function, item, pure=False, retries=0), item, self.where)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply *function* to each of *items*, which are taken as they are needed."""
        waiting: deque[Pending[Result]] = deque()
        for item in items:
            waiting.append(self.submit(function, item))
            if len(waiting) >= self.window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Result(Generic[Result]):
    """A future of dask, and what it is the result for."""

    def __init__(self, future: Any, item: object, where: str) -> None:
        self._future, self._item, self._where = future, item, where

    def result(self) -> Result:
        """Wait for it.

        Raises:
            PipelineError: the worker has died.
        """
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        try:
            found: Result = self._future.result()
        except KilledWorker as error:
            raise PipelineError(
                f"A worker ({self._where}) died over {self._item}: it was killed, or had no memory left. Expected it to end"
                " by itself. Run the stage again; if it happens again, use fewer workers, give them more memory, or lower"
                " reading.range_entries."
            ) from error
        except (FutureCancelledError, CommClosedError) as error:
            raise PipelineError(
                f"The connection to the workers ({self._where}) is lost. Expected a scheduler that answers."
                " See whether it is still there, and run the stage again."
            ) from error
        return found
