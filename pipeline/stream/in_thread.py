"""Items that a thread makes before they are wanted."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

Item = TypeVar("Item")


def in_thread(items: Iterable[Item], n_ahead: int) -> Generator[Item]:
    """The *items* in their order, up to *n_ahead* of them made by a thread before they are asked for.

    All are made by one thread, whoever asks. An error in making one is raised in its place. Close the generator when the
    rest is not wanted: the thread then ends with the item that it is at.
    """
    iterator, end = iter(items), object()
    thread = ThreadPoolExecutor(1, thread_name_prefix="nanoloom-stream")
    try:
        made = deque(thread.submit(next, iterator, end) for _ in range(n_ahead))
        while (item := made.popleft().result()) is not end:
            made.append(thread.submit(next, iterator, end))
            yield item  # type: ignore[misc]
    finally:
        thread.shutdown(cancel_futures=True)
