"""The stage `plot`: every figure of an analysis as PDF and PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.files import replacing, write_json
from pipeline.results.figures import (
    answers,
    cost,
    losses,
    performance,
    pictures,
    residuals,
    response,
    roc,
    scores,
    shape,
    sizes,
    stability,
    stack,
)
from pipeline.results.figures.products import Products, read_products
from pipeline.results.figures.style import styled

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from pipeline.config import Analysis
    from pipeline.results.figures.drawing import Drawing

# In the order of the report. A new kind of figure is a new file there and its name here.
KINDS = (roc, cost, sizes, stability, scores, performance, residuals, response, answers, stack, shape, pictures, losses)

# Without the date and the program's version: the same products give the same bytes.
METADATA: dict[str, dict[str, str | None]] = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Producer": None}}


def plot(analysis: Analysis, results_dir: str | Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Draw all figures of *analysis* and write them with an `index.json`.

    Args:
        analysis: the analysis.
        results_dir: its folder, `results/<analysis>`, with the products of `evaluate` and, if there are models, of `train`.
        progress: called with how many figures are done and how many there are.

    Returns:
        The folder `<results_dir>/figures`, replaced as a whole.

    Raises:
        InputError: a product is missing, or two figures would have one name.
    """
    folder = Path(results_dir) / "figures"
    drawings = list_drawings(read_products(analysis.shown(), results_dir))
    with replacing(folder) as temporary:
        temporary.mkdir(parents=True)
        for done, drawing in enumerate(drawings, start=1):
            save(drawing.draw(), temporary / drawing.name)
            if progress is not None:
                progress(done, len(drawings))
        rows = [{"name": d.name, "group": d.group, "caption": d.caption} for d in drawings]
        write_json(temporary / "index.json", rows)
    return folder


def list_drawings(products: Products) -> list[Drawing]:
    """The figures that *products* allow, in the order of the report.

    Raises:
        InputError: two of them have one name.
    """
    drawings = [drawing for kind in KINDS for drawing in kind.drawings(products)]
    names = [drawing.name for drawing in drawings]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"Two figures of analysis '{products.analysis.name}' are called {name!r}. Expected a name for each:"
                " '<histogram>_shape', '<model>_score', '<model>_overtraining', '<model>_loss', 'roc', 'roc_linear' exist."
                f" Rename the histogram or the model in config/{products.analysis.name}.yaml."
            )
    return drawings


@styled
def save(figure: Figure, stem: Path) -> None:
    """Write *figure* as `<stem>.pdf` and `<stem>.png`."""
    for suffix, metadata in METADATA.items():
        figure.savefig(stem.with_name(f"{stem.name}.{suffix}"), metadata=metadata)
