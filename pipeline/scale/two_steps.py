"""A function in two steps, of which the second wants what only some workers offer, such as a GPU."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")
Between = TypeVar("Between")
Result = TypeVar("Result")

# For a worker that ended to be started again; it then has another address.
SECONDS_WITHOUT = 30
OPTIONS = {"pure": False, "retries": 0}


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
    """The future of *function* on *item*, which is importable by name."""
    if isinstance(function, TwoSteps) and workers_by_offer(client, function.wants)[0]:
        return Offered(client, function, item)
    return client.submit(function, item, **OPTIONS)


def workers_by_offer(client: Any, resource: str) -> tuple[list[str], list[str]]:
    """Addresses of the workers that offer *resource*, and of the others."""
    workers = client.scheduler_info()["workers"]
    offering = [address for address, worker in workers.items() if worker["resources"].get(resource, 0) > 0]
    return offering, [address for address in workers if address not in offering]


@dataclass(slots=True)
class Offered:
    """A future of *steps* on *item*, which only workers that offer what is wanted can bring.

    What the first step has made goes from worker to worker. dask itself would wait for ever for workers that have gone.
    """

    client: Any
    steps: TwoSteps[Any, Any, Any]
    item: Any
    clock: Callable[[], float] = time.monotonic
    _readers: list[str] = field(init=False)
    _future: Any = field(init=False)
    _gone_since: float | None = None

    def __post_init__(self) -> None:
        self._submit()

    def done(self) -> bool:
        """Whether the result, or an error, is there."""
        return bool(self._future.done())

    def result(self, timeout: float | None = None) -> Any:
        """Wait for it, for so many seconds at most.

        Raises:
            TimeoutError: it is not there yet.
            PipelineError: no worker offers what is wanted any more.
        """
        try:
            return self._future.result(timeout=timeout)
        except TimeoutError:
            if not self.done():
                self._look()
            raise

    def _submit(self) -> None:
        _, self._readers = workers_by_offer(self.client, self.steps.wants)
        wanted = {"resources": {self.steps.wants: 1}, **OPTIONS}
        if self._readers:
            between = self.client.submit(self.steps.first, self.item, workers=self._readers, **OPTIONS)
            self._future = self.client.submit(self.steps.second, between, **wanted)
        else:
            self._future = self.client.submit(self.steps, self.item, **wanted)

    def _look(self) -> None:
        """See that there are workers for both steps; those that read may be others than at first."""
        offering, others = workers_by_offer(self.client, self.steps.wants)
        if offering and (not self._readers or not set(self._readers).isdisjoint(others)):
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = self.clock()
        elif self.clock() - self._gone_since >= SECONDS_WITHOUT:
            if not offering:
                raise PipelineError(
                    f"No worker offers {self.steps.wants} any more. Expected one at least, as when this stage began."
                    f' Start one, with --resources "{self.steps.wants}=1", and run the stage again.'
                )
            self._gone_since = None
            self._submit()
