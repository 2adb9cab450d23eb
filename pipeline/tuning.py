"""What the section `tune` of an analysis says: which settings of a model are searched, and how long.

Apart from `pipeline.config`, which reads it, so that the ways to draw a value are in one place.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.config import Analysis, Model

# What of `training` may be searched: the rest decides which events count how much in the loss that trials are compared by.
LEARNING = ("optimizer", "learning_rate", "schedule", "batch_size", "early_stopping")

Positive = Annotated[float, Field(gt=0)]


class Domain(BaseModel):
    """The values that one setting may have: exactly one of these keys; both ends of a range are part of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    choices: tuple[Any, ...] | None = Field(None, min_length=2, description="any values, such as lists of widths")
    uniform: tuple[float, float] | None = Field(None, description="low and high: numbers between them")
    log: tuple[Positive, Positive] | None = Field(None, description="low and high: numbers, equally likely in each decade")
    integers: tuple[int, int] | None = Field(None, description="low and high: whole numbers")
    log_integers: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]] | None = Field(
        None, description="low and high: whole numbers, equally likely in each decade"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Domain:
        given = sorted(self.model_fields_set)
        if len(given) != 1 or getattr(self, given[0]) is None:
            raise ValueError(f"has {given or 'nothing'}; give exactly one of {', '.join(Domain.model_fields)}")
        if self.choices is not None:
            texts = [json.dumps(choice, sort_keys=True) for choice in self.choices]
            if len(set(texts)) != len(texts):
                raise ValueError("lists a choice twice; give each once")
        elif not self.ends[0] < self.ends[1]:
            raise ValueError(f"low {self.ends[0]} must be below high {self.ends[1]}")
        return self

    @property
    def ends(self) -> tuple[Any, ...]:
        """All choices, or low and high: if these are allowed, so is what lies between."""
        return self.choices or self.uniform or self.log or self.integers or self.log_integers or ()


class Tune(BaseModel):
    """A search for good settings of one model, with Hyperband (arXiv:1603.06560): most trials end after few epochs."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    search: dict[str, Domain] = Field(
        min_length=1, description="by setting, options.<name> or training.<name>: the values that it may have"
    )
    trials: int = Field(30, gt=0, description="how many are begun; with a larger number the same search goes on")
    reduction: int = Field(3, ge=2, description="of so many trials one goes on, for so many times as long: Hyperband's η")
    min_epochs: int = Field(1, gt=0, description="of a trial; the largest number is training.epochs")
    sampler: Literal["tpe", "random"] = Field(
        "tpe", description="what proposes settings: tree-structured Parzen estimators, which learn from past trials, or dice"
    )

    def check(self, analysis: Analysis, model: str) -> None:
        """See that what is searched fits *model* of *analysis*.

        Raises:
            ValueError: a setting of the training is none that may be searched, or cannot have one of its values.
        """
        place = f"tune.{model}"
        if model not in analysis.models:
            raise ValueError(f"{place}: {model!r} is no model. {nearest(model, analysis.models)}")
        epochs = analysis.training_of(model).epochs
        if self.min_epochs > epochs:
            raise ValueError(f"{place}.min_epochs: {self.min_epochs} is more than the {epochs} of training.epochs; lower it")
        for setting, domain in self.search.items():
            section, _, name = setting.partition(".")
            if section not in ("options", "training") or not name:
                raise ValueError(f"{place}.search: {setting!r} is no setting; write options.<name> or training.<name>")
            if section == "training" and name not in LEARNING:
                raise ValueError(
                    f"{place}.search: {setting} may not be searched, or trials would not be compared by the same loss."
                    f" {nearest(name, LEARNING)}"
                )
            for value in domain.ends:
                _try(analysis, model, setting, value)

    def options(self) -> Iterator[str]:
        """The options of `build` that are searched."""
        return (setting.removeprefix("options.") for setting in self.search if setting.startswith("options."))


def with_values(analysis: Analysis, model: str, values: Mapping[str, Any]) -> Analysis:
    """*analysis* whose *model* has these *values*, by setting, and whose other models are as they were."""
    return analysis.model_copy(update={"models": {**analysis.models, model: model_with(analysis.models[model], values)}})


def model_with(entry: Model, values: Mapping[str, Any]) -> Model:
    """The *entry* of a model with these *values*, by setting; those that are not named stay.

    >>> from pipeline.config import Model
    >>> model_with(Model(architecture="dnn", inputs="all"), {"options.dropout": 0.1}).options
    {'dropout': 0.1}
    """
    sections: dict[str, dict[str, Any]] = {"options": dict(entry.options), "training": dict(entry.training)}
    for setting, value in values.items():
        section, _, name = setting.partition(".")
        sections[section][name] = value
    return entry.model_copy(update=sections)


def _try(analysis: Analysis, model: str, setting: str, value: Any) -> None:
    try:
        with_values(analysis, model, {setting: value}).training_of(model)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"tune.{model}.search.{setting}: {value!r} is not allowed: {first['msg']}") from error
