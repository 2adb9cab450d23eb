"""Workers that were started elsewhere find files and plug-ins by the same relative paths, and run the same code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin

from pipeline.digest import ROOT, code_digest
from pipeline.errors import InputError

CODE = ("pipeline", "models")
# Of this process, as a worker: the code that it has loaded, for whatever is edited later does not run here.
_loaded: list[str] = []


class SamePlace(WorkerPlugin):  # type: ignore[misc]
    """Lets a worker find files by the same relative paths, and the same plug-ins; refuses one that runs other code."""

    name = "nanoloom-place"

    def __init__(self) -> None:
        self.folder, self.paths = Path.cwd(), [path for path in sys.path if path]
        self.code = code_digest(*(name for name in CODE if (ROOT / name).is_dir()))

    def setup(self, worker: Any) -> None:
        """Called by dask, on each worker.

        Raises:
            InputError: it has loaded other code for a stage before, or works for a run in another folder.
        """
        if _loaded and _loaded[0] != self.code:
            raise InputError(
                f"The worker {worker.address} has loaded other code than that of {self.folder}, for a stage before. Expected"
                " the same, for its results to be of this code. Start the workers again."
            )
        if worker.state.executing and Path.cwd() != self.folder:
            raise InputError(
                f"The worker {worker.address} works for a run in {Path.cwd()}, and would lose its way by one in"
                f" {self.folder}. Expected one folder at a time. Wait until that run has ended, or start other workers."
            )
        _loaded[:] = [self.code]
        os.chdir(self.folder)
        sys.path[:0] = [path for path in self.paths if path not in sys.path]
