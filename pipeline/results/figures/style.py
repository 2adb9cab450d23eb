"""How every figure looks: the field's style from mplhep, the label above the axes, the colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import mplhep
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from pipeline.results.rounding import lumi_text

if TYPE_CHECKING:
    import numpy as np
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from numpy.typing import NDArray

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

# Ten colours that colour-blind readers tell apart: M. Petroff, arXiv:2107.02270, table 1.
PALETTE = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
LINES = ("-", "--", "-.", ":")
# A longer legend has two columns.
MOST_ROWS = 4
MARKERS = ("o", "s", "^", "v", "D", "P", "X", "<", ">", "*")

STYLE = {
    **mplhep.style.CMS,
    # Labels come from the configuration: what the style's font lacks is taken from one with more glyphs.
    "font.family": [mplhep.style.CMS["font.sans-serif"][0], "DejaVu Sans"],
    "mathtext.fallback": "stixsans",
    "axes.formatter.use_mathtext": True,
    "axes.formatter.limits": (-2, 4),
    "figure.subplot.left": 0.155,
    "figure.subplot.right": 0.955,
    "figure.subplot.top": 0.93,
    "figure.subplot.bottom": 0.115,
    "hatch.linewidth": 1.0,
    "legend.fontsize": 20,
    "path.simplify": False,
}


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above the axes.

    Args:
        energy_tev: centre-of-mass energy.
        lumi_inv_fb: integrated luminosity that yields are scaled to; None where the figure does not depend on it.
        has_data: whether the figure shows data; without, it is marked as simulation.
    """

    energy_tev: float
    lumi_inv_fb: float | None = None
    has_data: bool = False

    @property
    def right(self) -> str:
        """Luminosity and energy, as they stand on the right."""
        energy = f"{self.energy_tev:g} TeV"
        return energy if self.lumi_inv_fb is None else f"{lumi_text(self.lumi_inv_fb)} ({energy})"


def styled(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """*function* with this style set while it draws or writes; afterwards matplotlib's settings are as they were."""

    @wraps(function)
    def drawn(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
        with rc_context(rc=STYLE):
            return function(*args, **kwargs)

    return drawn


def one_panel() -> tuple[Figure, Axes]:
    """A figure with one pair of axes, without pyplot and so without anything global."""
    figure = _figure()
    return figure, figure.add_subplot()


def two_panels() -> tuple[Figure, Axes, Axes]:
    """A figure with a large panel and a small one below on the same x axis."""
    figure = _figure()
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1], "hspace": 0.06})
    return figure, upper, lower


def beside() -> tuple[Figure, Axes, Axes]:
    """A figure with two panels beside each other on the same y axis."""
    figure = Figure(figsize=(18, 10), dpi=75)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.06, "left": 0.09, "right": 0.975})
    return figure, left, right


def panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with *count* pairs of axes, as many in a row as there are rows, or one more."""
    n_columns = ceil(sqrt(count))
    n_rows = ceil(count / n_columns)
    figure = Figure(figsize=(10 * n_columns, 10 * n_rows), dpi=100 if count == 1 else 50)
    FigureCanvasAgg(figure)
    grid = figure.subplots(n_rows, n_columns, squeeze=False, gridspec_kw={"hspace": 0.3, "wspace": 0.3})
    axes = list(grid.flat)
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]


def grid(n_rows: int, n_columns: int) -> tuple[Figure, list[list[Axes]]]:
    """A figure with rows of square panels and room for a colour scale on the right."""
    width = 7 * n_columns + 3
    figure = Figure(figsize=(width, 7 * n_rows), dpi=50)
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, n_columns, squeeze=False, gridspec_kw={"hspace": 0.15, "wspace": 0.25, "left": 1.2 / width, "right": 1 - 1.8 / width})
    return figure, [list(row) for row in axes]


def stamp(axes: Axes, header: Header, *, note: str | None = None) -> None:
    """Write *header* above *axes*, and *note* upright along their right side.

    As `mplhep.label.exp_text` does, which measures the power of ten above the y axis in pyplot's current axes.
    """
    # To the right of the power of ten, wherever that ends once it is drawn.
    name = _above(axes, "nanoloom", (1, 1), (axes.yaxis.get_offset_text(), axes.transAxes), fontsize=30, fontweight="bold")
    kind = "Data" if header.has_data else "Simulation"
    _above(axes, kind, (1, 0), name, xytext=(6, 1), fontsize=23, fontstyle="italic")
    _above(axes, header.right, (1, 1), axes.transAxes, xytext=(0, 5), fontsize=22, ha="right")
    if note is not None:
        axes.text(1.01, 1, note, transform=axes.transAxes, fontsize=14, rotation=90, va="top")


def _above(axes: Axes, text: str, place: tuple[float, float], of: Any, **options: Any) -> Annotation:
    settings = {"xytext": (3, 5), "textcoords": "offset points", "va": "bottom", "annotation_clip": False, **options}
    return axes.annotate(text, xy=place, xycoords=of, **settings)


def color_of(index: int) -> str:
    """The colour of the *index*-th of several lines."""
    return PALETTE[index % len(PALETTE)]


def line_of(index: int) -> str:
    """The dashes of the *index*-th of several lines: they change when the colours begin anew."""
    return LINES[index // len(PALETTE) % len(LINES)]


def marker_of(index: int) -> str:
    """The marker of the *index*-th of several kinds of points."""
    return MARKERS[index % len(MARKERS)]


def headroom(axes: Axes, top: float, *, rows: float, bottom: float = 0.0) -> None:
    """Set the y range so that *rows* lines of legend fit above *top*; on a log axis *bottom* must be positive."""
    free = min(0.08 + 0.048 * rows, 0.7)
    if axes.get_yscale() == "log":
        axes.set_ylim(bottom, top * (top / bottom) ** (free / (1 - free)))
    else:
        axes.set_ylim(bottom, bottom + (top - bottom) / (1 - free))


def no_ticks_above(axes: Axes, most: float) -> None:
    """Where the legend stands, the y axis shows no numbers that what is drawn cannot reach."""
    for ticks, set_ticks in (
        (axes.yaxis.get_majorticklocs(), axes.yaxis.set_major_locator),
        (axes.yaxis.get_minorticklocs(), axes.yaxis.set_minor_locator),
    ):
        set_ticks(FixedLocator([tick for tick in ticks if tick < most + 1e-9]))


def around(axes: Axes, values: NDArray[np.float64]) -> None:
    """Make the x axis logarithmic, from half the lowest of *values*, all positive, to twice the highest."""
    axes.set_xscale("log")
    axes.set_xlim(float(values.min()) / 2, float(values.max()) * 2)


def legend(axes: Axes, **options: Any) -> None:
    """The legend in the upper right corner, unless *options* say otherwise."""
    axes.legend(**{"loc": "upper right", "borderaxespad": 0.6, "labelspacing": 0.35, **options})


def legend_above(axes: Axes, top: float, *, bottom: float = 0.0, **options: Any) -> None:
    """The legend of all that is drawn, in two columns where it is long, with `headroom` for it above *top*."""
    entries = len(axes.get_legend_handles_labels()[1])
    columns = 2 if entries > MOST_ROWS else 1
    headroom(axes, top, rows=ceil(entries / columns), bottom=bottom)
    legend(axes, ncols=columns, columnspacing=1.0, **options)


def _figure() -> Figure:
    figure = Figure(figsize=(10, 10), dpi=100)
    FigureCanvasAgg(figure)
    return figure
