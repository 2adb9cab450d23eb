"""Whether a process is still there."""

import os
import subprocess
import sys

from pipeline.processes import birth, is_alive, place


def test_this_process_and_its_parent_are_alive():
    assert is_alive(os.getpid())
    assert is_alive(os.getppid())


def test_a_process_that_has_ended_is_not():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert not is_alive(ended.pid)


def test_the_place_is_the_same_in_another_process_and_fits_into_the_name_of_a_file():
    code = "from pipeline.processes import place; print(place())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert other == place()
    assert not set(place()) & set("./ *[]")


def test_the_birth_of_a_process_stays_and_that_of_a_later_one_is_later():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as later:
        assert birth(os.getpid()) == birth(os.getpid())
        assert int(birth(os.getppid())) <= int(birth(os.getpid())) <= int(birth(later.pid))

    assert birth(later.pid) == ""
