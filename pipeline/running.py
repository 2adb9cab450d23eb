"""Who runs Snakemake in this folder? Its own lock does not say, and goes when any of two runs ends."""

from __future__ import annotations

import atexit
import fcntl
import getpass
import json
import os
import re
import shlex
import socket
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import PipelineError
from pipeline.processes import birth, is_alive, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

State = Literal["running", "ended", "elsewhere"]
# One file for each analysis that is being run.
CLAIMS = Path(".snakemake/running")
LOCKS = Path(".snakemake/locks")
# With these Snakemake writes no products; --mode stands in the commands that it sends to batch systems.
LOOKING = frozenset(
    (
        "--archive",
        "--cleanup-metadata",
        "--cm",
        "--cleanup-shadow",
        "--conda-cleanup-envs",
        "--conda-create-envs-only",
        "--containerize",
        "--d3dag",
        "--dag",
        "--detailed-summary",
        "-D",
        "--dry-run",
        "--dryrun",
        "--filegraph",
        "--generate-unit-tests",
        "--lint",
        "--list",
        "--list-rules",
        "-l",
        "--list-conda-envs",
        "--list-target-rules",
        "--list-targets",
        "--mode",
        "--print-compilation",
        "--report",
        "--rulegraph",
        "--summary",
        "-S",
    )
)
# -n, also among others, as in -np.
DRY_RUN = re.compile(r"-[A-Za-z]*n[A-Za-z]*")


@dataclass(frozen=True, slots=True)
class Run:
    """A Snakemake that makes products.

    Args:
        process: its number.
        born: see `pipeline.processes.birth`.
        place: where that number means something.
        host: the machine.
        user: who started it.
        since: when, in local time.
        command: how.
    """

    process: int
    born: str
    place: str
    host: str
    user: str
    since: str
    command: str

    @property
    def state(self) -> State:
        """Whether it is there; on another machine that cannot be seen."""
        if self.place != place():
            return "elsewhere"
        return "running" if is_alive(self.process) and birth(self.process) == self.born else "ended"

    def __str__(self) -> str:
        return f"process {self.process} of {self.user} on {self.host} since {self.since} ({self.command})"


def claim(analyses: Iterable[str], arguments: Sequence[str] | None = None, *, root: str | Path = ".") -> None:
    """Write down that this process makes the products of *analyses*, until it ends.

    A process that only looks, as in a dry run, claims nothing. One that is to unlock the folder forgets what has ended.
    If two start at the same moment, one waits until the other has claimed; on a disk without locks, Snakemake's own decides.

    Args:
        analyses: their names.
        arguments: of Snakemake; None takes those of this process.
        root: the folder of the workflow.

    Raises:
        PipelineError: another run holds one of them, or is alive and its folder is to be unlocked; names it.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if "--unlock" in given:
        _forget(Path(root))
    elif not LOOKING.intersection(given) and not any(map(DRY_RUN.fullmatch, given)):
        for analysis in sorted(analyses):
            _claim(analysis, Path(root), shlex.join(["snakemake", *given]))


def runs(root: str | Path = ".") -> dict[str, Run]:
    """Who runs, or ran until it was killed, which analysis in the folder *root*."""
    found = ((path.stem, _read(path)) for path in sorted((Path(root) / CLAIMS).glob("*.json")))
    return {analysis: run for analysis, run in found if run is not None}


def is_locked(root: str | Path = ".") -> bool:
    """Whether there is a lock of Snakemake in the folder *root*."""
    return any((Path(root) / LOCKS).glob("*.lock"))


def _claim(analysis: str, root: Path, command: str) -> None:
    path = root / CLAIMS / f"{analysis}.json"
    mine = _this_process(command)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(path.parent):
        holder = _read(path)
        if holder is not None:
            _refuse(analysis, holder, locked=is_locked(root))
        path.unlink(missing_ok=True)
        try:
            # "x": if two come to this line together on a disk without locks, one of them finds the file of the other.
            with path.open("x", encoding="utf-8") as file:
                json.dump(asdict(mine), file)
        except FileExistsError:
            told = f"Analysis {analysis!r} was claimed by another run at the same moment. Start again."
            raise PipelineError(told) from None
    atexit.register(_release, path.resolve(), mine)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait until no other process is here: between reading a claim and writing one, it could be written by another."""
    with (folder / ".lock").open("a", encoding="utf-8") as file:
        with suppress(OSError):  # there are file systems without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _refuse(analysis: str, holder: Run, *, locked: bool) -> None:
    """Raise an error unless *holder* is gone and has left no lock."""
    if holder.state == "running":
        raise PipelineError(
            f"Analysis {analysis!r} is being run in this folder by {holder}. A second run would write the same files."
            f" Wait for it or end it: `kill {holder.process}`. Another analysis may run beside it: --config analyses=…."
        )
    if holder.state == "elsewhere":
        raise PipelineError(
            f"Analysis {analysis!r} is being run in this folder by {holder}, which cannot be seen from this machine."
            " A second run would write the same files. Look for it there; if it is gone, type snakemake --unlock."
        )
    if locked:
        raise PipelineError(
            f"Analysis {analysis!r} was run in this folder by {holder}, which was killed and has left its lock."
            " Nothing of it runs on this machine. Type snakemake --unlock, then start again with --rerun-incomplete."
        )


def _forget(root: Path) -> None:
    held = runs(root)
    for analysis, run in held.items():
        if run.state == "running":
            raise PipelineError(
                f"Not unlocked: analysis {analysis!r} is being run in this folder by {run}. Expected a run that has ended."
                f" Wait for it, or end it with `kill {run.process}`."
            )
    for analysis in held:
        (root / CLAIMS / f"{analysis}.json").unlink(missing_ok=True)


def _this_process(command: str) -> Run:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return Run(os.getpid(), birth(os.getpid()), place(), socket.gethostname(), _user(), since, command)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may not know the name of its user
        return str(os.getuid())


def _read(path: Path) -> Run | None:
    """The run that claims *path*; None if there is none, or only the half of what a killed process wanted to write."""
    for text in _texts(path):
        try:
            return Run(**json.loads(text))
        except (ValueError, TypeError):
            continue
    return None


def _texts(path: Path, *, attempts: int = 3) -> Iterator[str]:
    """The content of *path*, again after a moment, in which whoever is writing it is done."""
    for attempt in range(attempts):
        time.sleep(0.05 * attempt)
        try:
            yield path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return


def _release(path: Path, mine: Run) -> None:
    # A process that forked from this one has another number.
    if os.getpid() == mine.process and _read(path) == mine:
        path.unlink(missing_ok=True)
