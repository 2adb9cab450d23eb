"""How far the answers of a regression are from the truth: the residuals of every method."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.regressed import RELATIVE, VARIABLES, body_label, is_regression, spectra
from pipeline.results.figures.style import Header, color_of, legend_above, line_of, one_panel, stamp, styled
from pipeline.results.figures.titles import x_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.figure import Figure

    from pipeline.results.figures.binned import Binned
    from pipeline.results.figures.products import Products

# The part of the residuals that is shown, in the middle.
SHOWN = 0.95


def drawings(products: Products) -> Iterator[Drawing]:
    """One figure for every quantity that has a response matrix."""
    caption = (
        "Residuals of the answers, each normalised to unit area; relative to the truth for pt, mass and energy. What lies"
        " outside the figure counts in the area."
    )
    for quantity in products.analysis.task.response if is_regression(products) else ():
        if spectra(products, quantity, "_residual"):
            yield Drawing(f"{quantity}_residual", "Residuals", caption, partial(_of, products, quantity))


@styled
def draw_residuals(residuals: Mapping[str, Binned], *, x: str, header: Header) -> Figure:
    """Draw the densities of *residuals*, by label, as lines.

    Args:
        residuals: on one axis, whose bins need not have one width.
        x: title of the x axis.
        header: what stands above the axes.
    """
    figure, axes = one_panel()
    densities = [binned.values / np.diff(binned.edges) / binned.total for binned in residuals.values()]
    for index, (label, density) in enumerate(zip(residuals, densities, strict=True)):
        style: dict[str, Any] = {"color": color_of(index), "linestyle": line_of(index), "linewidth": 2.5}
        axes.stairs(density, residuals[label].edges, label=label, **style)
    axes.axvline(0, color="0.4", linestyle=":", linewidth=1.5)
    low, high = zip(*(shown_range(binned) for binned in residuals.values()), strict=True)
    legend_above(axes, max(float(density.max()) for density in densities))
    axes.set(xlim=(min(low), max(high)), xlabel=x, ylabel="Density")
    stamp(axes, header)
    return figure


def shown_range(binned: Binned) -> tuple[float, float]:
    """The edges between which the middle of the weights lies."""
    sums = np.cumsum(np.maximum(binned.values, 0))
    wanted = np.array([(1 - SHOWN) / 2, (1 + SHOWN) / 2]) * sums[-1]
    first, last = np.searchsorted(sums, wanted).tolist()
    return float(binned.edges[first]), float(binned.edges[min(last + 1, len(binned.edges) - 1)])


def _of(products: Products, quantity: str) -> Figure:
    body, variable = products.analysis.task.quantity(quantity)
    name, _, unit = VARIABLES[variable]
    kind = "relative residual" if variable in RELATIVE else "residual"
    found = {products.model_label(model): one for model, one in spectra(products, quantity, "_residual").items()}
    title = x_title(f"{body_label(products, body)} {name}, {kind}", unit)
    return draw_residuals(found, x=title, header=products.header())
