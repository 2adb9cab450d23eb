"""What the ranges add up to, as `summary.json` holds it: cutflow, and by fold counts, scales and spectra."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, get_args

from pipeline.errors import InputError
from pipeline.learning.range_summary import ExactCounts, learned_fractions, validation_fractions
from pipeline.stream.kinds.kind import features_of
from pipeline.stream.spectra import spectra_to_json
from pipeline.stream.summary import counts_to_json
from pipeline.stream.truth import TruthSpec
from pipeline.stream.validation import Part, split_name

if TYPE_CHECKING:
    from pipeline.config import Analysis, Collection
    from pipeline.learning.range_summary import DatasetSummary
    from pipeline.physics.selected import Cutflow

QUANTILES = (0.01, 0.16, 0.5, 0.84, 0.99)


def summary_to_json(analysis: Analysis, found: dict[str, DatasetSummary]) -> dict[str, Any]:
    """All of *found*, by dataset.

    Raises:
        InputError: no event of the training folds has a target.
    """
    return {
        "analysis": analysis.name,
        "cutflow": {name: _cutflow_to_json(summary.cutflow) for name, summary in found.items()},
        "selected": {name: _total(summary, range(analysis.folds)) for name, summary in found.items()},
        "folds": {str(fold): _fold_to_json(analysis, found, fold) for fold in range(analysis.folds)},
    }


def _cutflow_to_json(cutflow: Cutflow) -> list[dict[str, Any]]:
    return [
        {"cut": cut.name, "n_events": cut.n_events, "sumw": float(cut.sumw), "sumw2": float(cut.sumw2)}
        for cut in cutflow.cuts
    ]


def _fold_to_json(analysis: Analysis, found: dict[str, DatasetSummary], fold: int) -> dict[str, Any]:
    others = [other for other in range(analysis.folds) if other != fold]
    learned, fractions = analysis.trained_datasets(), validation_fractions(analysis)
    spectra = spectra_to_json(analysis, {name: found[name].spectra for name in learned}, others)
    targets = _target_scales(analysis, [found[name] for name in learned], others)
    parts = {(name, fraction): _parts(found[name], others, fraction) for name in learned for fraction in fractions}
    kept: dict[str, Any] = {
        part: {str(fraction): {name: parts[name, fraction][part] for name in learned} for fraction in fractions}
        for part in get_args(Part)
    }
    for held_out, fraction in learned_fractions(analysis):
        counts = {name: [found[name].learned[other, held_out, fraction] for other in others] for name in learned}
        kept["training"][split_name(held_out, fraction)] = {
            name: counts_to_json(reduce(add, of_dataset).rounded) for name, of_dataset in counts.items()
        }
    return {
        **kept,
        "test": {name: _total(found[name], [fold]) for name in learned},
        "inputs": {
            name: {
                tensor: _scales([found[d] for d in learned], others, name, tensor, of) for tensor, of in collections.items()
            }
            for name, collections in analysis.inputs.items()
            if learned
        },
        **({"targets": targets} if targets else {}),
        **({"spectra": spectra} if spectra else {}),
    }


def _parts(summary: DatasetSummary, folds: list[int], fraction: float) -> dict[Part, dict[str, Any]]:
    """The events of *folds* that are learned from, and those that are held out."""
    total, held_out = ExactCounts(), ExactCounts()
    for fold in folds:
        total += summary.counts[fold]
        held_out += summary.validation[fold, fraction]
    return {"training": counts_to_json((total - held_out).rounded), "validation": counts_to_json(held_out.rounded)}


def _total(summary: DatasetSummary, folds: Any) -> dict[str, Any]:
    return counts_to_json(reduce(add, (summary.counts[fold] for fold in folds), ExactCounts()).rounded)


def _scales(
    summaries: list[DatasetSummary], folds: list[int], inputs: str, tensor: str, collection: Collection
) -> dict[str, Any]:
    """Mean, spread and quantiles, by feature."""
    total = reduce(add, (summary.inputs[fold, inputs, tensor] for summary in summaries for fold in folds))
    features = features_of(collection)
    quantiles = total.quantiles(QUANTILES) if total.n_rows else []
    return {
        "n_rows": total.n_rows,
        "mean": dict(zip(features, total.mean, strict=True)),
        "spread": dict(zip(features, total.spread, strict=True)),
        "quantiles": {
            str(fraction): dict(zip(features, values, strict=True))
            for fraction, values in zip(QUANTILES, quantiles, strict=False)
        },
    }


def _target_scales(analysis: Analysis, summaries: list[DatasetSummary], folds: list[int]) -> dict[str, Any]:
    """By object, mean and spread of what a network answers of it, over those events of *folds* that have it.

    Raises:
        InputError: no event of them has it.
    """
    truth = analysis.task.truth if analysis.task is not None else TruthSpec()
    scales = {}
    for name in truth.objects:
        total = reduce(add, (summary.targets[fold, name] for summary in summaries for fold in folds))
        if not total.n_rows:
            raise InputError(
                f"Target {name!r} is missing in every event of folds {folds}. Expected it in some. Look at the processor, or"
                " take it out of task.objects."
            )
        scales[name] = {
            "n_rows": total.n_rows,
            "mean": dict(zip(truth.coordinates, total.mean, strict=True)),
            "spread": dict(zip(truth.coordinates, total.spread, strict=True)),
        }
    return scales
