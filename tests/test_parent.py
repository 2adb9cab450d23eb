"""A command that Snakemake started ends with Snakemake, also by `kill -9`; one that was started by hand does not."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pipeline.parent import VARIABLE, end_with_parent
from pipeline.processes import is_alive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends the commands")

COMMAND = f"""exec {sys.executable} -c '
import os, time
from pipeline.parent import end_with_parent
end_with_parent()
print(os.getpid(), flush=True)
time.sleep(60)'"""
# As Snakemake does: a thread runs the shell, and waits for it.
PARENT = """
import os, subprocess, sys, threading
if sys.argv[1] == "snakemake":
    os.environ["{variable}"] = str(os.getpid())
command = "set -euo pipefail; " + sys.argv[2]
thread = threading.Thread(target=subprocess.run, args=(["/bin/bash", "-c", command],))
thread.start()
thread.join()
"""


@pytest.fixture
def started():
    """Function that starts a command below a parent; the parent and the number of the command, which is ended at the end."""
    commands = []

    def start(started_by, command=COMMAND):
        code = textwrap.dedent(PARENT).format(variable=VARIABLE)
        environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
        arguments = [sys.executable, "-c", code, started_by, command]
        parent = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
        commands.append(int(parent.stdout.readline()))
        parent.stdout.close()
        return parent, commands[-1]

    yield start
    for command in commands:
        if is_running(command):
            os.kill(command, signal.SIGKILL)


def is_running(process):
    """Whether it is there and more than a name in the table of processes, which its new parent may not have cleared."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(process):
    process.kill()
    process.wait()


def ends(process, *, within_s):
    deadline = time.monotonic() + within_s
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(process)


def test_a_command_ends_when_its_snakemake_is_killed(started):
    parent, command = started("snakemake")
    assert is_running(command)

    kill(parent)

    assert ends(command, within_s=5)


def test_a_command_that_was_started_by_hand_goes_on(started):
    parent, command = started("hand")

    kill(parent)

    assert not ends(command, within_s=0.5)


def test_a_command_with_a_shell_in_between_works(started):
    """As in a container, where nothing can be promised."""
    parent, command = started("snakemake", COMMAND.removeprefix("exec ") + "; true")

    assert is_running(command)
    assert parent.poll() is None
    kill(parent)


def test_a_command_whose_snakemake_has_ended_before_it_began_does_not_begin(monkeypatch):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not is_alive(ended.pid)
    monkeypatch.setenv(VARIABLE, str(ended.pid))
    code = "from pipeline.cli import main; main()"

    done = subprocess.run([sys.executable, "-c", code, "schema"], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == f"error: Snakemake (process {ended.pid}) has ended. Its commands end with it. Start it again.\n"


@pytest.mark.parametrize("value", ["", "x", "-1"])
def test_what_is_no_number_of_a_process_is_ignored(value, monkeypatch):
    monkeypatch.setenv(VARIABLE, value)

    end_with_parent()
