"""What an analysis may be told to leave out for a quick look: further trainings of the same models."""

from __future__ import annotations

import os
from typing import Any

# In the environment, which all jobs of a run have: with `no` they read every analysis without its studies.
VARIABLE = "NANOLOOM_STUDIES"


def without_studies(content: dict[str, Any]) -> dict[str, Any]:
    """The *content* of an analysis, without `learning_curve` and models that are `again` others if the environment says so.

    What is wrong in it is left for the checks.
    """
    if os.environ.get(VARIABLE) != "no":
        return content
    content = {key: value for key, value in content.items() if key != "learning_curve"}
    models = content.get("models")
    if isinstance(models, dict):
        content["models"] = {
            name: model for name, model in models.items() if not (isinstance(model, dict) and model.get("again"))
        }
    return content
