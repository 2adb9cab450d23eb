"""Whether the answers of a regression have the right spectrum: truth against every method, with their ratio."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.regressed import TRAINED, is_regression, spectra, title_of
from pipeline.results.figures.style import Header, color_of, legend_above, line_of, stamp, styled, two_panels
from pipeline.results.figures.titles import x_title, y_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.figure import Figure

    from pipeline.results.figures.binned import Binned
    from pipeline.results.figures.products import Products


def drawings(products: Products) -> Iterator[Drawing]:
    """One figure for every quantity that has a response matrix."""
    caption = (
        "Truth (filled) and answers (lines) of the same events, and the ratio of answers to truth. Errors: statistical."
    )
    for quantity in products.analysis.task.response if is_regression(products) else ():
        truth = products.histograms.get(f"{TRAINED}/truth_{quantity}")
        if truth is not None:
            yield Drawing(f"{quantity}_spectrum", "Spectra", caption, partial(_of, products, quantity, truth))


@styled
def draw_spectra(truth: Binned, answers: Mapping[str, Binned], *, x: str, y: str, header: Header) -> Figure:
    """Draw *truth* filled and the *answers*, by label, as lines; below, their ratio to the truth.

    Args:
        truth: true spectrum.
        answers: on the same axis.
        x: title of the x axis.
        y: title of the y axis.
        header: what stands above the axes.
    """
    figure, upper, lower = two_panels()
    width = truth.per_width
    upper.stairs(truth.values * width, truth.edges, fill=True, color="0.85", label="Truth")
    for index, (label, binned) in enumerate(answers.items()):
        style: dict[str, Any] = {"color": color_of(index), "linestyle": line_of(index)}
        upper.stairs(binned.values * width, binned.edges, linewidth=2.5, label=label, **style)
        known = truth.values > 0
        ratio, error = (np.full(len(truth.values), np.nan) for _ in range(2))
        ratio[known] = binned.values[known] / truth.values[known]
        error[known] = binned.errors[known] / truth.values[known]
        lower.stairs(ratio, binned.edges, linewidth=2, baseline=None, **style)
        lower.errorbar(truth.centers, ratio, yerr=error, linestyle="none", color=style["color"], elinewidth=1.5)
    lower.axhline(1, color="0.4", linestyle=":", linewidth=1.5)
    top = max(float((binned.values * width).max(initial=0.0)) for binned in (truth, *answers.values()))
    legend_above(upper, top or 1.0)
    upper.set(xlim=(truth.edges[0], truth.edges[-1]), ylabel=y)
    lower.set(ylim=(0.5, 1.5), ylabel="Answer / truth", xlabel=x)
    stamp(upper, header)
    return figure


def _of(products: Products, quantity: str, truth: Binned) -> Figure:
    label, unit = title_of(products, quantity)
    answers = {products.model_label(model): binned for model, binned in spectra(products, quantity).items()}
    y = y_title(truth.edges, unit)
    return draw_spectra(truth, answers, x=x_title(label, unit), y=y, header=products.header(lumi=True))
