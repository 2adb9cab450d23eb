"""Whether a model has learned its training events by heart: the score of test events against training events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.style import Header, headroom, legend, one_panel, stamp, styled
from pipeline.results.figures.titles import y_title
from pipeline.results.rounding import p_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.figure import Figure

    from pipeline.results.figures.binned import Binned, Layer
    from pipeline.results.figures.products import Products


def drawings(products: Products) -> Iterator[Drawing]:
    """One figure for every model that has been scored."""
    caption = (
        "Score of test events, which the model has not seen (points), and of a part of its training events (filled), each"
        " normalised to unit area. p: how often the largest distance of the cumulative distributions (Kolmogorov-Smirnov)"
        " of training events by the model that was trained on them and by the one that was not fluctuates by more than it"
        " is, in bootstrap replicas that draw each event for both."
    )
    for model in products.analysis.models:
        if products.classes(f"{model}_score"):
            yield Drawing(f"{model}_overtraining", "Scores", caption, partial(_of, products, model))


@styled
def draw_overtraining(
    tests: Mapping[str, Layer],
    trains: Mapping[str, Layer],
    *,
    p_values: Mapping[str, float | None],
    x: str,
    y: str,
    header: Header,
) -> Figure:
    """Draw the score by class on a log axis: test events as points with errors, training events filled.

    Args:
        tests: by class.
        trains: by class; a class may be missing.
        p_values: by class, of the comparison of the two.
        x: title of the x axis.
        y: title of the y axis.
        header: what stands above the axes.
    """
    figure, axes = one_panel()
    for key, layer in tests.items():
        if key in trains:
            train = trains[key].binned.normalised()
            axes.stairs(train.values, train.edges, fill=True, color=layer.color, alpha=0.35, label=f"{layer.label} (train)")
            axes.stairs(train.values, train.edges, color=layer.color, linewidth=1.5)
        test = layer.binned.normalised()
        label = f"{layer.label} (test){_p_note(p_values.get(key))}"
        options: dict[str, Any] = {"marker": "o", "markersize": 6, "linestyle": "none", "elinewidth": 1.5}
        axes.errorbar(test.centers, test.values, yerr=test.errors, color=layer.color, label=label, **options)
    shapes = [layer.binned.normalised() for layer in (*tests.values(), *trains.values())]
    axes.set_yscale("log")
    axes.set_xlim(shapes[0].edges[0], shapes[0].edges[-1])
    headroom(axes, _top(shapes), rows=len(tests) + len(trains), bottom=_bottom(shapes))
    axes.set(xlabel=x, ylabel=y)
    legend(axes, loc="upper center")
    stamp(axes, header)
    return figure


def _p_note(p_value: float | None) -> str:
    if p_value is None:
        return ""
    text = p_text(p_value)
    return f", p {text}" if text.startswith("<") else f", p = {text}"


def _top(shapes: Sequence[Binned]) -> float:
    return max(float((shape.values + shape.errors).max()) for shape in shapes) or 1.0


def _bottom(shapes: Sequence[Binned]) -> float:
    positive = np.concatenate([shape.values[shape.values > 0] for shape in shapes])
    return max(float(positive.min(initial=1.0)) / 2, 1e-7)


def _of(products: Products, model: str) -> Figure:
    tests = products.classes(f"{model}_score")
    overtraining = products.metrics.get(model, {}).get("overtraining") or {}
    return draw_overtraining(
        tests,
        products.classes(f"{model}_score_train"),
        p_values={key: test["p_value_replicas"] for key, test in overtraining.get("ks", {}).items()},
        x=products.quantity(f"{model}_score").label,
        y=y_title(next(iter(tests.values())).binned.edges, None, counted="Fraction of events"),
        header=products.header(),
    )
