"""How a model is built from its architecture, and what is said when its options or inputs do not fit."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import plugins
from pipeline.errors import Unbuildable
from pipeline.stream.spec import InputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Analysis
    from pipeline.stream.spec import OutputSpec

LONGEST_REASON = 300
# What `build` of a method without a network returns (`pipeline.physics.baseline`).
BASELINE = "baseline"
# The layer that turns the answers of a network into those in units.
IN_UNITS = "in_units"


def outputs_of(analysis: Analysis, model: str, root: str | Path = ".") -> OutputSpec:
    """What *model* gives out, without scales: a network what the task asks of it, another method the answers themselves."""
    entry = analysis.models[model]
    task = analysis.task
    if plugins.framework_of(plugins.find("models", entry.architecture, root=root)) == BASELINE:
        answers: OutputSpec = task.answers
        return answers
    outputs: OutputSpec = task.outputs_for(analysis.inputs[entry.inputs], entry.heads)
    return outputs


def build_model(analysis: Analysis, model: str, inputs: Mapping[str, InputSpec], outputs: OutputSpec | None = None) -> Any:
    """What `build` of the architecture of *model* returns: a model that is not trained, and that answers in units.

    Args:
        analysis: whole.
        model: one of its models.
        inputs: the tensors of its input set, with their scales.
        outputs: what it is to give out, with scales where the task has some (`Summary.scaled`); None where it has none.

    Raises:
        Unbuildable: the architecture does not take these options or inputs; says why, and in which line.
    """
    entry = analysis.models[model]
    module = plugins.load("models", entry.architecture)
    outputs = outputs or outputs_of(analysis, model)
    if plugins.framework_of(Path(str(module.__file__))) == BASELINE:
        inputs = {name: InputSpec.without_scales(name, one.features, one.max_objects) for name, one in inputs.items()}
    try:
        return in_units(module.build(inputs, outputs, **entry.options), outputs)
    # What Keras, xgboost and Python say of a wrong argument; another error is one in the architecture.
    except (ValueError, TypeError) as error:
        raise Unbuildable(
            f"Model {model!r} cannot be built: {_reason(error)} ({_line(error, Path(str(module.__file__)))})."
            f" Expected options and inputs that models/{entry.architecture}.py takes."
            f" Correct models.{model}.options or inputs in config/{analysis.name}.yaml, or the architecture."
        ) from error


def in_units(built: Any, outputs: OutputSpec) -> Any:
    """A network that answers in the units of the targets, where *outputs* are scaled; else *built* as it is.

    The scales are a layer of the network, so that nobody who uses it can forget them.
    """
    if outputs.spread is None or outputs.mean is None:
        return built
    import keras

    layer = keras.layers.Rescaling(outputs.spread, outputs.mean, name=IN_UNITS)
    return keras.Model(built.input, layer(built.output), name=built.name)


def units_of(model: Any) -> Any:
    """What a network's own answers are multiplied with: the spread of each output, shape (size,), or 1."""
    return next((layer.scale for layer in model.layers if layer.name == IN_UNITS), 1.0)


def _reason(error: Exception) -> str:
    """The first line of the message, which may be long and end with all arguments."""
    line = str(error).strip().partition("\n")[0].rstrip(".")
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


def _line(error: Exception, path: Path) -> str:
    """The last line of the file at *path* that ran."""
    numbers = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    place = f"models/{path.name}"
    return f"{place}, line {numbers[-1]}" if numbers else place
