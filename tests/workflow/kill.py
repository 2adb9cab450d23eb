"""Kill a run at a moment that a seed draws, start it again, and look at what was left: what `test_kill.py` does.

A kind of run (`killed_runs.py`) says how it is started, what of it may be killed, and how it is started again.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.products import products

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_TO_VANISH = 20
# If a run is over before its moment, the seed draws another one.
MOST_DRAWS = 10


class Run:
    """A stage of the analysis `toy`, in a folder of its own; killed is the process of the stage itself.

    Args:
        folder: with everything that was made before it.
        stage: the command and its options.
    """

    n_kills = 1

    def __init__(self, folder: Path, *stage: str) -> None:
        self.folder, self.stage = folder, stage

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        """End what it needs beside itself."""

    def start(self) -> subprocess.Popen[str]:
        """Start it."""
        return python(self.folder, "-m", "pipeline", *self.stage, "--config", "config/toy.yaml")

    def start_again(self) -> subprocess.Popen[str]:
        """Start it after it was killed, as its user would."""
        return self.start()

    def victims(self, family: list[psutil.Process]) -> list[psutil.Process]:
        """Which processes may be killed now; none if it is too early. The first of *family* is the one that was started."""
        return family[:1]

    def check_failure(self, said: str) -> None:
        """See what a run says that was not killed itself, but lost what it needs: by default it loses nothing."""
        raise AssertionError(said)

    def check_end(self, said: str) -> None:
        """See what was said until it was done."""


def python(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start Python there, in this environment."""
    places = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen([sys.executable, *arguments], cwd=folder, env={**os.environ, **places}, text=True, **pipes)


def finish(process: subprocess.Popen[str]) -> str:
    """What it said, if it went well."""
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def undisturbed(run: Run) -> tuple[dict, float]:
    """The products of a run that is left alone, and the seconds from when it can be killed to its end."""
    with run:
        process = run.start()
        wait_for_victims(run, process)
        start = time.monotonic()
        finish(process)
        return products(run.folder / "results"), time.monotonic() - start


def disturbed(make_run: Callable[[], Run], seed: int, span_s: float) -> dict:
    """The products of a run that is killed at moments of *seed*, and started again until it is done.

    Args:
        make_run: makes a new one.
        seed: decides the moments, and who is killed if there are several.
        span_s: from when it can be killed to its end.
    """
    draw = random.Random(seed)
    for _ in range(MOST_DRAWS):
        with make_run() as run:
            said, killed = "", []
            for kill in range(run.n_kills):
                family, words = kill_one(run, run.start_again() if kill else run.start(), draw, span_s / run.n_kills)
                said, killed = said + words, killed + family
            if killed:
                said += finish(run.start_again())
                run.check_end(said)
                check_nothing_left(run.folder, killed)
                return products(run.folder / "results")
    raise AssertionError(f"{MOST_DRAWS} times the run was over before it could be killed: {said}")


def kill_one(run: Run, process: subprocess.Popen[str], draw: random.Random, span_s: float) -> tuple[list, str]:
    """Kill one of its processes; the whole family as it was then (empty if it was over before), and what was said."""
    family = wait_for_victims(run, process)
    moment = draw.uniform(0, span_s)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=moment)
    family = family_of(process) or family
    victims = run.victims(family) if process.poll() is None else []
    for victim in draw.sample(victims, k=min(1, len(victims))):
        with suppress(psutil.NoSuchProcess):
            victim.kill()
    said, _ = process.communicate(timeout=120)
    if not victims:
        assert process.returncode == 0, said
        return [], said
    if process.returncode > 0:
        assert "Traceback" not in said, said
        run.check_failure(said)
    return family, said


def wait_for_victims(run: Run, process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The family of *process* as soon as one of it may be killed, or it is over."""
    family: list[psutil.Process] = []
    while process.poll() is None and not run.victims(family := family_of(process)):
        time.sleep(0.01)
    return family


def family_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """A process and all that it has started; empty if it is over."""
    try:
        first = psutil.Process(process.pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def check_nothing_left(folder: Path, family: list[psutil.Process]) -> None:
    """No process of a run that was killed, no half of a product, and in the scratch folder nothing but the cache."""
    deadline = time.monotonic() + SECONDS_TO_VANISH
    while left := [process for process in family if is_there(process)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    assert not [path for path in folder.rglob("*") if ".part" in path.name]
    assert not [path for path in (folder / ".scratch").rglob("*") if is_litter(path.relative_to(folder / ".scratch"))]


def is_there(process: psutil.Process) -> bool:
    """Whether it runs: one that waits for its parent to take note of its end does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_litter(path: Path) -> bool:
    """Whether it should be gone; folders for temporary files stay, and in dask's its locks."""
    return path.parts[0] != "chunks" and len(path.parts) > 1 and not path.name.endswith(("dask-scratch-space", ".lock"))


def copy_of(folder: Path, target: Path) -> Path:
    """A folder to begin with."""
    shutil.copytree(folder, target, symlinks=True)
    return target
