"""How many events each model has learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.config import Analysis
    from pipeline.stream.summary import Summary


def sample_sizes(analysis: Analysis, summary: Summary) -> dict[str, dict[str, Any]]:
    """By model, `n_train`: the training events of an epoch, of all classes, in a list over the folds."""
    return {model: {"n_train": _of_model(analysis, summary, model)} for model in analysis.models}


def _of_model(analysis: Analysis, summary: Summary, model: str) -> list[int]:
    training = analysis.training_of(model)
    counts = (
        summary.counts(fold, "training", training.validation_fraction, training.fraction) for fold in range(analysis.folds)
    )
    return [sum(found.n_events for found in of_fold.values()) for of_fold in counts]
