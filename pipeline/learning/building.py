"""How a model is built from its architecture, and what is said when its options or inputs do not fit."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import plugins
from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Analysis
    from pipeline.stream.spec import InputSpec

LONGEST_REASON = 300


def build_model(analysis: Analysis, model: str, inputs: Mapping[str, InputSpec]) -> Any:
    """What `build` of the architecture of *model* returns: a model that is not trained.

    Args:
        analysis: whole.
        model: one of its models.
        inputs: the tensors of its input set, with their scales.

    Raises:
        InputError: the architecture does not take these options or inputs; says why, and in which line.
    """
    entry = analysis.models[model]
    module = plugins.load("models", entry.architecture)
    try:
        return module.build(inputs, analysis.task.outputs, **entry.options)
    # What Keras, xgboost and Python say of a wrong argument; another error is one in the architecture.
    except (ValueError, TypeError) as error:
        raise InputError(
            f"Model {model!r} cannot be built: {_reason(error)} ({_line(error, Path(str(module.__file__)))})."
            f" Expected options and inputs that models/{entry.architecture}.py takes."
            f" Correct models.{model}.options or inputs in config/{analysis.name}.yaml, or the architecture."
        ) from error


def _reason(error: Exception) -> str:
    """The first line of the message, which may be long and end with all arguments."""
    line = str(error).strip().partition("\n")[0].rstrip(".")
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


def _line(error: Exception, path: Path) -> str:
    """The last line of the file at *path* that ran."""
    numbers = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    place = f"models/{path.name}"
    return f"{place}, line {numbers[-1]}" if numbers else place
