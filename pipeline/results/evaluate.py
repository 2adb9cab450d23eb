"""The stage `evaluate`: from the counts of every dataset to ROC curves, metrics, yields and scaled histograms."""

from __future__ import annotations

from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError, nearest
from pipeline.files import write_json
from pipeline.results.costs import costs_of
from pipeline.results.flatness import flatness
from pipeline.results.groups import grouped, groups_of
from pipeline.results.normalisation import Processed, scale_of, yields
from pipeline.results.pictures import mean_pictures
from pipeline.results.products import write_root, write_uhi
from pipeline.results.sample_sizes import sample_sizes
from pipeline.results.spread import with_spread
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.histogram import HistogramAxis
from pipeline.tasks.products import TaskProducts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Analysis
    from pipeline.stream.summary import Summary


def evaluate(
    analysis: Analysis,
    results_dir: str | Path,
    *,
    sumw: Mapping[str, float],
    sumw2: Mapping[str, float],
    summary: Summary | None = None,
) -> None:
    """Write `metrics.json`, `roc.json`, `yields.json`, `histograms.root` and `histograms.json`.

    Args:
        analysis: whole.
        results_dir: its folder, `results/<analysis>`, with `histograms/<dataset>.npz` and, where there are models,
            `evaluations/<dataset>.npz`, where there are images `pictures/<dataset>.npz`, and `models/` for an analysis that
            asks for `costs`.
        sumw: of each dataset, the sum of weights of what was processed, before any selection; events for data.
        sumw2: of each dataset, the sum of squared weights of the same.
        summary: of the events that the models have learned from; None if it is not to be told how many and how flat they were.

    Raises:
        InputError: counts are missing or were made with another configuration, or a class has no events.
    """
    folder = Path(results_dir)
    processed = {name: _processed(name, sumw, sumw2) for name in analysis.datasets}
    scales = {dataset: scale_of(analysis, dataset, processed[dataset]) for dataset in analysis.datasets}
    histograms = {name: _histograms(analysis, folder / "histograms" / f"{name}.npz") for name in analysis.datasets}
    task = analysis.task.evaluate(analysis, folder / "evaluations", scales) if analysis.models else TaskProducts()

    groups = groups_of(analysis)
    classes = {group: members for group, members in groups.items() if group.startswith("classes/")}
    scaled = {
        **grouped(groups, histograms, scales),
        **grouped(groups, task.test, scales),
        **grouped(classes, task.train, scales),
    }
    costs = costs_of(analysis, folder / "models") if analysis.models else {}
    sizes = {} if summary is None else sample_sizes(analysis, summary)
    flat = {} if summary is None else flatness(analysis, summary, sumw)
    further = (sizes, flat, costs)
    metrics = {
        model: reduce(or_, (found.get(model, {}) for found in further), dict(entry))
        for model, entry in task.metrics.items()
    }
    write_json(folder / "metrics.json", with_spread(analysis, metrics))
    write_json(folder / "roc.json", task.roc)
    write_json(folder / "yields.json", yields(analysis, histograms, processed))
    pictures = mean_pictures(analysis, folder / "pictures", histograms, scales)
    write_root(folder / "histograms.root", {**scaled, **task.matrices, **pictures})
    # The matrices of all events; those of each class are for unfolding, and in ROOT's file only.
    drawn = {name: matrix for name, matrix in task.matrices.items() if name.startswith("response/all/")}
    write_uhi(folder / "histograms.json", {**scaled, **drawn, **pictures})


def _histograms(analysis: Analysis, path: Path) -> DatasetHistograms:
    """The histograms at *path*, when they have the binning of *analysis*."""
    loaded = DatasetHistograms.load(path)
    expected: dict[str, Any] = {name: HistogramAxis.of(axis) for name, axis in analysis.histograms.items()}
    found = {name: histogram.axis for name, histogram in loaded.histograms.items()}
    for name in {**expected, **found}:
        if expected.get(name) != found.get(name):
            raise InputError(
                f"Histogram {name!r} in {path} is not the one of config/{analysis.name}.yaml: {found.get(name)} and"
                f" {expected.get(name)}. Both must have the same binning. Run the stage `score` again."
            )
    return loaded


def _processed(dataset: str, sumw: Mapping[str, float], sumw2: Mapping[str, float]) -> Processed:
    if dataset not in sumw or dataset not in sumw2:
        raise InputError(f"No sum of weights of dataset {dataset!r}. {nearest(dataset, sumw)} Run the stage `plan` again.")
    return Processed(sumw[dataset], sumw2[dataset])
