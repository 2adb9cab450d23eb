"""Whether the models can be flattened as the configuration asks: seen in `summarise`, before anything is trained."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from pipeline.stream.flattening import FlatBins
from pipeline.stream.spectra import training_spectra
from pipeline.stream.weights import flat_factors, training_factors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.events.plan import Plan
    from pipeline.stream.spectra import Spectrum
    from pipeline.stream.summary import Summary

logger = logging.getLogger(__name__)


def check_flattening(analysis: Analysis, plan: Plan, summary: Summary) -> None:
    """Work out the weights of every model that flattens, and warn of bins that only some of the classes fill.

    Raises:
        InputError: a class has no positive sum of weights, as a whole or in a bin where it has events.
    """
    for model in analysis.models:
        training = analysis.training_of(model)
        if training.flatten is None:
            continue
        sumw = {name: plan.sumw(name) for name in analysis.trained_datasets()}
        for fold in range(analysis.folds):
            counts, spectra = summary.counts(fold, "training"), training_spectra(summary, fold, training)
            training_factors(analysis, training, sumw, counts)
            flat_factors(analysis, training, sumw, counts, spectra)
            _warn_of_lonely_bins(model, fold, FlatBins.of(training.flatten), _filled(analysis, spectra))


def _filled(analysis: Analysis, spectra: Mapping[str, Spectrum]) -> dict[str, NDArray[np.bool_]]:
    """By class, the bins with events, shape (n_bins,)."""
    filled: dict[str, NDArray[np.bool_]] = {}
    for name, spectrum in spectra.items():
        key = str(analysis.class_of(name))
        filled[key] = filled.get(key, np.zeros(len(spectrum.n_events), dtype=bool)) | (spectrum.n_events > 0)
    return filled


def _warn_of_lonely_bins(model: str, fold: int, bins: FlatBins, filled: Mapping[str, NDArray[np.bool_]]) -> None:
    table = np.array(list(filled.values()))
    lonely = np.flatnonzero(table.any(axis=0) & ~table.all(axis=0))
    if len(lonely):
        absent = [key for key, found in filled.items() if not found[lonely[0]]]
        logger.warning(
            "Model %r, fold %d: %d of %d bins of training.flatten have training events of some classes only; the first is"
            " %s, without %s. There the classes can still be told apart. Use wider bins where there are few events.",
            model,
            fold,
            len(lonely),
            bins.n_bins,
            bins.describe(int(lonely[0])),
            ", ".join(repr(key) for key in absent),
        )
