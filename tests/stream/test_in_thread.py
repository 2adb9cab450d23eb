"""Items that are made by a thread before they are asked for."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from contextlib import closing, suppress
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stream.in_thread import InThread

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY_S = 30.0


@given(items=st.lists(st.none() | st.integers()), n_ahead=st.integers(1, 5))
def test_all_items_come_in_their_order(items: list[int | None], n_ahead: int) -> None:
    with closing(InThread(items, n_ahead)) as ahead:
        assert list(ahead) == items
        assert list(ahead) == []


def test_items_are_made_before_they_are_asked_for_and_no_more_than_allowed() -> None:
    made, enough = [], threading.Event()

    def items() -> Iterator[int]:
        for number in count():
            made.append(number)
            if number == 3:
                enough.set()
            yield number

    with closing(InThread(items(), 3)) as ahead:
        assert next(ahead) == 0
        assert enough.wait(MANY_S)
    assert made == [0, 1, 2, 3]


def test_one_thread_makes_all_items_and_it_is_not_the_one_that_asks() -> None:
    with closing(InThread((threading.get_ident() for _ in range(50)), 4)) as ahead:
        threads = set(ahead)
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no second item")

    with closing(InThread(items(), 4)) as ahead:
        assert next(ahead) == 1
        with pytest.raises(ValueError, match="no second item"):
            next(ahead)


def test_the_thread_ends_when_the_rest_is_not_wanted() -> None:
    ahead = InThread((threading.current_thread() for _ in count()), 2)
    thread = next(ahead)
    assert thread.is_alive()
    ahead.close()
    assert not thread.is_alive()


def test_it_can_be_closed_while_another_thread_waits_for_an_item() -> None:
    release, asked, waited = threading.Event(), threading.Event(), []

    def items() -> Iterator[int]:
        asked.set()
        release.wait(MANY_S)
        yield 1

    def wait_for(ahead: InThread[int]) -> None:
        with suppress(RuntimeError, CancelledError):
            waited.append(next(ahead))

    ahead = InThread(items(), 1)
    waiting = threading.Thread(target=wait_for, args=(ahead,))
    waiting.start()
    assert asked.wait(MANY_S)
    threading.Timer(0.1, release.set).start()
    ahead.close()
    waiting.join(MANY_S)
    assert not waiting.is_alive()
    assert waited in ([], [1])
