"""What a regression reports: bias, resolution and efficiency of each method, and the differences between methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import hist
import numpy as np

from pipeline.errors import InputError
from pipeline.statistics.roc import paired_difference
from pipeline.statistics.uncertainty import Measurement, from_replicas
from pipeline.tasks.products import TaskProducts
from pipeline.tasks.regression_counts import RegressionCounts
from pipeline.tasks.regression_layout import ASSIGNED, EVENT, N_CURVE_BINS, Layout, counted
from pipeline.tasks.residuals import AXES, N_BINS, bias, sigma68

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.statistics.dataset_histograms import DatasetHistograms

# The name of all events together, whatever their class.
ALL = "all"


@dataclass(slots=True, eq=False)
class Counted:
    """The counts of all datasets, added with the weights that the cross sections give.

    Args:
        table: in events at the analysis' luminosity, shape (layout.n_rows, 1 + n_replicas).
        sumw: response matrices, shape (n_models, n_classes, layout.n_matrices).
        sumw2: the same of squared weights.
        n_events: events in each class, unweighted, shape (n_classes,).
    """

    table: NDArray[np.float64]
    sumw: NDArray[np.float64]
    sumw2: NDArray[np.float64]
    n_events: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """What one method reached on the events of some classes.

    Args:
        bias: by quantity (`top_had_pt`), the median residual, shape (1 + n_replicas,); only of what was answered.
        sigma68: the same of half the width of the central 68 %.
        efficiency: by object, and `event` for all of them: the part of the events in which it is found.
        assignment: by parton, and `event`: the part in which its jet is the right one.
    """

    bias: dict[str, NDArray[np.float64]]
    sigma68: dict[str, NDArray[np.float64]]
    efficiency: dict[str, NDArray[np.float64]]
    assignment: dict[str, NDArray[np.float64]]

    def parts(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """By name of the part."""
        named = {"efficiency": self.efficiency, "assignment": self.assignment, "bias": self.bias, "sigma68": self.sigma68}
        return {name: part for name, part in named.items() if part}


def evaluate(analysis: Analysis, folder: Path, scales: Mapping[str, float]) -> TaskProducts:
    """The results of all models, from the counts `<dataset>.npz` in *folder*.

    Args:
        analysis: whole.
        folder: with the counts of every dataset.
        scales: factor from weights to events at the analysis' luminosity, by dataset.

    Raises:
        InputError: counts are missing, or were made with other models or another task, or no event has truth.
    """
    test: dict[str, DatasetHistograms] = {}
    total: Counted | None = None
    for dataset in analysis.datasets:  # the tables of replicas are large: one dataset after the other
        counts = RegressionCounts.load(folder / f"{dataset}.npz")
        _made_for(analysis, dataset, counts)
        test[dataset] = counts.histograms
        if dataset in analysis.trained_datasets():
            total = _added(total, counts, scales[dataset])
    if total is None or not total.n_events.any():
        raise InputError(
            f"No selected event of {', '.join(analysis.trained_datasets())} has truth. Expected some. Loosen the selection"
            f" or add files in config/{analysis.name}.yaml."
        )
    layout = Layout(analysis.task, tuple(analysis.models))
    return TaskProducts(metrics=metrics(analysis, layout, total), test=test, matrices=matrices(layout, total))


def _added(total: Counted | None, counts: RegressionCounts, scale: float) -> Counted:
    unit, unit2 = np.float64(scale * counts.by.quantum.value), np.float64(scale**2 * counts.by.quantum.squared.value)
    new = Counted(unit * counts.replicas.counts, unit * counts.sumw, unit2 * counts.sumw2, counts.n_events)
    if total is None:
        return new
    total.table += new.table
    return Counted(total.table, total.sumw + new.sumw, total.sumw2 + new.sumw2, total.n_events + new.n_events)


def metrics(analysis: Analysis, layout: Layout, total: Counted) -> dict[str, Any]:
    """The content of `metrics.json`: by model, of all events and by their class, with differences to the reference."""
    chosen = _groups(layout)
    found = {
        group: {model: reached(layout, total, model, classes) for model in range(len(layout.models))}
        for group, classes in chosen.items()
    }
    reference = analysis.task.reference
    content: dict[str, Any] = {}
    for number, model in enumerate(layout.models):
        by_class = {}
        for group, of_group in found.items():
            own = _to_json(of_group[number])
            if reference is not None and reference != model:
                other = of_group[layout.models.index(reference)]
                own["paired"] = {reference: _differences(of_group[number], other)}
            by_class[group] = {**own, "n_test": int(total.n_events[chosen[group]].sum())}
        content[model] = {**by_class.pop(ALL), "classes": by_class, "curves": curves(layout, total, number)}
    return content


def _groups(layout: Layout) -> dict[str, list[int]]:
    """All events, and those of each class."""
    single = {name: [place] for place, name in enumerate(layout.classes)} if layout.task.event_classes else {}
    return {ALL: list(range(len(layout.classes))), **single}


def reached(layout: Layout, total: Counted, model: int, classes: list[int]) -> Reached:
    """What *model* reached on the events of *classes*."""
    block, could = _block(layout, total, model, classes), _could(layout, total, classes)
    biases, widths = {}, {}
    for place, (body, variable) in enumerate(layout.quantities):
        counts = block[place * N_BINS : (place + 1) * N_BINS]
        if counts[:, 0].any():
            biases[f"{body}_{variable}"] = bias(AXES[variable], counts)
            widths[f"{body}_{variable}"] = sigma68(AXES[variable], counts)
    efficiency, assignment = {}, {}
    for target in _answered(layout, total, model):
        row = layout.targets.index(target) * (1 + layout.n_cells)
        part = _ratio(block[layout.n_residuals + layout.n_curves + row], could[row])
        if target.startswith(ASSIGNED):
            assignment[target.removeprefix(f"{ASSIGNED}_") if target != ASSIGNED else EVENT] = part
        else:
            efficiency[target] = part
    return Reached(biases, widths, efficiency, assignment)


def _answered(layout: Layout, total: Counted, model: int) -> list[str]:
    """The targets that *model* answers at all: what a method leaves out has no efficiency, rather than one of 0."""
    block = _block(layout, total, model, list(range(len(layout.classes))))
    n = len(layout.task.variables) * N_BINS
    bodies = {name for place, name in enumerate(layout.bodies) if block[place * n : (place + 1) * n, 0].any()}
    asked = set(layout.task.efficiency.objects or layout.task.objects)
    found = block[layout.n_residuals + layout.n_curves :, 0].reshape(-1, 1 + layout.n_cells)
    partons = {f"{ASSIGNED}_{name}" for name in layout.task.partons}
    assigned = {name for name, row in zip(layout.targets, found, strict=True) if name in partons and row.any()}
    whole = {EVENT: asked <= bodies, ASSIGNED: partons <= assigned}
    return [name for name in layout.targets if whole.get(name, name in bodies | assigned)]


def _block(layout: Layout, total: Counted, model: int, classes: list[int]) -> NDArray[np.float64]:
    """The rows of one model, of *classes* together."""
    starts = [int(layout.first(model, one)) for one in classes]
    return np.asarray(sum(total.table[start : start + layout.n_block] for start in starts))


def _could(layout: Layout, total: Counted, classes: list[int]) -> NDArray[np.float64]:
    """The rows of what could be found, of *classes* together."""
    starts = [layout.first_total + one * layout.n_targets for one in classes]
    return np.asarray(sum(total.table[start : start + layout.n_targets] for start in starts))


def _ratio(passed: NDArray[np.float64], all_of_them: NDArray[np.float64]) -> NDArray[np.float64]:
    """NaN without events."""
    return np.asarray(passed / np.where(all_of_them > 0, all_of_them, np.nan))


def _to_json(found: Reached) -> dict[str, Any]:
    return {part: {name: measured(values) for name, values in of.items()} for part, of in found.parts().items()}


def measured(values: NDArray[np.float64]) -> dict[str, float | None]:
    """A value and its error from replicas, for JSON, which knows no NaN."""
    if not np.isfinite(values[0]):
        return Measurement(None, None).to_json()
    return from_replicas(values).to_json()


def _differences(own: Reached, other: Reached) -> dict[str, Any]:
    """This method minus the *other*, in the same replicas; of what both answer."""
    others = other.parts()
    return {
        part: {name: _difference(values, others[part][name]) for name, values in of.items() if name in others[part]}
        for part, of in own.parts().items()
        if part in others
    }


def _difference(own: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, float | None]:
    if not (np.isfinite(own[0]) and np.isfinite(other[0])):
        return Measurement(None, None).to_json()
    return paired_difference(own, other).to_json()


def curves(layout: Layout, total: Counted, model: int) -> dict[str, Any]:
    """By axis and class of events: efficiencies, biases and widths of *model* in each bin."""
    return {
        axis: {group: _curve(layout, total, model, axis, classes) for group, classes in _groups(layout).items()}
        for axis in layout.axes
    }


def _curve(layout: Layout, total: Counted, model: int, axis: str, classes: list[int]) -> dict[str, Any]:
    block, could = _block(layout, total, model, classes), _could(layout, total, classes)
    cells = range(layout.axis_bins[axis].start, layout.axis_bins[axis].stop)
    content: dict[str, Any] = {"edges": layout.axes[axis].tolist(), "efficiency": {}, "bias": {}, "sigma68": {}}
    for target in _answered(layout, total, model):
        place = layout.targets.index(target)
        rows = [place * (1 + layout.n_cells) + 1 + cell for cell in cells]
        if could[rows, 0].any():
            found = layout.n_residuals + layout.n_curves
            content["efficiency"][target] = [measured(_ratio(block[found + row], could[row])) for row in rows]
    for body, drawn in enumerate(layout.drawn):
        name, variable = layout.quantities[drawn]
        starts = [layout.n_residuals + (body * layout.n_cells + cell) * N_CURVE_BINS for cell in cells]
        parts = [block[start : start + N_CURVE_BINS] for start in starts]
        if any(part[:, 0].any() for part in parts):
            content["bias"][f"{name}_{variable}"] = [measured(bias(AXES[variable], part)) for part in parts]
            content["sigma68"][f"{name}_{variable}"] = [measured(sigma68(AXES[variable], part)) for part in parts]
    return content


def matrices(layout: Layout, total: Counted) -> dict[str, hist.Hist]:
    """The response matrices, answer against truth, by `response/<class>/<model>_<quantity>`, with what is beyond edges."""
    return {
        f"response/{group}/{model}_{name}": _matrix(
            name, edges, *(part[number, classes].sum(axis=0)[place] for part in parts)
        )
        for parts in [(total.sumw, total.sumw2)]
        for group, classes in _groups(layout).items()
        for number, model in enumerate(layout.models)
        for name, (_, _, place, edges) in layout.responses.items()
    }


def _matrix(name: str, edges: NDArray[np.float64], sumw: NDArray[np.float64], sumw2: NDArray[np.float64]) -> hist.Hist:
    axes = [hist.axis.Variable(edges, name=kind, label=f"{kind} {name}") for kind in ("answer", "truth")]
    filled = hist.Hist(*axes, storage=hist.storage.Weight())
    view = filled.view(flow=True)
    view.value, view.variance = (part.reshape(view.shape) for part in (sumw, sumw2))
    return filled


def _made_for(analysis: Analysis, dataset: str, counts: RegressionCounts) -> None:
    expected = (dataset, tuple(analysis.models), counted(analysis.task))
    found = (counts.by.dataset, counts.by.models, counts.by.task)
    for what, wanted, got in zip(("dataset", "models", "task"), expected, found, strict=True):
        if wanted != got:
            raise InputError(
                f"The answers on {dataset} were counted for another {what} than config/{analysis.name}.yaml has: {got}."
                f" Expected {wanted}. Run the stage `score` for {dataset} again."
            )
