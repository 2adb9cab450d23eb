"""What a task hands to the stages `score` and `evaluate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import hist

    from pipeline.statistics.dataset_histograms import DatasetHistograms


class TaskCounts(Protocol):
    """What a task counts of the answers on one dataset, as far as its histograms go."""

    @property
    def test(self) -> DatasetHistograms:
        """Of answers by models that have not seen the event."""

    @property
    def train(self) -> DatasetHistograms:
        """Of answers by models that have."""


@dataclass(frozen=True, slots=True)
class TaskProducts:
    """The results of all models; empty for an analysis without models.

    Args:
        metrics: content of `metrics.json`, by model.
        roc: content of `roc.json`, by model.
        test: histograms of the answers on events that the models have not seen, by dataset.
        train: the same on events that they have trained on; only datasets where that was asked.
        matrices: histograms in two dimensions, scaled, by the name that they have in `histograms.root`.
    """

    metrics: Mapping[str, Any] = field(default_factory=dict)
    roc: Mapping[str, Any] = field(default_factory=dict)
    test: Mapping[str, DatasetHistograms] = field(default_factory=dict)
    train: Mapping[str, DatasetHistograms] = field(default_factory=dict)
    matrices: Mapping[str, hist.Hist] = field(default_factory=dict)
