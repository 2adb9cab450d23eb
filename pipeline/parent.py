"""A command that Snakemake started ends with it: an orphan would go on writing to what the next run makes anew."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from pipeline.errors import PipelineError
from pipeline.processes import is_alive

# Set by the Snakefile to the process that starts the commands; not set when a stage is run by hand, also under nohup.
VARIABLE = "NANOLOOM_PARENT"
# linux/prctl.h
PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Let the kernel end this process when the Snakemake that started it ends, even by `kill -9`.

    The rules start commands by `exec`, so that no shell stands in between. Where one does all the same, as in a container,
    and on other systems than Linux, this does nothing.

    Raises:
        PipelineError: it has ended already.
    """
    parent = os.environ.get(VARIABLE, "")
    if not parent.isdecimal() or sys.platform != "linux":
        return
    if os.getppid() == int(parent):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have ended before the kernel was told, and nobody would be left to look at an error.
    if os.getppid() != int(parent) and not is_alive(int(parent)):
        raise PipelineError(f"Snakemake (process {parent}) has ended. Its commands end with it. Start it again.")
