"""Which process wrote this, and is it still there? Several machines may share a file system."""

from __future__ import annotations

import os
import re
import socket
from functools import cache
from pathlib import Path


@cache
def place() -> str:
    """Where numbers of processes mean something: the machine and, in a container, its own count of them."""
    try:
        numbers = re.sub(r"\D", "", str(Path("/proc/self/ns/pid").readlink()))
    except OSError:  # no Linux
        numbers = "0"
    return f"{re.sub(r'[^A-Za-z0-9-]', '-', socket.gethostname())}-{numbers}"


def is_alive(process: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def birth(process: int) -> str:
    """When the process of this number on this machine began, in clock ticks since boot; "" where that cannot be seen.

    Numbers of processes are used again: number and birth together are not.

    Source: proc_pid_stat(5), field 22; the name in field 2 may hold blanks and brackets.
    """
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19]
