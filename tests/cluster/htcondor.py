"""A real HTCondor pool of one machine, for tests: `htcondor_pool.sh` as a context."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

SCRIPT = Path(__file__).parent / "htcondor_pool.sh"
PROGRAMS = Path(os.environ.get("HTCONDOR", SCRIPT.parents[2] / ".scratch/htcondor"))
# A Python with Snakemake's plugins for batch systems on top of the packages of the one that installed it.
PYTHON = PROGRAMS / "python/bin/python"


def why_not() -> str | None:
    """The reason why no pool can run here; None if one can."""
    if not ((PROGRAMS / "usr/bin/condor_version").exists() and PYTHON.exists()):
        return "HTCondor is not installed: tests/cluster/htcondor_pool.sh install brings it, as root on Debian"
    tried = subprocess.run(
        [SCRIPT, "run", "true"], env={**os.environ, "HTCONDOR": str(PROGRAMS)}, capture_output=True, check=False
    )
    return f"HTCondor cannot run here: {tried.stderr.decode().strip()}" if tried.returncode else None


def end(process: subprocess.Popen[str]) -> None:
    """As `kill -9` does, a command that `Pool.start` has started and all that it runs."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


class Pool:
    """A context of a running pool; it ends by itself after an hour.

    Args:
        folder: for its configuration, logs and queue.
    """

    def __init__(self, folder: Path) -> None:
        # No path of the checkout, nor its settings of Snakemake: a copy of the project must find its own code.
        inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "NANOLOOM_PARENT")}
        self._environment = {**inherited, "HTCONDOR": str(PROGRAMS), "POOL": str(folder), "POOL_SECONDS": "3600"}

    def __enter__(self) -> "Pool":
        self._script("start")
        return self

    def __exit__(self, *_: object) -> None:
        self._script("stop")

    def start(self, *command: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start a command that talks to the pool; `python` is the one with the plugins. To be ended by `end`."""
        return subprocess.Popen(
            [SCRIPT, "run", *command],
            cwd=cwd,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """What a command says that talks to the pool."""
        process = self.start(*command, cwd=cwd)
        try:
            output, _ = process.communicate(timeout=300)
        finally:
            end(process)
        assert process.returncode == 0, output
        return output

    def jobs(self, folder: Path) -> list[dict]:
        """What HTCondor was told of every job that was submitted in *folder* and has ended, the oldest first."""
        constraint = f'Iwd == "{folder}"'
        ended = self.run("condor_history", "-json", "-constraint", constraint)
        return sorted(json.loads(ended or "[]"), key=lambda job: job["ClusterId"])

    def _script(self, action: str) -> None:
        # Not into a pipe, which the daemons would hold open.
        done = subprocess.run([SCRIPT, action], env=self._environment, timeout=120, check=False)
        assert done.returncode == 0, f"{SCRIPT} {action} failed"
