"""What is said of a configuration that is wrong: key, value and place, with the nearest key that there is."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pipeline.config import (
    Axis,
    Binned,
    Constant,
    Cosine,
    Dataset,
    EarlyStopping,
    Exponential,
    Fetch,
    Flatten,
    HTCondor,
    Local,
    Model,
    Process,
    Reading,
    Scheduler,
    Simulate,
    Step,
    Sync,
    Training,
)
from pipeline.errors import nearest
from pipeline.inputs import KINDS
from pipeline.sizes import LearningCurve
from pipeline.tuning import Domain, Tune

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


def sentences(error: ValidationError, record: type[BaseModel], *, at: tuple[str, ...] = ()) -> str:
    """What is wrong with the *record* that is at the place *at* of the configuration."""
    return "; ".join(_sentence(item, record, at) for item in error.errors())


def _sentence(item: Any, record: type[BaseModel], at: tuple[str, ...]) -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        message = f"is no key of this section. {_nearest_key(item['loc'], record)}Correct or remove it."
    elif item["type"] == "too_short" and item["ctx"]["actual_length"] == 0:
        message = "is empty. Expected at least one entry. Add one, or remove the key."
    elif item["type"] == "union_tag_invalid" and item["loc"][0] == "inputs":
        message = f"is of kind {item['ctx']['tag']!r}. {nearest(item['ctx']['tag'], KINDS)} Correct `kind`."
    elif item["type"] == "union_tag_not_found":
        message = f"needs a {item['ctx']['discriminator'].strip(chr(39))}"
    place = _place((*at, *item["loc"]))
    return message if message.startswith(place) else f"{place}: {message}"


def _place(loc: tuple[int | str, ...]) -> str:
    """The keys that lead to a value, without those by which pydantic names the members of a union."""
    kept = [part for before, part in pairwise(("", *loc)) if before not in ("schedule", "scale")]
    return ".".join(str(part) for part in (kept[:3] + kept[4:] if kept[:1] == ["inputs"] else kept))


# Which record a key holds, where it does so everywhere; `padded` and those after it are members of a union.
SECTIONS: dict[str, type[BaseModel]] = {
    "simulate": Simulate,
    "fetch": Fetch,
    "training": Training,
    "reading": Reading,
    "early_stopping": EarlyStopping,
    "flatten": Flatten,
    **KINDS,
    "learning_curve": LearningCurve,
    "constant": Constant,
    "step": Step,
    "exponential": Exponential,
    "cosine": Cosine,
    "sync": Sync,
    "local": Local,
    "dask": Scheduler,
    "htcondor": HTCondor,
}
NAMED_SECTIONS: dict[str, type[BaseModel]] = {
    "processes": Process,
    "datasets": Dataset,
    "histograms": Axis,
    "models": Model,
    "tune": Tune,
}
# What the keys of a section hold, where they are names of variables and settings.
VALUES: dict[str, type[BaseModel]] = {"variables": Binned, "search": Domain}


def _nearest_key(loc: tuple[int | str, ...], record: type[BaseModel]) -> str:
    """The sentence on the keys that are known where *loc* ends, in *record* or in a section of it."""
    if len(loc) == 3 and loc[0] in NAMED_SECTIONS:
        record = NAMED_SECTIONS[str(loc[0])]
    elif len(loc) > 2 and loc[-3] in VALUES:
        record = VALUES[str(loc[-3])]
    elif len(loc) > 1:
        if str(loc[-2]) not in SECTIONS:
            return ""
        record = SECTIONS[str(loc[-2])]
    return f"{nearest(str(loc[-1]), record.model_fields)} "
