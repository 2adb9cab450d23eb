"""How the classes differ in one quantity: each normalised to unit area."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.style import Header, headroom, legend, one_panel, stamp, styled
from pipeline.results.figures.titles import x_title, y_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

    from pipeline.results.figures.binned import Layer
    from pipeline.results.figures.products import Products


def drawings(products: Products) -> Iterator[Drawing]:
    """One figure for every histogram of a classification; scores have a figure of their own."""
    for name in products.quantities():
        if name in products.analysis.histograms and products.classes(name):
            caption = "The classes, each normalised to unit area inside the axis, with statistical errors."
            yield Drawing(f"{name}_shape", "Shapes by class", caption, partial(_of, products, name))


@styled
def draw_shape(layers: Sequence[Layer], *, x: str, y: str, header: Header) -> Figure:
    """Draw each of *layers* with unit area: lightly filled steps with statistical errors.

    Args:
        layers: one for each class, with any normalisation.
        x: title of the x axis.
        y: title of the y axis.
        header: what stands above the axes.
    """
    figure, axes = one_panel()
    for layer in layers:
        shape = layer.binned.normalised()
        height, errors = shape.values * shape.per_width, shape.errors * shape.per_width
        axes.stairs(height, shape.edges, fill=True, color=layer.color, alpha=0.15)
        axes.stairs(height, shape.edges, color=layer.color, linewidth=2.5, label=layer.label)
        axes.errorbar(shape.centers, height, yerr=errors, color=layer.color, linestyle="none", elinewidth=1.5)
    axes.set_xlim(layers[0].binned.edges[0], layers[0].binned.edges[-1])
    headroom(axes, _top(layers), rows=len(layers))
    axes.set(xlabel=x, ylabel=y)
    legend(axes)
    stamp(axes, header, note=_outside(layers))
    return figure


def _top(layers: Sequence[Layer]) -> float:
    shapes = [layer.binned.normalised() for layer in layers]
    top = max(float(((shape.values + shape.errors) * shape.per_width).max()) for shape in shapes)
    return top if top > 0 and math.isfinite(top) else 1.0


def _outside(layers: Sequence[Layer]) -> str | None:
    outside = {layer.label: layer.binned.outside_fraction for layer in layers}
    parts = [f"{label} {fraction:.1%}" for label, fraction in outside.items() if fraction > 0.001]
    return f"outside the axis: {', '.join(parts)}" if parts else None


def _of(products: Products, name: str) -> Figure:
    quantity = products.quantity(name)
    layers = list(products.classes(name).values())
    fraction = f"Fraction of {products.counted(name).lower()}"
    return draw_shape(
        layers,
        x=x_title(quantity.label, quantity.unit),
        y=y_title(layers[0].binned.edges, quantity.unit, counted=fraction),
        header=products.header(),
    )
