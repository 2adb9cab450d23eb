"""Items that a thread makes before they are wanted."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

Item = TypeVar("Item")

END = object()


class InThread(Generic[Item]):
    """The *items* in their order, up to *n_ahead* of them made by a thread before they are asked for.

    All are made by one thread, from now on, whoever asks. An error in making one is raised in its place. Close it when the
    rest is not wanted: the thread then ends with the item that it is at, and there is no next one.
    """

    def __init__(self, items: Iterable[Item], n_ahead: int) -> None:
        """Begin with the first."""
        self._items = iter(items)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nanoloom-stream")
        self._made: deque[Future[Item | object]] = deque()
        for _ in range(n_ahead):
            self._make_one()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        item = self._made[0].result()
        if item is END:
            raise StopIteration
        self._made.popleft()
        self._make_one()
        return item  # type: ignore[return-value]

    def close(self) -> None:
        """Make no more."""
        self._thread.shutdown(cancel_futures=True)

    def _make_one(self) -> None:
        self._made.append(self._thread.submit(next, self._items, END))
