"""What a variable of `training.flatten` alone tells of the class, over the events that a model learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.statistics.roc import auc_of_counts
from pipeline.stream.flattening import FlatBins
from pipeline.stream.spectra import spectra_in, spectra_of
from pipeline.stream.weights import flat_factors, training_factors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.stream.summary import Summary


def flatness(analysis: Analysis, summary: Summary, sumw: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """By model of a classification that flattens: of each variable the area under the ROC curve of the variable itself, the
    signal class against all others, with the training weights before and after flattening, in a list over the folds.

    0.5 says that it tells nothing. Events count in parts of the bins (`FlatBins.finer`), so that what is left of the spectra
    within a bin shows; what lies beyond the edges counts in the end parts.

    Args:
        summary: with the spectra of the events.
        sumw: by dataset, the sum of generator weights of all its events.
    """
    if analysis.task is None or analysis.task.kind != "classification":
        return {}
    models = [model for model in analysis.models if analysis.training_of(model).flatten is not None]
    return {model: {"flattening": _of_model(analysis, summary, sumw, model)} for model in models}


def _of_model(analysis: Analysis, summary: Summary, sumw: Mapping[str, float], model: str) -> dict[str, Any]:
    flatten = analysis.training_of(model).flatten
    folds = [_of_fold(analysis, summary, sumw, model, fold) for fold in range(analysis.folds)]
    return {
        variable: {when: [fold[variable][place] for fold in folds] for place, when in enumerate(("before", "after"))}
        for variable in (flatten.variables if flatten else ())
    }


def _of_fold(
    analysis: Analysis, summary: Summary, sumw: Mapping[str, float], model: str, fold: int
) -> dict[str, tuple[float, float]]:
    """By variable, the area before and after."""
    training = analysis.training_of(model)
    bins = FlatBins.of(training.flatten)  # type: ignore[arg-type]  # only models that flatten come here
    learned = summary.counts(fold, "training", training.validation_fraction, training.fraction)
    factors = training_factors(analysis, training, sumw, learned)
    flat = flat_factors(analysis, training, sumw, learned, spectra_of(summary, fold, "training", training))
    found = {}
    for variable in bins.variables:
        fine = bins.finer(variable)
        spectra = spectra_in(fine, summary, fold, "training", training)
        coarse = _coarse(bins, fine)
        before = _by_class(analysis, {name: factors[name] * spectrum.sumw for name, spectrum in spectra.items()})
        after = {key: sums * flat[key][coarse] for key, sums in before.items()}
        axis = bins.variables.index(variable)
        found[variable] = (_auc(analysis, before, fine, axis), _auc(analysis, after, fine, axis))
    return found


def _coarse(bins: FlatBins, fine: FlatBins) -> NDArray[np.int64]:
    """Which of *bins* each of the *fine* ones is a part of, shape (fine.n_bins,)."""
    index = np.arange(bins.n_bins).reshape(bins.shape)
    for axis, (n_bins, n_fine) in enumerate(zip(bins.shape, fine.shape, strict=True)):
        index = np.repeat(index, n_fine // n_bins, axis=axis)
    return np.asarray(index.ravel())


def _by_class(analysis: Analysis, sums: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    totals: dict[str, NDArray[np.float64]] = {}
    for name, values in sums.items():
        key = str(analysis.class_of(name))
        totals[key] = totals.get(key, np.zeros(len(values))) + values
    return totals


def _auc(analysis: Analysis, sums: Mapping[str, NDArray[np.float64]], bins: FlatBins, axis: int) -> float:
    """Of the signal against all other classes, in the variable number *axis* alone."""
    others = tuple(number for number in range(len(bins.shape)) if number != axis)
    spectra = {key: values.reshape(bins.shape).sum(axis=others) for key, values in sums.items()}
    signal = spectra.pop(analysis.task.signal)
    background = sum(spectra.values(), np.zeros(len(signal)))
    return float(auc_of_counts(signal[:, np.newaxis], background[:, np.newaxis])[0])
