"""Workers that were started elsewhere find files and plug-ins by the same relative paths."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin


class SamePlace(WorkerPlugin):  # type: ignore[misc]
    """Lets a worker find files by the same relative paths, and the same plug-ins."""

    name = "nanoloom-place"

    def __init__(self) -> None:
        self.folder, self.paths = Path.cwd(), [path for path in sys.path if path]

    def setup(self, worker: Any) -> None:
        """Called by dask, on each worker."""
        os.chdir(self.folder)
        sys.path[:0] = [path for path in self.paths if path not in sys.path]
