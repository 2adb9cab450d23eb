"""Mean images of the jets of each class, after each step of their preparation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from matplotlib.colors import LogNorm

from pipeline.inputs import STEPS, Image
from pipeline.results.figures.drawing import Drawing
from pipeline.results.figures.style import grid, stamp, styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.figure import Figure

    from pipeline.results.figures.products import Picture, Products
    from pipeline.results.figures.style import Header

# Decades of brightness below the brightest pixel.
DECADES = 4
BEHIND_TEXT = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 2}
STEP_TITLES = {"raw": "as it is", "centre": "centred", "balance": "balanced", "rotate": "rotated", "flip": "flipped"}
CHANNEL_TITLES = {
    "pt": "$p_T$",
    "charged_pt": "$p_T$ of charged particles",
    "neutral_pt": "$p_T$ of neutral particles",
    "multiplicity": "particles",
    "charged_multiplicity": "charged particles",
    "neutral_multiplicity": "neutral particles",
}
UNITS = {"none": " [GeV]", "sum": r" / $\Sigma p_T$", "l2": r" / $\sqrt{\Sigma p_T^2}$"}
CAPTION = (
    "Mean over the jets of each class, with their weights, before and after each step; x and y are measured from the centre of"
    " the image. Four decades of brightness are shown; what is darker is white."
)


def drawings(products: Products) -> Iterator[Drawing]:
    """One figure for each image and channel, with a row for each class and a column for each step."""
    for prefix, image in _images(products):
        for channel in image.channels:
            found = _found(products, prefix, channel)
            if found:
                draw = partial(_of, products, image, channel, found)
                yield Drawing(f"{prefix}_{channel}", "Mean images", CAPTION, draw)


@styled
def draw_pictures(rows: Mapping[str, Mapping[str, Picture]], *, z: str, header: Header) -> Figure:
    """Draw *rows* of pictures, by label of the row and title of the picture.

    Args:
        rows: as many pictures in each, all with one scale of brightness.
        z: title of the colour scale.
        header: what stands above the axes.
    """
    figure, axes = grid(len(rows), len(next(iter(rows.values()))))
    top = max(picture.values.max() for row in rows.values() for picture in row.values())
    norm = LogNorm(top / 10**DECADES, top)
    for panels, (label, row) in zip(axes, rows.items(), strict=True):
        for panel, (title, picture) in zip(panels, row.items(), strict=True):
            shown = panel.pcolormesh(picture.edges, picture.edges, picture.values.T, cmap="viridis", norm=norm)
            panel.set(xlabel="x", ylabel="y", aspect="equal")
            panel.text(0.04, 0.96, f"{label}\n{title}", transform=panel.transAxes, va="top", bbox=BEHIND_TEXT)
    figure.colorbar(shown, ax=[panel for panels in axes for panel in panels], label=z, fraction=0.03, pad=0.02)
    stamp(axes[0][0], header)
    return figure


def _images(products: Products) -> Iterator[tuple[str, Image]]:
    for inputs, collections in products.analysis.inputs.items():
        yield from ((f"{inputs}_{name}", one) for name, one in collections.items() if isinstance(one, Image))


def _found(products: Products, prefix: str, channel: str) -> dict[str, dict[str, Picture]]:
    """By class and step, the pictures that are not all empty."""
    found: dict[str, dict[str, Picture]] = {}
    for step in ("raw", *STEPS):
        for key, picture in products.pictures.items():
            _, group, name = key.split("/")
            if name == f"{prefix}_{step}_{channel}" and picture.values.max() > 0:
                found.setdefault(group, {})[STEP_TITLES[step]] = picture
    return found


def _of(products: Products, image: Image, channel: str, found: Mapping[str, Mapping[str, Picture]]) -> Figure:
    title = CHANNEL_TITLES[channel]
    is_momentum = channel.endswith("pt")
    z = f"mean {title} in a pixel{UNITS[image.normalise]}" if is_momentum else f"mean number of {title} in a pixel"
    return draw_pictures({products.group_label(group): row for group, row in found.items()}, z=z, header=products.header())
