"""What the models cost, over their folds: size, time of training, speed of answering."""

from __future__ import annotations

from math import sqrt
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from pipeline.files import read_json
from pipeline.statistics.uncertainty import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.config import Analysis


def costs_of(analysis: Analysis, folder: Path) -> dict[str, dict[str, Any]]:
    """By model, what goes into `metrics.json`; nothing where the task does not ask for `costs`.

    Args:
        folder: with `<model>/fold<k>/cost.json`.

    Raises:
        InputError: a file is missing.
    """
    if analysis.task.costs is None:
        return {}
    return {
        model: _of_model([read_json(path, made_by="train") for path in _paths(analysis, folder / model)], analysis.task.costs)
        for model in analysis.models
    }


def _paths(analysis: Analysis, folder: Path) -> list[Path]:
    return [folder / f"fold{fold}" / "cost.json" for fold in range(analysis.folds)]


def _of_model(folds: Sequence[dict[str, Any]], rows: str) -> dict[str, Any]:
    """Means over the folds. Networks of all folds have as many parameters; trees have not, and their mean is rounded."""
    return {
        "parameters": round(mean(fold["n_parameters"] for fold in folds)),
        "train_seconds": _measured([fold["train_seconds"] for fold in folds]),
        f"{rows}_per_second": _measured([fold["rows_per_second"] for fold in folds]),
    }


def _measured(values: Sequence[float]) -> dict[str, Any]:
    """The mean with its error, which the folds tell."""
    return Measurement(mean(values), stdev(values) / sqrt(len(values))).to_json()
