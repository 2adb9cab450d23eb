"""What the weights of each dataset are multiplied with in training, for cross sections and class balance to be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Analysis, Training
    from pipeline.stream.summary import Counts


def training_factors(
    analysis: Analysis, training: Training, sumw: Mapping[str, float], counts: Mapping[str, Counts]
) -> dict[str, float]:
    """The factor of each trained dataset; the mean training weight is 1.

    Args:
        sumw: by dataset, the sum of generator weights of all its events: what its cross section belongs to.
        counts: by dataset, the events of the training folds after selection.

    Raises:
        InputError: a class has no training events.
    """
    physical = {
        # A policy for negative weights may change the shape of a dataset, but not its cross section.
        name: (analysis.datasets[name].xsec_pb or 0.0) / sumw[name] * _net_share(counts[name], training.negative_weights)
        for name in analysis.trained_datasets()
    }
    sums = {name: scale * counts[name].sum_under(training.negative_weights) for name, scale in physical.items()}
    by_class: dict[str, float] = {}
    for name, total in sums.items():
        key = str(analysis.class_of(name))
        by_class[key] = by_class.get(key, 0.0) + total
    for key, total in by_class.items():
        if total <= 0:
            raise InputError(
                f"Class {key!r} has sum of weights {total:g} in the training folds, after selection. Expected more than 0."
                " Loosen `selection`, add files, or choose another `negative_weights` policy."
            )
    if training.class_balance:
        factors = {name: scale / by_class[str(analysis.class_of(name))] for name, scale in physical.items()}
        mean = float(len(by_class))
    else:
        factors, mean = physical, sum(by_class.values())
    n_events = sum(counts[name].n_events for name in physical)
    return {name: factor * n_events / mean for name, factor in factors.items()}


def _net_share(counts: Counts, policy: str) -> float:
    """The sum of weights over the sum that training sees under *policy*; 0 without events."""
    seen = counts.sum_under(policy)
    return counts.sumw / seen if seen else 0.0
