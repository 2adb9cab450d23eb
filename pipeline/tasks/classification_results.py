"""What a classification reports: ROC curves, accuracies, overtraining, and the differences between models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError
from pipeline.statistics.overtraining import kolmogorov_smirnov
from pipeline.statistics.roc import RocCurve, auc_of_counts, paired_difference
from pipeline.statistics.uncertainty import from_replicas
from pipeline.tasks.class_scores import check_not_empty, scaled, total
from pipeline.tasks.classification_curves import curves
from pipeline.tasks.discriminant import THRESHOLDS
from pipeline.tasks.products import TaskProducts
from pipeline.tasks.score_counts import ScoreCounts
from pipeline.tasks.score_entries import ScoredBy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.statistics.dataset_histograms import DatasetHistograms
    from pipeline.tasks.class_scores import ClassScores

# Signal efficiencies at which a curve is written, and those at which its rejection is quoted.
GRID = np.linspace(0.005, 1.0, 200)
QUOTED = (0.3, 0.5, 0.7)


@dataclass(frozen=True, slots=True, eq=False)
class ModelResult:
    """What one model achieved.

    Args:
        classes: scores of every class.
        roc: of the signal class against all others, by cross section.
        auc_train: area under the curve of the events that are compared, by a model that was trained on them, shape
            (1 + n_replicas,); None if not scored.
        auc_test: the same of the same events, by the model that was not.
        curves: in bins of observables, by name; empty where none is asked for.
    """

    classes: dict[str, ClassScores]
    roc: RocCurve
    auc_train: NDArray[np.float64] | None
    auc_test: NDArray[np.float64] | None
    curves: dict[str, Any]


def evaluate(analysis: Analysis, folder: Path, scales: Mapping[str, float]) -> TaskProducts:
    """The results of all models, from the counts `<dataset>.npz` in *folder*.

    Args:
        analysis: whole.
        folder: with the counts of every dataset.
        scales: factor from weights to events at the analysis' luminosity, by dataset.

    Raises:
        InputError: counts are missing, or were made with other models or classes, or a class has no events.
    """
    test: dict[str, DatasetHistograms] = {}
    train: dict[str, DatasetHistograms] = {}
    parts: dict[str, dict[str, ClassScores]] = {model: {} for model in analysis.models}
    for dataset in analysis.datasets:  # the tables of replicas are large: one dataset after the other
        counts = ScoreCounts.load(folder / f"{dataset}.npz")
        _made_for(analysis, dataset, counts)
        test[dataset] = counts.test
        if counts.is_compared:
            train[dataset] = counts.train
        if dataset in analysis.trained_datasets():
            _add(parts, analysis.class_of(dataset), counts, scales[dataset])
    results = {model: _result(analysis, of_model) for model, of_model in parts.items()}
    return TaskProducts(metrics(results), roc_curves(analysis, results), test=test, train=train)


def _add(parts: Mapping[str, dict[str, ClassScores]], name: str | None, counts: ScoreCounts, scale: float) -> None:
    """Add the scores of one dataset to those of its class *name*, for each model."""
    for model, classes in parts.items():
        added = scaled(counts, model, scale)
        classes[str(name)] = total([classes[str(name)], added]) if name in classes else added


def metrics(results: Mapping[str, ModelResult]) -> dict[str, Any]:
    """The content of `metrics.json`."""
    return {model: {**_own(result), "paired": _paired(model, results)} for model, result in results.items()}


def roc_curves(analysis: Analysis, results: Mapping[str, ModelResult]) -> dict[str, Any]:
    """The content of `roc.json`: each curve at 200 signal efficiencies, with its 68 % band."""
    return {model: _curve(analysis, model, result.roc) for model, result in results.items()}


def _result(analysis: Analysis, found: Mapping[str, ClassScores]) -> ModelResult:
    classes = {name: found[name] for name in analysis.task.classes}
    check_not_empty(analysis, classes)
    signal = classes[analysis.task.signal]
    background = total(scores for name, scores in classes.items() if name != analysis.task.signal)
    roc = RocCurve.from_counts(THRESHOLDS, signal.test, background.test, bkg_sumw2=background.test_sumw2)
    against = curves(analysis.task.against, signal, background)
    if not all(scores.seen[:, 0].sum() > 0 for scores in classes.values()):
        return ModelResult(classes, roc, None, None, against)
    aucs = (auc_of_counts(signal.seen, background.seen), auc_of_counts(signal.unseen, background.unseen))
    return ModelResult(classes, roc, *aucs, against)


def _own(result: ModelResult) -> dict[str, Any]:
    # Every class counts the same: with physical weights, putting all events into the largest background would be right
    # nearly always. Inside a class, datasets count by cross section.
    accuracy = np.mean([scores.accuracy for scores in result.classes.values()], axis=0)
    return {
        "auc": result.roc.auc.to_json(),
        "accuracy": from_replicas(accuracy).to_json(),
        "rejection": {str(sig_eff): _rejection(result.roc, sig_eff) for sig_eff in QUOTED},
        "n_test": sum(scores.n_test for scores in result.classes.values()),
        "n_test_by_class": {name: scores.n_test for name, scores in result.classes.items()},
        "overtraining": _overtraining(result),
        **({"curves": result.curves} if result.curves else {}),
    }


def _rejection(roc: RocCurve, sig_eff: float) -> dict[str, Any]:
    return {**roc.rejection_at(sig_eff).to_json(), "stat_binomial": roc.rejection_error_binomial(sig_eff)}


def _overtraining(result: ModelResult) -> dict[str, Any] | None:
    if result.auc_train is None or result.auc_test is None:
        return None
    tests = {
        name: kolmogorov_smirnov(
            scores.unseen, scores.seen, n_eff_test=scores.n_eff_compared, n_eff_train=scores.n_eff_compared
        )
        for name, scores in result.classes.items()
    }
    return {
        "auc_train": from_replicas(result.auc_train).to_json(),
        "auc_test": from_replicas(result.auc_test).to_json(),
        "auc_difference": paired_difference(result.auc_train, result.auc_test).to_json(),
        "ks": {name: test.to_json() for name, test in tests.items()},
    }


def _paired(model: str, results: Mapping[str, ModelResult]) -> dict[str, Any]:
    """This model minus each other one, in the same replicas."""
    own = results[model].roc.auc_replicas
    others = {name: result.roc.auc_replicas for name, result in results.items() if name != model}
    return {name: {"auc": paired_difference(own, other).to_json()} for name, other in others.items()}


def _curve(analysis: Analysis, model: str, roc: RocCurve) -> dict[str, Any]:
    low, high = roc.band(GRID)
    return {
        "label": analysis.models[model].label or model,
        "signal": analysis.task.signal,
        "sig_eff": GRID.tolist(),
        "bkg_eff": _finite(roc.bkg_eff_at(GRID)[:, 0]),
        "bkg_eff_low": _finite(low),
        "bkg_eff_high": _finite(high),
        "threshold": _finite(roc.threshold_at(GRID)),
        "auc": roc.auc.value,
        "auc_stat": roc.auc.stat,
    }


def _finite(values: NDArray[np.float64]) -> list[float | None]:
    """For JSON, which knows no NaN."""
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _made_for(analysis: Analysis, dataset: str, counts: ScoreCounts) -> None:
    expected, found = ScoredBy.of_dataset(analysis, dataset, counts.by.quantum), counts.by
    for what in ("dataset", "models", "classes", "signal", "against"):
        wanted, got = getattr(expected, what), getattr(found, what)
        if wanted != got:
            raise InputError(
                f"The scores of {dataset} were counted for {what} {got}, but config/{analysis.name}.yaml has {wanted}."
                f" Both must be the same. Run the stage `score` for {dataset} again."
            )
