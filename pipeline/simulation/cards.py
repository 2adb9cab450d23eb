"""Process cards: what Pythia 8 is to generate, read from `pipeline/simulation/cards/<card>.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import InputError, nearest
from pipeline.plugins import CARDS, find_card

if TYPE_CHECKING:
    from pathlib import Path


class Record(BaseModel):
    """A part of a card: frozen, and closed so that a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Parameter(Record):
    """A number that the card leaves open; it takes the place of `{name}` in the settings."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    default: int
    minimum: int
    maximum: int


class Card(Record):
    """One process.

    The events of the `variants` alternate, so that each has an equal share: a card that fixes the charge of a W must have
    its mirror image as a second variant, or a network learns the charge.
    """

    name: str
    description: str
    source: str
    settings: tuple[str, ...] = Field(min_length=1)
    variants: tuple[tuple[str, ...], ...] = Field(((),), min_length=1)
    relabel: dict[int, int] = Field({}, description="PDG codes that stand in for others, in GenPart: {36: 25}")
    fat_jets: bool = Field(False, description="also write AK8 jets with substructure, which costs time")
    parameter: Parameter | None = None
    value: int | None = Field(None, description="of the parameter; the end of a name such as zprime_750")

    @model_validator(mode="after")
    def _value_in_range(self) -> Card:
        if self.value is None:
            return self
        if self.parameter is None:
            raise ValueError(f"has no parameter that could be {self.value}")
        if not self.parameter.minimum <= self.value <= self.parameter.maximum:
            low, high = self.parameter.minimum, self.parameter.maximum
            raise ValueError(f"{self.parameter.name} is {self.value}; expected {low} to {high}")
        return self

    def settings_of(self, variant: int) -> tuple[str, ...]:
        """The settings of one variant, with the parameter's value in its place."""
        lines = (*self.settings, *self.variants[variant])
        if self.parameter is None:
            return lines
        value = self.parameter.default if self.value is None else self.value
        return tuple(line.replace(f"{{{self.parameter.name}}}", str(value)) for line in lines)


def load_card(name: str, *, folder: Path = CARDS) -> Card:
    """The card *name*; where it has a parameter, `<card>_<number>` sets it: `zprime_750`.

    Raises:
        InputError: there is no such card, or its content or the parameter is wrong.

    >>> load_card("zprime_750").settings_of(0)[3]
    '32:m0 = 750'
    """
    path = find_card(name, folder=folder)
    value = name.removeprefix(path.stem).removeprefix("_") or None
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Card.model_validate({"name": name, **content, "value": value})
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        raise InputError(f"Process card {name!r} is wrong: {_reason(error)}. Correct the name, or {path}.") from error


def card_names(folder: Path = CARDS) -> tuple[str, ...]:
    """The cards that there are, in alphabetical order."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    parts = []
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        message = str(item["msg"]).removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = f"is no key of a card. {nearest(str(item['loc'][-1]), Card.model_fields)}"
        parts.append(f"{place}: {message}" if place else message)
    return "; ".join(parts)
