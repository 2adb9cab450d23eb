"""A function in two steps, of which the second wants what only some workers offer, such as a GPU."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")
Between = TypeVar("Between")
Result = TypeVar("Result")

# For a worker that ended to be started again.
SECONDS_WITHOUT = 30


@dataclass(frozen=True, slots=True)
class TwoSteps(Generic[Item, Between, Result]):
    """*first*, then *second* with what it gave; anywhere, and apart where there are workers for the one and for the other.

    Args:
        first: for workers of any kind; where it can be, not for those that the second step wants.
        second: importable by name, like *first*.
        wants: a resource of dask that its workers offer (`dask worker ... --resources "GPU=1"`); each step takes one of it.
    """

    first: Callable[[Item], Between]
    second: Callable[[Between], Result]
    wants: str

    def __call__(self, item: Item) -> Result:
        """Both steps, here."""
        return self.second(self.first(item))


def submitted(client: Any, function: Callable[[Item], Result], item: Item) -> Any:
    """The future of *function* on *item*, which is importable by name.

    What the first of two steps has made goes from worker to worker, and stays where it was made until it is wanted.
    """
    options = {"pure": False, "retries": 0}
    if not isinstance(function, TwoSteps):
        return client.submit(function, item, **options)
    offering, others = workers_by_offer(client, function.wants)
    if not offering:
        return client.submit(function, item, **options)
    wanted = {"resources": {function.wants: 1}, **options}
    if not others:
        return Offered(client.submit(function, item, **wanted), client, function.wants)
    # The others may all end; then those that offer read as well.
    between = client.submit(function.first, item, workers=others, allow_other_workers=True, **options)
    return Offered(client.submit(function.second, between, **wanted), client, function.wants)


def workers_by_offer(client: Any, resource: str) -> tuple[list[str], list[str]]:
    """Addresses of the workers that offer *resource*, and of the others."""
    workers = client.scheduler_info()["workers"]
    offering = [address for address, worker in workers.items() if worker["resources"].get(resource, 0) > 0]
    return offering, [address for address in workers if address not in offering]


@dataclass(slots=True)
class Offered:
    """A future that only a worker with *resource* can bring: dask waits for ever when there is none any more."""

    future: Any
    client: Any
    resource: str
    clock: Callable[[], float] = time.monotonic
    _none_since: float | None = None

    def done(self) -> bool:
        """Whether the result, or an error, is there."""
        return bool(self.future.done())

    def result(self, timeout: float) -> Any:
        """Wait for it for so many seconds.

        Raises:
            TimeoutError: it is not there yet.
            PipelineError: no worker offers the resource any more.
        """
        try:
            return self.future.result(timeout=timeout)
        except TimeoutError:
            if not self.future.done():
                self._look()
            raise

    def _look(self) -> None:
        if workers_by_offer(self.client, self.resource)[0]:
            self._none_since = None
            return
        if self._none_since is None:
            self._none_since = self.clock()
        if self.clock() - self._none_since >= SECONDS_WITHOUT:
            raise PipelineError(
                f"No worker offers {self.resource} any more. Expected one at least, as there was when this stage began."
                f' Start one, with --resources "{self.resource}=1", and run the stage again.'
            )
