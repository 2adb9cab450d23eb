"""What more events would bring: area under the curve and rejection against the number of training events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.regressed import Curve, curve_of
from pipeline.results.figures.stability import range_of
from pipeline.results.figures.style import Header, around, color_of, headroom, legend, marker_of, no_ticks_above, one_panel, stamp, styled
from pipeline.sizes import models_of_curve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pipeline.results.figures.products import Products

SIG_EFF = "0.5"


def drawings(products: Products) -> Iterator[Drawing]:
    """Two figures of a classification with a learning curve."""
    task = products.analysis.task
    families = models_of_curve(products.analysis) if task is not None and task.kind == "classification" else {}
    if not families or not products.metrics:
        return
    entries = [[products.metrics[name] for name in sizes.values()] for sizes in families.values()]
    n_events = [np.array([np.mean(entry["n_train"]) for entry in of_model], dtype=np.float64) for of_model in entries]
    labels = [products.model_label(model) for model in families]
    note = "Smaller samples are parts of the larger ones; the test events are the same. Errors: bootstrap replicas of these."
    for name, title, points in (
        ("auc", "AUC", [[entry["auc"] for entry in of_model] for of_model in entries]),
        (
            "rejection",
            f"Rejection at {float(SIG_EFF):.0%} signal efficiency",
            [[entry["rejection"][SIG_EFF] for entry in of_model] for of_model in entries],
        ),
    ):
        lines = [curve_of(label, of_model) for label, of_model in zip(labels, points, strict=True)]
        draw = partial(draw_sizes, lines, n_events, y=title, log=name == "rejection", header=products.header())
        yield Drawing(f"learning_curve_{name}", "Learning curves", f"{title} against training events. {note}", draw)


@styled
def draw_sizes(
    lines: Sequence[Curve], n_events: Sequence[NDArray[np.float64]], *, y: str, header: Header, log: bool = False
) -> Figure:
    """Draw each of *lines* against its *n_events*, on a log axis.

    Args:
        lines: one a model.
        n_events: of each of its points.
        y: title of the y axis.
        header: what stands above the axes.
        log: whether the y axis is in powers of ten; if not, what is drawn is an area, at most 1.
    """
    figure, axes = one_panel()
    for index, (line, numbers) in enumerate(zip(lines, n_events, strict=True)):
        options: dict[str, Any] = {"color": color_of(index), "marker": marker_of(index), "markersize": 9, "linewidth": 2}
        axes.errorbar(numbers, line.values, yerr=line.errors, label=line.label, elinewidth=2, **options)
    low, high = range_of(lines, log=log)
    around(axes, np.concatenate(n_events))
    if log:
        axes.set_yscale("log")
    headroom(axes, high, rows=len(lines), bottom=low)
    if not log:
        no_ticks_above(axes, 1.0)
    axes.set(xlabel="Training events", ylabel=y)
    legend(axes, loc="upper left")
    stamp(axes, header)
    return figure
