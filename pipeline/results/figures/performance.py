"""Where a regression is good: efficiency, resolution and bias of every method against other quantities."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.regressed import (
    RELATIVE,
    VARIABLES,
    body_label,
    curves,
    events_of,
    groups,
    is_regression,
    title_of,
)
from pipeline.results.figures.style import Header, color_of, legend_above, one_panel, stamp, styled, two_panels
from pipeline.results.figures.titles import x_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pipeline.results.figures.products import Products
    from pipeline.results.figures.regressed import Curve

EFFICIENCIES = {"event": "Efficiency of the event", "assignment": "All jets assigned rightly"}


def drawings(products: Products) -> Iterator[Drawing]:
    """For every axis of curves: efficiencies of whole events, and resolution and bias of what has a response matrix."""
    for group in groups(products) if is_regression(products) else ():
        for axis in products.analysis.task.against:
            yield from _efficiencies(products, group, axis)
            yield from _resolutions(products, group, axis)


def _efficiencies(products: Products, group: str, axis: str) -> Iterator[Drawing]:
    for target, title in EFFICIENCIES.items():
        found = curves(products, group, axis, "efficiency", target)
        if found:
            caption = f"{title}, of {events_of(products, group)}. Errors: bootstrap replicas, the same for all methods."
            draw = partial(draw_efficiency, found, edges=_edges(products, axis), x=_title(products, axis), y=title)
            name = f"{target}_efficiency_{axis}_{group}"
            yield Drawing(name, "Efficiency", caption, partial(draw, header=products.header()))


def _resolutions(products: Products, group: str, axis: str) -> Iterator[Drawing]:
    known = {name for entry in products.metrics.values() for name in entry["curves"][axis][group]["sigma68"]}
    for name in (name for name in products.analysis.task.response if name in known):
        widths, biases = (curves(products, group, axis, part, name) for part in ("sigma68", "bias"))
        caption = (
            f"Half the width of the central 68.3 % of the residuals (above; of a relative one, over the median response) and"
            f" their median (below), of {events_of(products, group)}. Errors: bootstrap replicas."
        )
        draw = partial(draw_resolution, widths, biases, edges=_edges(products, axis), x=_title(products, axis))
        yield Drawing(
            f"{name}_resolution_{axis}_{group}",
            "Resolution",
            caption,
            partial(draw, y=_residual_title(products, name), header=products.header()),
        )


@styled
def draw_efficiency(lines: Sequence[Curve], *, edges: NDArray[np.float64], x: str, y: str, header: Header) -> Figure:
    """Draw efficiencies in bins, from 0 to 1.

    Args:
        lines: one a method.
        edges: of the bins, shape (n_bins + 1,).
        x: title of the x axis.
        y: title of the y axis.
        header: what stands above the axes.
    """
    figure, axes = one_panel()
    _draw(axes, lines, edges)
    legend_above(axes, 1.0)
    axes.set(xlim=(edges[0], edges[-1]), xlabel=x, ylabel=y)
    stamp(axes, header)
    return figure


@styled
def draw_resolution(
    widths: Sequence[Curve], biases: Sequence[Curve], *, edges: NDArray[np.float64], x: str, y: str, header: Header
) -> Figure:
    """Draw *widths* above and *biases* below, in bins; the other arguments are those of `draw_efficiency`."""
    figure, upper, lower = two_panels()
    _draw(upper, widths, edges)
    _draw(lower, biases, edges)
    lower.axhline(0, color="0.4", linestyle=":", linewidth=1.5)
    top = max((float(np.nanmax(line.values, initial=0.0)) for line in widths), default=0.0)
    legend_above(upper, 1.1 * top or 1.0)
    upper.set(xlim=(edges[0], edges[-1]), ylabel=f"$\\sigma_{{68}}$ of {y}")
    lower.set(xlabel=x, ylabel="Median")
    stamp(upper, header)
    return figure


def _draw(axes: Axes, lines: Sequence[Curve], edges: NDArray[np.float64]) -> None:
    centers, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    for index, line in enumerate(lines):
        options: dict[str, Any] = {
            "color": color_of(index),
            "marker": "o",
            "markersize": 6,
            "linestyle": "none",
            "elinewidth": 2,
        }
        axes.errorbar(centers, line.values, xerr=half, yerr=line.errors, label=line.label, **options)


def _edges(products: Products, axis: str) -> NDArray[np.float64]:
    first = next(iter(products.metrics.values()))
    return np.array(first["curves"][axis]["all"]["edges"], dtype=np.float64)


def _title(products: Products, axis: str) -> str:
    if axis == "pt":
        return "true $p_T$ [GeV]"
    label, unit = title_of(products, axis)
    return x_title(f"true {label}" if products.analysis.task.quantity(axis) else label, unit)


def _residual_title(products: Products, name: str) -> str:
    body, variable = products.analysis.task.quantity(name)
    label, _, unit = VARIABLES[variable]
    return x_title(f"{body_label(products, body)} {label}" + (", relative" if variable in RELATIVE else ""), unit)
