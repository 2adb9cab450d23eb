"""Pythia 8 and FastJet, which only who simulates installs."""

from __future__ import annotations

import importlib
from typing import Any

from pipeline.errors import InputError


def load_pythia() -> Any:
    """The module `pythia8mc`.

    Raises:
        InputError: it is not installed.
    """
    return _load("pythia8mc")


def load_fastjet() -> Any:
    """The module `fastjet`, with its banner off.

    Raises:
        InputError: it is not installed.
    """
    fastjet = _load("fastjet")
    fastjet._swig.ClusterSequence.set_fastjet_banner_stream(None)
    return fastjet


def _load(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(
            f"The simulation needs {module}, which is not installed here. Expected Pythia 8 and FastJet."
            " Type: pip install nanoloom[simulation]"
        ) from error
