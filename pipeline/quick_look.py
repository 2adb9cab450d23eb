"""What an analysis may be told to leave out for a quick look: further trainings of the same models, and epochs."""

from __future__ import annotations

import os
from typing import Any

from pipeline.errors import InputError

# In the environment, which all jobs of a run have: with `no` they read every analysis without its studies; with a number
# they train no longer than so many epochs, or rounds of boosted trees.
STUDIES, EPOCHS = "NANOLOOM_STUDIES", "NANOLOOM_EPOCHS"


def quick_look(content: dict[str, Any], *, usual_epochs: int) -> dict[str, Any]:
    """The *content* of an analysis, without what the environment says is to be left out.

    What is wrong in it is left for the checks.

    Args:
        content: as in the YAML.
        usual_epochs: where it says nothing of epochs.

    Raises:
        InputError: the environment asks for no number of epochs.
    """
    if os.environ.get(STUDIES) == "no":
        content = _without_studies(content)
    if most := os.environ.get(EPOCHS):
        if not most.isdecimal() or int(most) < 1:
            raise InputError(f"{EPOCHS} is {most!r}. Expected a number of epochs from 1. Correct or unset it.")
        content = _with_epochs(content, int(most), usual_epochs)
    return content


def _without_studies(content: dict[str, Any]) -> dict[str, Any]:
    """Without `learning_curve` and models that are `again` others."""
    content = {key: value for key, value in content.items() if key != "learning_curve"}
    models = content.get("models")
    if isinstance(models, dict):
        content["models"] = {
            name: model for name, model in models.items() if not (isinstance(model, dict) and model.get("again"))
        }
    return content


def _with_epochs(content: dict[str, Any], most: int, usual: int) -> dict[str, Any]:
    """With at most so many `epochs` in the common training, in that of each model, and for the first trials of a search."""
    common, models, tune = content.get("training", {}), content.get("models"), content.get("tune")
    content = dict(content)
    if isinstance(common, dict):
        content["training"] = _at_most({"epochs": usual, **common}, most)
    if isinstance(tune, dict):
        content["tune"] = {
            name: _at_most(search, most, "min_epochs") if isinstance(search, dict) else search
            for name, search in tune.items()
        }
    if isinstance(models, dict):
        content["models"] = {
            name: {**model, "training": _at_most(model["training"], most)}
            if isinstance(model, dict) and isinstance(model.get("training"), dict)
            else model
            for name, model in models.items()
        }
    return content


def _at_most(section: dict[str, Any], most: int, key: str = "epochs") -> dict[str, Any]:
    epochs = section.get(key)
    return {**section, key: min(epochs, most)} if isinstance(epochs, int) else section
