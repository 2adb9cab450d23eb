"""The largest memory that a command of the pipeline held."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# A process begins with the ru_maxrss of the one that started it; its VmHWM is its own.
STATUS = Path("/proc/self/status")
STAGE = f"""
import re, runpy
try:
    runpy.run_module("pipeline", run_name="__main__", alter_sys=True)
finally:
    print("peak", re.search(r"VmHWM:\\s+(\\d+) kB", open("{STATUS}").read()).group(1))
"""
TIMEOUT_S = 1800


def peak_mb(folder: str | Path, *arguments: str | Path) -> float:
    """The peak memory in MB of `python -m pipeline` with *arguments*, run in *folder*, by the kernel's account.

    Raises:
        RuntimeError: the command failed; with what it printed.
    """
    # No path of the checkout: a copy of the project must find its own code.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-c", STAGE, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return int(done.stdout.split()[-1]) / 1024
