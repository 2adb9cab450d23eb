"""A function in two steps, of which the second wants what only some workers offer, such as a GPU."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from pipeline.errors import PipelineError
from pipeline.scale.watch import known_workers

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")
Between = TypeVar("Between")
Result = TypeVar("Result")

SECONDS_BETWEEN_LOOKS = 5.0
# For a worker that ended to be started again; it then has another address.
SECONDS_WITHOUT = 30.0
OPTIONS = {"pure": False, "retries": 0}


@dataclass(frozen=True, slots=True)
class TwoSteps(Generic[Item, Between, Result]):
    """*first*, then *second* with what it gave; anywhere, and apart where there are workers for the one and for the other.

    Args:
        first: for workers that do not offer what the second step wants, where there are any.
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
    if isinstance(function, TwoSteps):
        offers = offers_of(client, function.wants)
        offers.look(client)
        if offers.offering:
            return Apart(client, offers, function, item)
    return client.submit(function, item, **OPTIONS)


@dataclass(slots=True)
class Offers:
    """Which workers of a client offer *resource*; looked at once in a few seconds, for all futures together."""

    resource: str
    clock: Callable[[], float] = time.monotonic
    offering: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    _next_look: float = float("-inf")
    # When there was somebody last, of either kind.
    _offered: float = field(init=False)
    _read: float = field(init=False)

    def __post_init__(self) -> None:
        self._offered = self._read = self.clock()

    def look(self, client: Any) -> None:
        """See who is there."""
        now = self.clock()
        if now < self._next_look:
            return
        self._next_look = now + SECONDS_BETWEEN_LOOKS
        workers = known_workers(client)
        self.offering = frozenset(name for name, worker in workers.items() if worker["resources"].get(self.resource, 0) > 0)
        self.others = frozenset(workers) - self.offering
        self._offered = now if self.offering else self._offered
        self._read = now if self.others else self._read

    def check(self) -> None:
        """See that somebody offers it, or did a moment ago.

        Raises:
            PipelineError: nobody does any more.
        """
        if self.clock() - self._offered >= SECONDS_WITHOUT:
            raise PipelineError(
                f"No worker offers {self.resource} any more. Expected one at least, as when this stage began."
                f' Start one, with --resources "{self.resource}=1", and run the stage again.'
            )

    @property
    def only_offering(self) -> bool:
        """Whether there are no other workers, and none will come soon."""
        return not self.others and self.clock() - self._read >= SECONDS_WITHOUT


# By client, for as long as there is one, and by resource.
_OFFERS: WeakKeyDictionary[Any, dict[str, Offers]] = WeakKeyDictionary()


def offers_of(client: Any, resource: str) -> Offers:
    """The one look at *client* for all its futures."""
    by_resource = _OFFERS.setdefault(client, {})
    return by_resource.setdefault(resource, Offers(resource))


class Apart:
    """A future of *steps* on *item*, of which each goes to its own kind of worker.

    What the first has made goes from worker to worker. dask itself would wait for ever for workers that have gone.
    """

    def __init__(self, client: Any, offers: Offers, steps: TwoSteps[Any, Any, Any], item: Any) -> None:
        self._client, self._offers, self._steps, self._item = client, offers, steps, item
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
        if not self.done():
            self._follow()
        return self._future.result(timeout=timeout)

    def _submit(self) -> None:
        self._readers = self._offers.others
        wanted = {"resources": {self._steps.wants: 1}, **OPTIONS}
        if self._readers:
            between = self._client.submit(self._steps.first, self._item, workers=sorted(self._readers), **OPTIONS)
            self._future = self._client.submit(self._steps.second, between, **wanted)
        else:
            self._future = self._client.submit(self._steps, self._item, **wanted)

    def _follow(self) -> None:
        """Give what only workers could read that have gone to those that are there now."""
        self._offers.look(self._client)
        self._offers.check()
        gone = self._readers and self._readers.isdisjoint(self._offers.others)
        if gone and (self._offers.others or self._offers.only_offering):
            self._submit()
