"""Whether a classification is as good everywhere: area under the curve and rejection in bins of an observable."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.regressed import Curve, curve_of
from pipeline.results.figures.style import Header, color_of, legend_above, marker_of, no_ticks_above, one_panel, stamp, styled
from pipeline.results.figures.titles import x_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pipeline.results.figures.products import Products

GROUP = "Stability"
ERRORS = "Errors: bootstrap replicas, the same for all models; the points of a bin stand beside each other."
SIG_EFF = "0.5"


def drawings(products: Products) -> Iterator[Drawing]:
    """Two figures for every observable that curves are drawn against."""
    for name in _axes(products):
        entries = {model: entry["curves"][name] for model, entry in products.whole().items()}
        edges = np.array(next(iter(entries.values()))["edges"], dtype=np.float64)
        options: dict[str, Any] = {"edges": edges, "x": _title(products, name), "header": products.header()}
        aucs = [curve_of(products.model_label(model), entry["auc"]) for model, entry in entries.items()]
        stem = f"against_{name.replace('.', '_')}"
        caption = f"Area under the ROC curve of the events in each bin. {ERRORS}"
        yield Drawing(f"auc_{stem}", GROUP, caption, partial(draw_in_bins, aucs, y="AUC", **options))
        cuts = [curve_of(products.model_label(model), entry["rejection"][SIG_EFF]) for model, entry in entries.items()]
        caption = f"Rejection of the cut that keeps {float(SIG_EFF):.0%} of the signal in each bin. {ERRORS}"
        title = f"Rejection at {float(SIG_EFF):.0%} signal efficiency"
        yield Drawing(f"rejection_{stem}", GROUP, caption, partial(draw_in_bins, cuts, y=title, log=True, **options))


@styled
def draw_in_bins(
    lines: Sequence[Curve], *, edges: NDArray[np.float64], x: str, y: str, header: Header, log: bool = False
) -> Figure:
    """Draw the values of each of *lines* in bins.

    Args:
        lines: one a model.
        edges: of the bins, shape (n_bins + 1,).
        x: title of the x axis.
        y: title of the y axis.
        header: what stands above the axes.
        log: whether the y axis is in powers of ten; if not, what is drawn is an area, at most 1.
    """
    figure, axes = one_panel()
    width = np.diff(edges)
    for index, line in enumerate(lines):
        place = edges[:-1] + width * (0.2 + 0.6 * (index + 0.5) / len(lines))
        options: dict[str, Any] = {"color": color_of(index), "marker": marker_of(index), "markersize": 8, "elinewidth": 2}
        axes.errorbar(place, line.values, yerr=line.errors, label=line.label, linestyle="none", **options)
    for edge in edges[1:-1]:
        axes.axvline(edge, color="0.85", linewidth=1, zorder=0)
    low, high = range_of(lines, log=log)
    if log:
        axes.set_yscale("log")
    legend_above(axes, high, bottom=low)
    if not log:
        no_ticks_above(axes, 1.0)
    axes.set(xlim=(edges[0], edges[-1]), xlabel=x, ylabel=y)
    stamp(axes, header)
    return figure


def range_of(lines: Sequence[Curve], *, log: bool) -> tuple[float, float]:
    """Lowest and highest end of an error bar, with a margin; what the axis shows below the legend."""
    values = np.concatenate([line.values for line in lines])
    errors = np.nan_to_num(np.concatenate([line.errors for line in lines]))
    known = np.isfinite(values)
    if not known.any():
        return (0.5, 2.0) if log else (0.0, 1.0)
    low, high = (values - errors)[known], (values + errors)[known]
    if log:
        positive = np.where(low > 0, low, values[known] / 2)
        return 0.8 * float(positive.min()), 1.2 * float(high.max())
    margin = 0.05 * float(high.max() - low.min()) or 0.05
    return float(low.min()) - margin, float(high.max()) + margin


def _axes(products: Products) -> tuple[str, ...]:
    task = products.analysis.task
    is_known = task is not None and task.kind == "classification" and bool(products.metrics)
    return tuple(task.against) if is_known else ()


def _title(products: Products, name: str) -> str:
    known = [axis for axis in products.analysis.histograms.values() if axis.observable == name]
    return x_title(known[0].label, known[0].unit) if known else name
