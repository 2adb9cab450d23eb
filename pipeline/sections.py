"""What every part of the configuration is made of: closed records, and the numbers and names in them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Observable = Annotated[str, Field(pattern=r"^[A-Za-z]\w*(\.[A-Za-z]\w*)?$")]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A part of the configuration: frozen, and closed so that a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)
