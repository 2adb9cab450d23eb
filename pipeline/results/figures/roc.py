"""How well the models separate signal from background: all ROC curves in one figure, with their statistical bands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.style import Header, color_of, headroom, legend, line_of, one_panel, stamp, styled
from pipeline.results.rounding import with_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pipeline.results.figures.products import Products, RocLine

BANDS = "Bands: 68 % statistical uncertainty of the test sample, from bootstrap replicas. Dotted: no separation."


def drawings(products: Products) -> Iterator[Drawing]:
    """Background rejection, and background efficiency, of all models that have been evaluated."""
    lines, header = [products.rocs[model] for model in products.whole() if model in products.rocs], products.header()
    if lines:
        caption = f"Background rejection (one over the background efficiency) against signal efficiency. {BANDS}"
        yield Drawing("roc", "ROC", caption, partial(draw_rejection, lines, header=header))
        caption = f"Background efficiency against signal efficiency. {BANDS}"
        yield Drawing("roc_linear", "ROC", caption, partial(draw_efficiency, lines, header=header))


@styled
def draw_rejection(lines: Sequence[RocLine], *, header: Header) -> Figure:
    """Draw background rejection, on a log axis, against signal efficiency."""
    figure, axes = one_panel()
    known = [rejection(part) for line in lines for part in (line.bkg_eff, line.bkg_eff_high)]
    top = 1.5 * max(float(np.nanmax(values, initial=1.0)) for values in known)
    for index, line in enumerate(lines):
        # Where no background is left the band is open at its upper end: it runs out of the figure.
        low, high = rejection(line.bkg_eff_high), rejection(line.bkg_eff_low, limit=top)
        _draw_line(axes, index, line, rejection(line.bkg_eff), low, high)
    efficiencies = np.linspace(0.001, 1, 500)
    axes.plot(efficiencies, 1 / efficiencies, color="0.4", linestyle=":", linewidth=1.5)
    axes.set_yscale("log")
    headroom(axes, top, rows=len(lines), bottom=1.0)
    axes.set(xlim=(0, 1), xlabel="Signal efficiency", ylabel="Background rejection")
    legend(axes)
    stamp(axes, header)
    return figure


@styled
def draw_efficiency(lines: Sequence[RocLine], *, header: Header) -> Figure:
    """Draw background efficiency against signal efficiency, both linear."""
    figure, axes = one_panel()
    for index, line in enumerate(lines):
        _draw_line(axes, index, line, line.bkg_eff, line.bkg_eff_low, line.bkg_eff_high)
    axes.plot([0, 1], [0, 1], color="0.4", linestyle=":", linewidth=1.5)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="Signal efficiency", ylabel="Background efficiency")
    legend(axes, loc="upper left", frameon=True, facecolor="white", edgecolor="none", framealpha=0.9)
    stamp(axes, header)
    return figure


def rejection(bkg_eff: NDArray[np.float64], *, limit: float = np.nan) -> NDArray[np.float64]:
    """One over *bkg_eff*, same shape; *limit* where that is 0, NaN where it is not known.

    >>> rejection(np.array([0.5, 0.0, np.nan])).tolist()
    [2.0, nan, nan]
    """
    result = np.full(len(bkg_eff), np.nan)
    result[bkg_eff <= 0] = limit
    positive = bkg_eff > 0
    result[positive] = 1 / bkg_eff[positive]
    return result


def _draw_line(
    axes: Axes,
    index: int,
    line: RocLine,
    middle: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> None:
    label = f"{line.label} (AUC {with_error(line.auc, line.auc_stat)})"
    color = color_of(index)
    axes.fill_between(line.sig_eff, low, high, color=color, alpha=0.25, linewidth=0)
    axes.plot(line.sig_eff, middle, color=color, linestyle=line_of(index), linewidth=2.5, label=label)
