"""Processes that work beside this one, here or elsewhere; their results come in the order of the items."""

from __future__ import annotations

from collections import deque
from concurrent.futures import CancelledError
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pipeline.errors import PipelineError
from pipeline.scale.two_steps import submitted
from pipeline.scale.watch import SECONDS_BETWEEN_LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from pipeline.scale.watch import Watch

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
        start: starts them, as a context.
    """

    def __init__(self, count: int, start: Callable[[], AbstractContextManager[Watch]]) -> None:
        self.count, self._start = count, start
        self._running = ExitStack()
        self._watch: Watch | None = None
        self._starting = Lock()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._watch = None
        self._running.close()

    @property
    def window(self) -> int:
        """How many items may be in flight for no worker to idle."""
        return self.count * (1 + QUEUED_PER_WORKER)

    def submit(self, function: Callable[[Item], Result], item: Item) -> Pending[Result]:
        """Apply *function*, which is importable by name, to *item*."""
        with self._starting:  # an epoch may begin in a thread while the validation runs
            if self._watch is None:
                self._watch = self._running.enter_context(self._start())
            watch = self._watch
        return _Result(submitted(watch.client, function, item), item, watch)

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
    """A future of dask, what it is the result for, and who looks after the workers meanwhile."""

    def __init__(self, future: Any, item: object, watch: Watch) -> None:
        self._future, self._item, self._watch = future, item, watch

    def result(self) -> Result:
        """Wait for it.

        Raises:
            PipelineError: the worker has died or had no memory left, or there is none any more.
        """
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        where = self._watch.where
        try:
            return self._waited()
        except KilledWorker as error:
            raise PipelineError(
                f"A worker ({where}) died over {self._item}: it was killed, or had no memory left.{self._watch.reasons()}"
                f" Expected it to end by itself. Run the stage again; if it happens again, {self._more_memory}."
            ) from error
        except MemoryError as error:
            raise PipelineError(
                f"A worker ({where}) had no memory left over {self._item}: {str(error) or 'none was given'}. Expected it to"
                f" have enough. To go on, {self._more_memory}."
            ) from error
        except (FutureCancelledError, CancelledError, CommClosedError) as error:
            raise PipelineError(
                f"The connection to the workers ({where}) is lost. Expected a scheduler that answers."
                " See whether it is still there, and run the stage again."
            ) from error

    @property
    def _more_memory(self) -> str:
        return f"{self._watch.more_memory}, or lower reading.range_entries"

    def _waited(self) -> Result:
        while True:
            self._watch.look()
            try:
                return self._result(SECONDS_BETWEEN_LOOKS)
            except TimeoutError:
                if self._future.done():  # the error is the function's own, or the result is long on its way
                    return self._result(None)

    def _result(self, timeout_s: float | None) -> Result:
        found: Result = self._future.result(timeout=timeout_s)
        return found
