"""Commands are asked within a time, and leave nothing behind."""

import time

import pytest

from pipeline.operations.machine import NOT_THERE, TIMED_OUT, Machine


def test_a_command_says_what_it_says():
    answer = Machine().run("sh", "-c", "echo out; echo err >&2; exit 3")

    assert (answer.code, sorted(answer.text.split())) == (3, ["err", "out"])


def test_a_command_that_is_not_there_is_told():
    answer = Machine().run("no-such-command")

    assert (answer.code, "no-such-command" in answer.text) == (NOT_THERE, True)
    assert not Machine().has("no-such-command")
    assert Machine().has("sh")


def test_a_command_that_hangs_is_killed_with_all_that_it_started(tmp_path):
    start = time.monotonic()

    answer = Machine().run("sh", "-c", f"echo first; (sleep 1; touch {tmp_path}/late) & sleep 60", seconds=0.3)

    assert (answer.code, answer.text) == (TIMED_OUT, "first\n")
    assert time.monotonic() - start < 5
    time.sleep(1.2)
    assert not (tmp_path / "late").exists()


def test_a_command_gets_the_environment_of_the_machine():
    machine = Machine(environment={"PATH": "/usr/bin:/bin", "X509_USER_PROXY": "/p"})

    assert machine.run("sh", "-c", "echo $X509_USER_PROXY").text == "/p\n"


@pytest.mark.parametrize("path", ["results", "results/a/b", "."])
def test_the_nearest_folder_that_is_there_is_found(path, tmp_path):
    assert Machine(folder=tmp_path).existing(tmp_path / path) == tmp_path


def test_a_file_of_the_system_that_is_not_there_is_empty(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/mounts").write_text("x", encoding="utf-8")
    machine = Machine(root=tmp_path)

    assert (machine.read("/proc/mounts"), machine.read("/proc/none")) == ("x", "")
