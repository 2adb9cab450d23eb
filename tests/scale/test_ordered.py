"""Results come in the order of the items, from one process or several, and no more is taken than is needed."""

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.scale.ordered import ordered_map
from pipeline.scale.workers import QUEUED_PER_WORKER

PROC = Path("/proc")
both = pytest.mark.parametrize("workers", [1, 2])


def later_is_faster(number):
    time.sleep(0.02 * max(0, 5 - number))
    return number, os.getpid()


def fail_at_three(number):
    if number == 3:
        raise InputError("Range 3 cannot be read. Expected a file. Replace it.")
    return number


class Items:
    """Items that tell how many of them were taken."""

    def __init__(self, n):
        self.n, self.taken = n, 0

    def __iter__(self):
        for number in range(self.n):
            self.taken += 1
            yield number


@both
def test_results_have_the_order_of_the_items_although_later_ones_are_ready_first(workers, tmp_path):
    results = list(ordered_map(later_is_faster, range(12), workers=workers, scratch=tmp_path))

    assert [number for number, _ in results] == list(range(12))
    assert (os.getpid() in {process for _, process in results}) == (workers == 1)


@both
def test_an_error_surfaces_with_its_type_after_the_results_before_it(workers, tmp_path):
    results = []

    with pytest.raises(InputError, match=r"^Range 3 cannot be read\. Expected a file\. Replace it\.$"):
        results.extend(ordered_map(fail_at_three, range(50), workers=workers, scratch=tmp_path))

    # extend keeps what came before the error.
    assert results == [0, 1, 2]


@both
def test_no_more_items_are_taken_than_may_be_in_flight(workers, tmp_path):
    items = Items(100)
    window = 1 if workers == 1 else workers * (1 + QUEUED_PER_WORKER)
    results = ordered_map(later_is_faster, items, workers=workers, scratch=tmp_path)
    assert items.taken == 0

    for done in range(1, 11):
        next(results)
        assert items.taken <= done - 1 + window

    results.close()
    assert items.taken < 100


@both
def test_no_items_give_no_results(workers, tmp_path):
    assert list(ordered_map(later_is_faster, [], workers=workers, scratch=tmp_path)) == []


def children():
    """Ids of the processes that this one has started and that still run."""
    found = set()
    for folder in PROC.glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            state, parent = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
            # Python's own tracker of shared resources stays with the process that started it.
            tracker = b"resource_tracker" in (folder / "cmdline").read_bytes()
            if int(parent) == os.getpid() and state != "Z" and not tracker:
                found.add(int(folder.name))
    return found


@pytest.mark.skipif(not PROC.exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("ending", ["all taken", "closed early", "error"])
def test_no_worker_is_left_over(ending, tmp_path):
    before = children()
    function = fail_at_three if ending == "error" else later_is_faster
    results = ordered_map(function, range(8), workers=2, scratch=tmp_path)
    next(results)
    assert children() - before

    if ending == "error":
        with pytest.raises(InputError, match="Range 3"):
            list(results)
    elif ending == "closed early":
        results.close()
    else:
        list(results)

    assert children() <= before
