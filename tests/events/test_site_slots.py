import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from pipeline.events.replicas import joined
from pipeline.events.site_slots import site_slots

A, B = "root://a:1094//x.root", "https://b/x.root"


class WaitedError(Exception):
    """The slot was not free."""


def waits(*_):
    raise WaitedError


def is_free(path, most, folder):
    try:
        with site_slots(path, most, folder=folder, sleep=waits):
            return True
    except WaitedError:
        return False


def test_a_site_has_as_many_slots_as_it_is_given(tmp_path):
    with ExitStack() as stack:
        for _ in range(3):
            assert is_free(A, 3, tmp_path)
            stack.enter_context(site_slots(A, 3, folder=tmp_path))
        assert not is_free(A, 3, tmp_path)
        assert is_free(B, 3, tmp_path)
    assert is_free(A, 3, tmp_path)


def test_a_file_with_replicas_counts_at_each_site(tmp_path):
    with site_slots(joined([A, B]), 1, folder=tmp_path):
        assert not is_free(A, 1, tmp_path)
        assert not is_free(B, 1, tmp_path)


@pytest.mark.parametrize(("path", "most"), [("a.root", 1), (A, None)], ids=["local file", "no limit"])
def test_what_is_not_limited_takes_no_slot(tmp_path, path, most):
    with site_slots(path, most, folder=tmp_path), site_slots(path, most, folder=tmp_path, sleep=waits):
        assert list(tmp_path.iterdir()) == []


def test_an_error_gives_the_slot_back(tmp_path):
    with pytest.raises(KeyError), site_slots(A, 1, folder=tmp_path):
        raise KeyError
    assert is_free(A, 1, tmp_path)


def test_a_process_that_is_killed_gives_its_slot_back(tmp_path):
    script = f"""
import time
from pathlib import Path
from pipeline.events.site_slots import site_slots
with site_slots({A!r}, 1, folder=Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        held = is_free(A, 1, tmp_path)
        process.kill()

    assert (held, is_free(A, 1, tmp_path)) == (False, True)


def test_never_more_than_allowed_are_in_at_a_time(tmp_path):
    inside, most_seen, lock = 0, 0, threading.Lock()

    def work():
        nonlocal inside, most_seen
        for _ in range(5):
            with site_slots(A, 2, folder=tmp_path, sleep=lambda _: None):
                with lock:
                    inside += 1
                    most_seen = max(most_seen, inside)
                threading.Event().wait(0.002)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (most_seen, inside) == (2, 0)
