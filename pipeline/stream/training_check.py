"""Whether every model can be trained as the configuration asks: seen in `summarise`, before anything is trained."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from pipeline.stream.flattening import FlatBins
from pipeline.stream.model_weights import model_weights
from pipeline.stream.spectra import spectra_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.events.plan import Plan
    from pipeline.stream.spectra import Spectrum
    from pipeline.stream.summary import Summary

logger = logging.getLogger(__name__)


def check_trainings(analysis: Analysis, plan: Plan, summary: Summary) -> None:
    """Work out the weights of every model and fold; warn of datasets that a fold does not learn from, and of bins of
    `training.flatten` that only some of the classes fill.

    Raises:
        InputError: the weights of some model cannot be trained with; see `model_weights`.
    """
    unlearned = set()
    for model in analysis.models:
        training = analysis.training_of(model)
        for fold in range(analysis.folds):
            n_events = model_weights(analysis, plan, summary, model, fold).n_events["training"]
            unlearned |= {(name, fold) for name, n_of_dataset in n_events.items() if n_of_dataset == 0}
            if training.flatten is not None:
                filled = _filled(analysis, spectra_of(summary, fold, "training", training))
                _warn_of_lonely_bins(model, fold, FlatBins.of(training.flatten), filled)
    for name, fold in sorted(unlearned):
        logger.warning(
            "Dataset %r has no training events in fold %d, whose models learn of its class from other datasets only."
            " Its selected events are few: add files, loosen `selection`, or use more folds.",
            name,
            fold,
        )


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
