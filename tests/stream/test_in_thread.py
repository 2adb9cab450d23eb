"""Items that are made by a thread before they are asked for."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stream.in_thread import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY_S = 30.0


@given(items=st.lists(st.none() | st.integers()), n_ahead=st.integers(1, 5))
def test_all_items_come_in_their_order(items: list[int | None], n_ahead: int) -> None:
    assert list(in_thread(items, n_ahead)) == items


def test_items_are_made_before_they_are_asked_for_and_no_more_than_allowed() -> None:
    made, enough = [], threading.Event()

    def items() -> Iterator[int]:
        for number in count():
            made.append(number)
            if number == 3:
                enough.set()
            yield number

    ahead = in_thread(items(), 3)
    assert next(ahead) == 0
    assert enough.wait(MANY_S)
    ahead.close()
    assert made == [0, 1, 2, 3]


def test_one_thread_makes_all_items_and_it_is_not_the_one_that_asks() -> None:
    threads = set(in_thread((threading.get_ident() for _ in range(50)), 4))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no second item")

    ahead = in_thread(items(), 4)
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="no second item"):
        next(ahead)


def test_the_thread_ends_when_the_rest_is_not_wanted() -> None:
    ahead = in_thread(count(), 2)
    next(ahead)
    assert any(thread.name.startswith("nanoloom-stream") for thread in threading.enumerate())
    ahead.close()
    assert not any(thread.name.startswith("nanoloom-stream") for thread in threading.enumerate())
