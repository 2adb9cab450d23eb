"""How the training went: training and validation loss of every fold."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.style import Header, color_of, headroom, legend, one_panel, stamp, styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pipeline.results.figures.products import History, Products


def drawings(products: Products) -> Iterator[Drawing]:
    """One figure for every model that has been trained."""
    caption = "Training (dashed) and validation (solid) loss of each fold; dots mark the lowest validation loss."
    for model, folds in products.histories.items():
        if folds:
            title = f"Epoch of {products.model_label(model)}"
            yield Drawing(
                f"{model}_loss", "Training", caption, partial(draw_losses, folds, x=title, header=products.header())
            )


@styled
def draw_losses(folds: Mapping[int, History], *, x: str, header: Header) -> Figure:
    """Draw the losses of each of *folds* by epoch.

    Args:
        folds: histories, by number of the fold.
        x: title of the x axis.
        header: what stands above the axes.
    """
    figure, axes = one_panel()
    for index, (fold, history) in enumerate(folds.items()):
        color = color_of(index)
        axes.plot(history.epoch, history.loss, color=color, linestyle="--", linewidth=2, label=f"fold {fold}, training")
        axes.plot(history.epoch, history.val_loss, color=color, linewidth=2.5, label=f"fold {fold}, validation")
        if np.isfinite(history.val_loss).any():
            best = int(np.nanargmin(history.val_loss))
            axes.plot(history.epoch[best], history.val_loss[best], "o", color=color, markersize=11)
    values = np.concatenate([np.concatenate([history.loss, history.val_loss]) for history in folds.values()])
    low, high = _range(values[np.isfinite(values)])
    headroom(axes, high, rows=len(folds) + 0.5, bottom=low)
    axes.set(xlabel=x, ylabel="Loss")
    legend(axes, ncols=2)
    stamp(axes, header)
    return figure


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    """The losses with a margin below; a range of 1 around what does not change."""
    if len(values) == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin
