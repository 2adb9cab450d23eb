"""Which answer a regression gives to which truth: the response of every method, for each true value."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.regressed import is_regression, title_of
from pipeline.results.figures.style import Header, panels, stamp, styled
from pipeline.results.figures.titles import x_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.figure import Figure

    from pipeline.results.figures.products import Matrix, Products


def drawings(products: Products) -> Iterator[Drawing]:
    """One figure for every quantity, with a panel for each method."""
    caption = "Where the answers to each true value lie: every column is normalised to 1, with what is beyond the axis."
    for quantity in products.analysis.task.response if is_regression(products) else ():
        found = {model: products.matrices.get(f"response/all/{model}_{quantity}") for model in products.metrics}
        filled = {model: matrix for model, matrix in found.items() if matrix is not None and matrix.values.any()}
        if filled:
            yield Drawing(f"{quantity}_response", "Response", caption, partial(_of, products, quantity, filled))


@styled
def draw_responses(matrices: Mapping[str, Matrix], *, x: str, y: str, header: Header) -> Figure:
    """Draw *matrices*, by label, in one panel each.

    Args:
        matrices: answer against truth.
        x: title of the axis of the truth.
        y: title of that of the answer.
        header: what stands above the axes.
    """
    figure, axes = panels(len(matrices))
    for panel, (label, matrix) in zip(axes, matrices.items(), strict=True):
        shown = panel.pcolormesh(matrix.edges, matrix.edges, matrix.by_truth(), cmap="Blues", vmin=0)
        figure.colorbar(shown, ax=panel)
        panel.plot(matrix.edges[[0, -1]], matrix.edges[[0, -1]], color="0.4", linestyle=":", linewidth=1.5)
        panel.text(0.03, 0.97, label, transform=panel.transAxes, va="top")
        panel.set(xlabel=x, ylabel=y)
    stamp(axes[0], header)
    return figure


def _of(products: Products, quantity: str, found: Mapping[str, Matrix]) -> Figure:
    label, unit = title_of(products, quantity)
    named = {products.model_label(model): matrix for model, matrix in found.items()}
    return draw_responses(
        named, x=x_title(f"true {label}", unit), y=x_title(f"answered {label}", unit), header=products.header()
    )
