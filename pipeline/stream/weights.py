"""What the weights of each dataset are multiplied with in training, for cross sections, class balance and flatness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.errors import InputError
from pipeline.stream.flattening import FlatBins

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis, Training
    from pipeline.stream.spectra import Spectrum
    from pipeline.stream.summary import Counts


def apply_policy(weight: NDArray[np.float64], policy: Literal["keep", "absolute", "zero"]) -> NDArray[np.float64]:
    """What training does with negative weights: *keep* them, take their *absolute* value, or set them to *zero*."""
    if policy == "absolute":
        return np.abs(weight)
    return np.maximum(weight, 0.0) if policy == "zero" else weight


def training_factors(
    analysis: Analysis, training: Training, sumw: Mapping[str, float], counts: Mapping[str, Counts]
) -> dict[str, float]:
    """The factor of each trained dataset; the mean training weight is 1.

    Args:
        sumw: by dataset, the sum of generator weights of all its events: what its cross section belongs to.
        counts: by dataset, the selected events that the model learns from. Those held out for validation do not count: of
            them the network sees nothing.

    Raises:
        InputError: a class has no positive sum of weights, or a dataset has a negative one that the policy cannot keep.
    """
    physical = _physical_factors(analysis, training, sumw, counts)
    by_class: dict[str, float] = {}
    for name, scale in physical.items():
        key = str(analysis.class_of(name))
        by_class[key] = by_class.get(key, 0.0) + scale * counts[name].sum_under(training.negative_weights)
    for key, total in by_class.items():
        if total <= 0:
            raise InputError(
                f"Class {key!r} has sum of weights {total:g} in its training events, after selection. Expected more than 0."
                " Loosen `selection`, add files, or choose another `negative_weights` policy."
            )
    if training.class_balance:
        factors = {name: scale / by_class[str(analysis.class_of(name))] for name, scale in physical.items()}
        mean = float(len(by_class))
    else:
        factors, mean = physical, sum(by_class.values())
    n_events = sum(counts[name].n_events for name in physical)
    return {name: factor * n_events / mean for name, factor in factors.items()}


def flat_factors(
    analysis: Analysis,
    training: Training,
    sumw: Mapping[str, float],
    counts: Mapping[str, Counts],
    spectra: Mapping[str, Spectrum],
) -> dict[str, NDArray[np.float64]]:
    """By class, the factor of each bin of `training.flatten`, shape (n_bins,), on top of that of the dataset.

    It leaves the sum of training weights of each class as it is, so that class balance and the mean weight of 1 stay. A bin
    without training events has 1, for events of other use.

    Args:
        sumw: as for `training_factors`.
        counts: as for `training_factors`.
        spectra: by dataset, its events in the bins, those of *counts*.

    Returns:
        Nothing without `training.flatten`.

    Raises:
        InputError: a class has events in a bin, but no positive sum of weights.
    """
    if training.flatten is None:
        return {}
    bins, physical = FlatBins.of(training.flatten), _physical_factors(analysis, training, sumw, counts)
    factors = {}
    for key in dict.fromkeys(str(analysis.class_of(name)) for name in physical):
        members = [name for name in physical if analysis.class_of(name) == key]
        heights = _total((physical[name] * spectra[name].sumw for name in members), bins.n_bins)
        filled = _total((spectra[name].n_events for name in members), bins.n_bins) > 0
        _check_positive(key, bins, np.where(filled, heights, np.inf))
        factors[key] = np.ones(bins.n_bins)
        factors[key][filled] = flattening(heights[filled], training.flatten.max_weight)
    return factors


def flattening(heights: NDArray[np.float64], most: float | None = None) -> NDArray[np.float64]:
    """What a spectrum is multiplied with to be flat; the sum stays.

    Bins for which that would be more than *most* get *most*, and all others are as high as each other.

    Args:
        heights: of the bins, all positive, shape (n_bins,).
        most: more than 1; None for no limit.

    >>> flattening(np.array([6.0, 3.0, 1.0])).round(3).tolist()
    [0.556, 1.111, 3.333]
    >>> flattening(np.array([6.0, 3.0, 1.0]), most=2.0).round(3).tolist()
    [0.667, 1.333, 2.0]
    """
    total, n_bins = heights.sum(), len(heights)
    if most is None:
        return np.asarray(total / n_bins / heights)
    rising = np.sort(heights)
    # How high the others are, if the 0, 1, … lowest bins have the limit.
    levels = (total - most * (np.cumsum(rising) - rising)) / np.arange(n_bins, 0, -1)
    n_limited = min(np.count_nonzero(levels > most * rising), n_bins - 1)
    return np.asarray(np.minimum(levels[n_limited] / heights, most))


def _physical_factors(
    analysis: Analysis, training: Training, sumw: Mapping[str, float], counts: Mapping[str, Counts]
) -> dict[str, float]:
    """By dataset, the factor that makes its training weights, under the policy for negative ones, add up to picobarn."""
    return {
        # A policy for negative weights may change the shape of a dataset, but not its cross section.
        name: (analysis.datasets[name].xsec_pb or 0.0)
        / sumw[name]
        * _net_share(name, counts[name], training.negative_weights)
        for name in analysis.trained_datasets()
    }


def _net_share(name: str, counts: Counts, policy: str) -> float:
    """The sum of weights over the sum that training sees under *policy*; 0 without events."""
    if policy != "keep" and counts.sumw < 0:
        raise InputError(
            f"Dataset {name!r} has sum of weights {counts.sumw:g} in its {counts.n_events} training events, after selection:"
            f" a cross section below 0, which no positive weights have. Expected at least 0 with negative_weights: {policy}."
            " Add files, loosen `selection`, take its process out of task.classes, or keep negative weights (networks only)."
        )
    seen = counts.sum_under(policy)
    return counts.sumw / seen if seen else 0.0


def _total(arrays: Iterable[NDArray[np.float64] | NDArray[np.int64]], n_bins: int) -> NDArray[np.float64]:
    return np.asarray(sum(arrays, np.zeros(n_bins)), dtype=np.float64)


def _check_positive(key: str, bins: FlatBins, heights: NDArray[np.float64]) -> None:
    bad = np.flatnonzero(heights <= 0)
    if len(bad):
        raise InputError(
            f"Class {key!r} has sum of weights {heights[bad[0]]:.3g} pb in bin {bins.describe(int(bad[0]))} of"
            f" training.flatten, in its training events; so in {len(bad)} of {bins.n_bins} bins. Expected more than 0 where"
            " there are events. Use wider bins, or negative_weights: absolute."
        )
