"""Learning curves: models that are trained on parts of the training events as well, as further models of an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from pipeline.config import Analysis

Percent = Annotated[int, Field(ge=1, le=99)]


class LearningCurve(BaseModel):
    """Train *models* on so many per cent of their training events as well: models `<model>_<percent>pct`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    models: tuple[str, ...] = Field(min_length=1, description="by name")
    percent: tuple[Percent, ...] = Field(min_length=1, description="of what a model learns from otherwise")


def size_name(model: str, percent: int) -> str:
    """What *model* is called when it learns from *percent* of the events.

    >>> size_name("pfn", 10)
    'pfn_10pct'
    """
    return f"{model}_{percent}pct"


def with_sizes(content: Any) -> Any:
    """The *content* of an analysis with the models of its `learning_curve`; what is wrong in it is left for the checks.

    A model of such a name that stands in `models` stays as it is: for example with more epochs.
    """
    curve = content.get("learning_curve") if isinstance(content, dict) else None
    curve = curve.model_dump() if isinstance(curve, LearningCurve) else curve
    models = content.get("models") if curve else None
    if not (isinstance(curve, dict) and isinstance(models, dict)):
        return content
    added = {}
    for model in _listed(curve.get("models")):
        for percent in _listed(curve.get("percent")):
            if model in models and isinstance(percent, int):
                added[size_name(model, percent)] = _smaller(model, models[model], percent)
    return {**content, "models": {**models, **{name: entry for name, entry in added.items() if name not in models}}}


def models_of_curve(analysis: Analysis) -> dict[str, dict[int, str]]:
    """By model of the learning curve, its models by per cent of the events, from few to all; empty without one."""
    curve = analysis.learning_curve
    if curve is None:
        return {}
    sizes = sorted(set(curve.percent))
    return {model: {**{percent: size_name(model, percent) for percent in sizes}, 100: model} for model in curve.models}


def smaller_models(analysis: Analysis) -> set[str]:
    """Models that are there for the learning curve alone."""
    found = {name for sizes in models_of_curve(analysis).values() for name in sizes.values()}
    return found - set(models_of_curve(analysis))


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else []


def _smaller(model: str, entry: Any, percent: int) -> Any:
    given = entry.model_dump() if isinstance(entry, BaseModel) else entry
    if not isinstance(given, dict):
        return entry
    training = given.get("training") or {}
    label = f"{given.get('label') or model}, {percent} %"
    return {**given, "label": label, "training": {**training, "fraction": percent / 100}}
