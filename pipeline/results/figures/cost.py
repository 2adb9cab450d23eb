"""What accuracy costs: area under the curve and rejection against the size of a model and the speed of its answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.regressed import Curve, curve_of
from pipeline.results.figures.stability import range_of
from pipeline.results.figures.style import Header, around, beside, color_of, headroom, legend, marker_of, no_ticks_above, stamp, styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pipeline.results.figures.products import Products

SIG_EFF = "0.5"


def drawings(products: Products) -> Iterator[Drawing]:
    """Two figures of a classification whose costs are known."""
    task = products.analysis.task
    rows = task.costs if task is not None and task.kind == "classification" else None
    entries = products.whole()
    if rows is None or not entries:
        return
    sizes = np.array([entry["parameters"] for entry in entries.values()], dtype=np.float64)
    speeds = curve_of("", [entry[f"{rows}_per_second"] for entry in entries.values()])
    labels = [products.model_label(model) for model in entries]
    caption = (
        f"Left: parameters of a network, nodes of trees. Right: {rows} that one thread answers in a second, without reading"
        " and building inputs. Errors: bootstrap replicas; of the speed, from the folds."
    )
    for name, title, points in (
        ("auc", "AUC", [entry["auc"] for entry in entries.values()]),
        (
            "rejection",
            f"Rejection at {float(SIG_EFF):.0%} signal efficiency",
            [entry["rejection"][SIG_EFF] for entry in entries.values()],
        ),
    ):
        lines = [curve_of(label, [point]) for label, point in zip(labels, points, strict=True)]
        draw = partial(
            draw_costs, lines, sizes, speeds, rows=rows, y=title, log=name == "rejection", header=products.header()
        )
        yield Drawing(f"cost_{name}", "Cost", f"{title} against what a model costs. {caption}", draw)


@styled
def draw_costs(
    points: Sequence[Curve],
    sizes: NDArray[np.float64],
    speeds: Curve,
    *,
    rows: str,
    y: str,
    header: Header,
    log: bool = False,
) -> Figure:
    """Draw one point a model, against its size and against its speed.

    Args:
        points: one a model, with one value.
        sizes: parameters of each, shape (n_models,).
        speeds: rows a second of each.
        rows: what a row is.
        y: title of the y axes.
        header: what stands above the axes.
        log: whether the y axes are in powers of ten; if not, what is drawn is an area, at most 1.
    """
    figure, left, right = beside()
    for index, point in enumerate(points):
        options: dict[str, Any] = {"color": color_of(index), "marker": marker_of(index), "markersize": 12, "elinewidth": 2}
        options |= {"yerr": point.errors, "linestyle": "none"}
        left.errorbar(sizes[[index]], point.values, label=point.label, **options)
        right.errorbar(speeds.values[[index]], point.values, xerr=speeds.errors[[index]], label=point.label, **options)
    low, high = range_of(points, log=log)
    titles = ("Parameters", f"{rows.capitalize()} per second and core")
    for axes, title, values in zip((left, right), titles, (sizes, speeds.values), strict=True):
        around(axes, values)
        if log:
            axes.set_yscale("log")
        headroom(axes, high, rows=len(points), bottom=low)
        if not log:
            no_ticks_above(axes, 1.0)
        axes.set(xlabel=title)
    left.set(ylabel=y)
    legend(right)
    stamp(left, Header(header.energy_tev))
    return figure
