"""What a check may ask of the machine: the one place where tests put another answer."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Analysis

TIMED_OUT = 124
NOT_THERE = 127


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said.

    Args:
        code: its exit code; 124 if it did not end in time, 127 if there is none of this name.
        text: standard output and error.
    """

    code: int
    text: str


@dataclass(frozen=True)
class Machine:
    """This machine, or in a test an imagined one.

    Args:
        folder: of the workflow.
        results: where the products are.
        analyses: which are to run.
        root: where `/proc` and `/sys` are.
        environment: variables.
        user: number of the user.
    """

    folder: Path = field(default_factory=Path.cwd)
    results: Path = Path("results")
    analyses: tuple[Analysis, ...] = ()
    root: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    user: int = field(default_factory=os.getuid)

    def has(self, command: str) -> bool:
        """Whether there is a *command* of this name."""
        return shutil.which(command, path=self.environment.get("PATH")) is not None

    def run(self, *command: str, seconds: float = 5) -> Answer:
        """What *command* says, if it ends within some *seconds*; it and all that it started is killed otherwise."""
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                cwd=self.folder,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            return Answer(NOT_THERE, str(error))
        try:
            text, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return Answer(TIMED_OUT, process.communicate()[0])
        return Answer(process.returncode, text)

    def read(self, path: str) -> str:
        """The text of a file of the system, such as /proc/mounts; "" if there is none."""
        try:
            return (self.root / path.lstrip("/")).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def existing(self, path: Path) -> Path:
        """*path* in the folder of the workflow, or the nearest folder above that is there already."""
        path = (self.folder / path).resolve()
        return next(parent for parent in (path, *path.parents) if parent.exists())
