"""Which backend does Keras run on, and is it there?"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

BACKENDS = ("tensorflow", "jax", "torch")
DEFAULT = "tensorflow"


def check(machine: Machine) -> Iterator[Finding]:
    """KERAS_BACKEND, or else ~/.keras/keras.json, or else TensorFlow."""
    backend, told_by = _backend(machine)
    found = f"{backend} ({told_by})"
    if backend not in BACKENDS:
        yield fault("Keras backend", f"{found} is none", f"export KERAS_BACKEND={DEFAULT}; known: {', '.join(BACKENDS)}")
    elif find_spec(backend) is None:
        yield fault(
            "Keras backend", f"{found} is not installed", f"pip install {backend}, or export KERAS_BACKEND={DEFAULT}"
        )
    else:
        yield ok("Keras backend", found)


def _backend(machine: Machine) -> tuple[str, str]:
    if machine.environment.get("KERAS_BACKEND"):
        return machine.environment["KERAS_BACKEND"], "KERAS_BACKEND"
    file = Path(machine.environment.get("KERAS_HOME") or f"{machine.environment.get('HOME', '')}/.keras") / "keras.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))["backend"], str(file)
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT, "the default"
