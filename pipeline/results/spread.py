"""How much a result moves when the same model is trained again, with other random numbers."""

from __future__ import annotations

from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.config import Analysis

# Differences have errors of their own; what flattening does is the same for all trainings.
LEFT_OUT = frozenset({"paired", "overtraining", "flattening"})


def with_spread(analysis: Analysis, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The *metrics*, and for each model that others are `again`, `spread`: its numbers over all these trainings.

    Each number has `mean`, `std` (of one training, with n - 1 in the denominator) and `n`, the trainings. It is left out
    where it is missing in one of them.
    """
    found = dict(metrics)
    for model, others in repeats(analysis).items():
        found[model] = {**metrics[model], "spread": _spread([metrics[name] for name in (model, *others)])}
    return found


def repeats(analysis: Analysis) -> dict[str, list[str]]:
    """By model, those that are other trainings of it; only models that have some."""
    found: dict[str, list[str]] = {}
    for name, model in analysis.models.items():
        if model.again is not None:
            found.setdefault(model.again, []).append(name)
    return found


def _spread(trainings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of every measured number that all *trainings* have, at the place where it stands in them."""
    first, *others = trainings
    found = {}
    for key, entry in first.items():
        parts = [entry, *(other.get(key) for other in others)]
        if key in LEFT_OUT or not all(isinstance(part, dict) for part in parts):
            continue
        inner = _of_numbers([part["value"] for part in parts]) if "value" in entry else _spread(parts)
        if inner:
            found[key] = inner
    return found


def _of_numbers(values: Sequence[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    return {"mean": mean(known), "std": stdev(known), "n": len(known)} if len(known) == len(values) else {}
