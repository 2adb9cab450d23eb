"""What a task hands to the stage `evaluate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.statistics.dataset_histograms import DatasetHistograms


@dataclass(frozen=True, slots=True)
class TaskProducts:
    """The results of all models; empty for an analysis without models.

    Args:
        metrics: content of `metrics.json`, by model.
        roc: content of `roc.json`, by model.
        test: histograms of the answers on events that the models have not seen, by dataset.
        train: the same on events that they have trained on; only datasets where that was asked.
    """

    metrics: Mapping[str, Any] = field(default_factory=dict)
    roc: Mapping[str, Any] = field(default_factory=dict)
    test: Mapping[str, DatasetHistograms] = field(default_factory=dict)
    train: Mapping[str, DatasetHistograms] = field(default_factory=dict)
