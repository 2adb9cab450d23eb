"""Expected events by process, one on the other, with data and their ratio when there are data."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from pipeline.results.figures.binned import Binned, Layer, add
from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.style import Header, legend_above, one_panel, stamp, styled, two_panels
from pipeline.results.figures.titles import x_title, y_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pipeline.results.figures.products import Products

# Half-ranges that a ratio panel may have, from the narrowest; the first that holds four points in five is taken.
RATIO_RANGES = ((0.5, 1.5), (0.0, 2.0), (0.0, 5.0), (0.0, 20.0), (0.0, 100.0), (0.0, 1000.0))
HATCH: dict[str, Any] = {"facecolor": "none", "edgecolor": "0.35", "hatch": "/////", "linewidth": 0}
POINTS: dict[str, Any] = {"color": "black", "marker": "o", "markersize": 7, "linestyle": "none", "elinewidth": 1.5}


def drawings(products: Products) -> Iterator[Drawing]:
    """One figure for every histogram, and one for the score of every model."""
    for name in products.quantities():
        yield Drawing(name, "Distributions", _caption(products, name), partial(_of, products, name))


@styled
def draw_stack(
    layers: Sequence[Layer],
    *,
    x: str,
    y: str,
    header: Header,
    signals: Sequence[Layer] = (),
    data: Binned | None = None,
    log: bool = False,
) -> Figure:
    """Draw *layers* on each other, *signals* as lines above them and *data* as points.

    Args:
        layers: simulated processes, scaled to the luminosity; the smallest comes to lie at the bottom.
        x: title of the x axis.
        y: title of the y axis.
        header: what stands above the axes.
        signals: drawn as lines, enlarged by a power of ten where they would not be seen; not part of the sum.
        data: counts, with their Garwood intervals; a ratio panel is added when there are *layers* to compare with.
        log: draw the y axis in powers of ten.
    """
    with_ratio = data is not None and bool(layers)
    figure, axes, lower = two_panels() if with_ratio else (*one_panel(), None)
    ordered = sorted(layers, key=lambda layer: layer.binned.total)
    _draw_layers(axes, ordered)
    peaks = [_peak(add(layer.binned for layer in layers))] if layers else []
    for layer in signals:
        peaks.append(_draw_signal(axes, layer, target=peaks[0] if peaks and not log else 0.0))
    if data is not None:
        peaks.append(_draw_data(axes, data, shown=_speaking(data, layers)))
    everything = [*(layer.binned for layer in (*layers, *signals)), *([data] if data is not None else [])]
    if log:
        axes.set_yscale("log")
    legend_above(axes, max(peaks) or 1.0, bottom=_floor(everything, max(peaks)) if log else 0.0, reverse=True)
    axes.set_xlim(everything[0].edges[0], everything[0].edges[-1])
    axes.set_ylabel(y)
    if lower is not None and data is not None:
        _draw_ratio(lower, data, add(layer.binned for layer in layers))
        lower.set_ylabel("Data / bkg." if signals else "Data / MC", loc="center")
        figure.align_ylabels([axes, lower])
    (lower or axes).set_xlabel(x)
    stamp(axes, header, note=_outside(everything))
    return figure


def magnification(peak: float, target: float) -> int:
    """The power of ten, at least 1, that lifts *peak* as high as it goes below *target*.

    >>> magnification(2.0, 1000.0), magnification(5.0, 3.0)
    (100, 1)
    """
    if peak <= 0 or target <= peak:
        return 1
    return int(10 ** math.floor(math.log10(target / peak) + 1e-9))


def garwood(data: Binned) -> NDArray[np.float64]:
    """Distances down and up from each count to the ends of its 68 % interval, shape (2, n_bins).

    Source: F. Garwood, doi:10.1093/biomet/28.3-4.437, as `hist` computes it.
    """
    from hist.intervals import poisson_interval

    low, high = poisson_interval(data.values)
    return np.stack([data.values - low, high - data.values])


def ratio_range(ratio: NDArray[np.float64]) -> tuple[float, float]:
    """The narrowest range that holds four of five finite points of *ratio*."""
    points = ratio[np.isfinite(ratio)]
    for low, high in RATIO_RANGES:
        if len(points) == 0 or np.mean((points >= low) & (points <= high)) >= 0.8:
            return low, high
    return RATIO_RANGES[-1]


def _draw_layers(axes: Axes, layers: Sequence[Layer]) -> None:
    if not layers:
        return
    total = add(layer.binned for layer in layers)
    height = np.zeros(len(total.values))
    for layer in layers:
        top = height + layer.binned.values * layer.binned.per_width
        axes.stairs(top, total.edges, baseline=height, fill=True, color=layer.color, label=layer.label)
        height = top
    low, high = (total.values - total.errors) * total.per_width, (total.values + total.errors) * total.per_width
    axes.stairs(high, total.edges, baseline=low, fill=True, label="MC stat. unc.", **HATCH)


def _draw_signal(axes: Axes, layer: Layer, *, target: float) -> float:
    factor = magnification(_peak(layer.binned), target)
    label = layer.label if factor == 1 else f"{layer.label} $\\times$ {_power(factor)}"
    height = layer.binned.values * layer.binned.per_width * factor
    axes.stairs(height, layer.binned.edges, color=layer.color, linewidth=3, label=label)
    return _peak(layer.binned) * factor


def _power(factor: int) -> str:
    return str(factor) if factor < 1000 else f"$10^{{{round(math.log10(factor))}}}$"


def _speaking(data: Binned, layers: Sequence[Layer]) -> NDArray[np.bool_]:
    """Bins whose count says something: not those where nothing was expected and nothing came, shape (n_bins,)."""
    expected = np.any([layer.binned.values != 0 for layer in layers], axis=0) if layers else False
    return np.asarray((data.values != 0) | expected, dtype=bool)


def _draw_data(axes: Axes, data: Binned, *, shown: NDArray[np.bool_]) -> float:
    errors = garwood(data) * data.per_width
    height = data.values * data.per_width
    axes.errorbar(data.centers[shown], height[shown], yerr=errors[:, shown], label="Data", **POINTS)
    return float((height + errors[1]).max())


def _draw_ratio(axes: Axes, data: Binned, total: Binned) -> None:
    expected = np.where(total.values > 0, total.values, np.nan)
    ratio, errors = data.values / expected, garwood(data) / expected
    relative = total.errors / expected
    low, high = ratio_range(ratio)
    axes.stairs(1 + np.nan_to_num(relative), data.edges, baseline=1 - np.nan_to_num(relative), fill=True, **HATCH)
    axes.axhline(1, color="black", linewidth=1)
    known = np.isfinite(ratio)
    axes.errorbar(data.centers[known], ratio[known], yerr=errors[:, known], **POINTS)
    # A point beyond the panel is not to vanish in silence: a triangle shows on which side it lies.
    for beyond, edge, marker in ((ratio > high, high, "^"), (ratio < low, low, "v")):
        axes.plot(data.centers[beyond], np.full(beyond.sum(), edge), marker, color="black", markersize=8, clip_on=False)
    axes.set_ylim(low, high)
    # The uppermost number would touch the lowest one of the panel above.
    axes.yaxis.set_major_locator(MaxNLocator(4, prune="upper"))


def _peak(binned: Binned) -> float:
    return float(((binned.values + binned.errors) * binned.per_width).max(initial=0.0))


def _floor(everything: Sequence[Binned], peak: float) -> float:
    """Where a log axis begins: below the smallest bin that a reader wants to see, at most nine decades below the peak."""
    positive = [b.values[b.values > 0] * b.per_width[b.values > 0] for b in everything]
    smallest = min((float(heights.min()) for heights in positive if len(heights)), default=0.1)
    return max(smallest / 2, (peak or 1.0) * 1e-9)


def _outside(everything: Sequence[Binned]) -> str | None:
    """A note on what the axis does not show, if that is more than one event in a thousand."""
    worst = max((binned.outside_fraction for binned in everything), default=0.0)
    return f"up to {worst:.1%} of a process outside the axis" if worst > 0.001 else None


def _of(products: Products, name: str) -> Figure:
    quantity = products.quantity(name)
    signals, layers = products.processes(name)
    data = products.histograms.get(f"data/{name}")
    if not layers:
        signals, layers = (), signals
    edges = (data or layers[0].binned).edges
    return draw_stack(
        layers,
        x=x_title(quantity.label, quantity.unit),
        y=y_title(edges, quantity.unit, counted=products.counted(name)),
        header=products.header(lumi=True, has_data=data is not None),
        signals=signals,
        data=data,
        log=quantity.log,
    )


def _caption(products: Products, name: str) -> str:
    text = "Expected events by process; the hatched band is the statistical uncertainty of the simulation."
    if f"data/{name}" in products.histograms:
        text += " Data points carry 68 % Garwood intervals."
    return text
