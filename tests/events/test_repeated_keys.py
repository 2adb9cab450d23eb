"""Keys that are there more than once, against a search in memory."""

import tracemalloc
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events.repeated_keys import RepeatedKeys

# Few values, so that they repeat; some differ in their lowest bits only, some in the highest.
KEYS = st.sampled_from([0, 1, 2, 2**58 - 1, 2**58, 2**63, 2**63 + 1, 2**64 - 1])


def repeats_by_hand(parts):
    seen = defaultdict(list)
    for number, keys in enumerate(parts):
        for key in keys:
            seen[key].append(number)
    return sorted((key, a, b) for key, numbers in seen.items() for a, b in pairwise(numbers))


@given(parts=st.lists(st.lists(KEYS | st.integers(0, 2**64 - 1), max_size=8), max_size=6))
def test_they_are_those_of_a_search_in_memory(parts, tmp_path_factory):
    with RepeatedKeys(tmp_path_factory.getbasetemp()) as keys:
        for number, part in enumerate(parts):
            keys.add(number, np.array(part, dtype=np.uint64))
        found = [
            row for r in keys.repeats() for row in zip(r.key.tolist(), r.first.tolist(), r.second.tolist(), strict=True)
        ]

    assert repeats_by_hand(parts) == sorted(found)


def test_nothing_repeats_in_nothing(tmp_path):
    with RepeatedKeys(tmp_path) as keys:
        assert list(keys.repeats()) == []


def test_asking_twice_gives_the_same_answer(tmp_path):
    with RepeatedKeys(tmp_path) as keys:
        keys.add(0, np.array([7, 8], dtype=np.uint64))
        keys.add(1, np.array([8], dtype=np.uint64))
        assert [r.key.tolist() for r in keys.repeats()] == [r.key.tolist() for r in keys.repeats()] == [[8]]


def test_the_scratch_folder_is_empty_afterwards(tmp_path):
    with RepeatedKeys(tmp_path / "deep" / "scratch") as keys:
        keys.add(0, np.arange(10, dtype=np.uint64))
        assert len(list((tmp_path / "deep/scratch").iterdir())) == 1

    assert list((tmp_path / "deep/scratch").iterdir()) == []


def fail_while_adding(scratch):
    with RepeatedKeys(scratch) as keys:
        keys.add(0, np.arange(10, dtype=np.uint64))
        raise ZeroDivisionError


def test_the_scratch_folder_is_empty_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError):
        fail_while_adding(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_million_keys_need_no_memory_for_all_of_them(tmp_path):
    rng = np.random.default_rng(1)
    with RepeatedKeys(tmp_path) as keys:
        tracemalloc.start()
        for number in range(100):
            keys.add(number, rng.integers(0, 2**64, 10_000, dtype=np.uint64))
        found = list(keys.repeats())
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert found == []
    # As an array in memory they would take 8 MB, and twice that to be sorted.
    assert peak_bytes < 2e6
