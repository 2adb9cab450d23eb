"""What the events of one model are multiplied with, worked out from `summary.json`, and whether that can be trained with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import InputError
from pipeline.stream.spectra import spectra_of
from pipeline.stream.weights import flat_factors, training_factors

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.config import Analysis, Training
    from pipeline.events.plan import Plan
    from pipeline.stream.spectra import Spectrum
    from pipeline.stream.summary import Counts, Summary
    from pipeline.stream.validation import Part


Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class ModelWeights:
    """The training weights of the model of one fold; validation events have the same factors.

    Args:
        n_events: for `training` and `validation`, by dataset, the events of an epoch.
        factors: by dataset, what event weights are multiplied with; the mean over the training events becomes 1.
        flat: by class, a factor besides, by bin of `training.flatten`, shape (n_bins,); empty without it.
    """

    n_events: Mapping[Part, Mapping[str, int]]
    factors: Mapping[str, float]
    flat: Mapping[str, NDArray[np.float64]]


def model_weights(analysis: Analysis, plan: Plan, summary: Summary, model: str, fold: int) -> ModelWeights:
    """What the events of *model* of *fold* are multiplied with.

    Args:
        plan: that of *summary*, without the files that were skipped.

    Raises:
        InputError: a class has no events or no positive sum of weights, to train on or to validate with, as a whole or in a
            bin of `training.flatten`; or a dataset has a negative sum that the policy for negative weights cannot keep.
    """
    training = analysis.training_of(model)
    try:
        return _weights(analysis, plan, summary, training, fold)
    except InputError as error:
        raise InputError(f"Model {model!r}, fold {fold}: {error}") from error


def _weights(analysis: Analysis, plan: Plan, summary: Summary, training: Training, fold: int) -> ModelWeights:
    held_out, fraction = training.validation_fraction, training.fraction
    n_events = summary.epoch_counts(fold, held_out, fraction)
    _check_events(analysis, n_events, training)
    sumw = {name: plan.sumw(name) for name in analysis.trained_datasets()}
    learned = summary.counts(fold, "training", held_out, fraction)
    factors = training_factors(analysis, training, sumw, learned)
    flat = flat_factors(analysis, training, sumw, learned, spectra_of(summary, fold, "training", training))
    validated, spectra = summary.counts(fold, "validation", held_out), spectra_of(summary, fold, "validation", training)
    _check_validation(analysis, training, _validation_sums(analysis, training, factors, validated, flat, spectra))
    return ModelWeights(n_events, factors, flat)


def _check_events(analysis: Analysis, n_events: Mapping[Part, Mapping[str, int]], training: Training) -> None:
    """See that each class has events in both parts."""
    fraction = training.validation_fraction
    taken = "" if training.fraction >= 1 else f" Of what may be trained on, training.fraction takes {training.fraction:g}."
    of_parts = {part: by_class(analysis, found) for part, found in n_events.items()}
    for part, found in of_parts.items():
        for key, n_of_class in found.items():
            if n_of_class == 0:
                n_of_fold = sum(one[key] for one in of_parts.values())
                raise InputError(
                    f"Class {key!r} has no {part} events: of its {n_of_fold} in the other folds, validation_fraction"
                    f" {fraction:g} draws {n_of_fold if part == 'training' else 0} for validation. Expected some to train on"
                    f" and some to validate with.{taken} Add files, loosen `selection`, or change"
                    " training.validation_fraction."
                )


def _validation_sums(
    analysis: Analysis,
    training: Training,
    factors: Mapping[str, float],
    held_out: Mapping[str, Counts],
    flat: Mapping[str, NDArray[np.float64]],
    spectra: Mapping[str, Spectrum],
) -> dict[str, float]:
    """By class, the sum of weights of the validation events."""
    if not spectra:
        sums = {name: factors[name] * counts.sum_under(training.negative_weights) for name, counts in held_out.items()}
    else:
        sums = {
            name: factors[name] * float(flat[str(analysis.class_of(name))] @ spectrum.sumw)
            for name, spectrum in spectra.items()
        }
    return by_class(analysis, sums)


def _check_validation(analysis: Analysis, training: Training, sums: Mapping[str, float]) -> None:
    """See that the mean loss over the validation events is one, of every class."""
    for key, total in sums.items():
        if total <= 0:
            raise InputError(
                f"Class {key!r} has sum of weights {total:g} in its validation events, with negative_weights:"
                f" {training.negative_weights}. Expected more than 0, or no loss can stop the training. Add files, raise"
                " training.validation_fraction, or choose another `negative_weights` policy."
            )


def by_class(analysis: Analysis, found: Mapping[str, Number]) -> dict[str, Number]:
    """The sums over the datasets of each class of what was *found* by dataset."""
    totals: dict[str, Number] = {}
    for name, value in found.items():
        key = str(analysis.class_of(name))
        totals[key] = totals.get(key, 0) + value
    return totals
