"""What the jets of each class look like on average: images after each of their steps, added up exactly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hist
import numpy as np

from pipeline.inputs import STEPS, Image
from pipeline.results.groups import groups_of
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.npz import load_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis


def pictures_of(analysis: Analysis) -> dict[str, Image]:
    """The images of all input sets before and after each of their steps, by `<input set>_<collection>_<step>`; each once."""
    found: dict[str, Image] = {}
    for inputs, collections in analysis.inputs.items():
        for name, image in collections.items():
            if isinstance(image, Image):
                done = [step for step in STEPS if step in image.steps]
                for n in range(len(done) + 1):
                    picture = image.model_copy(update={"steps": tuple(done[:n]), "of": image.of or name})
                    if picture not in found.values():
                        found[f"{inputs}_{name}_{('raw', *done)[n]}"] = picture
    return found


def mean_pictures(
    analysis: Analysis, folder: Path, selected: Mapping[str, DatasetHistograms], scales: Mapping[str, float]
) -> dict[str, hist.Hist]:
    """The mean image of each class, or of each process where there are no classes, as two-dimensional histograms.

    Args:
        analysis: whole.
        folder: with `<dataset>.npz` of every dataset, as `score` wrote them; not looked at without images.
        selected: of each dataset, for the sum of weights of its selected jets.
        scales: factor from weights to events at the analysis' luminosity, by dataset.

    Returns:
        By `pictures/<class>/<picture>_<channel>`.
    """
    pictures = pictures_of(analysis)
    if not pictures:
        return {}
    sums = {name: DatasetHistograms.from_arrays(load_arrays(folder / f"{name}.npz")) for name in analysis.datasets}
    groups = groups_of(analysis)
    kind = "classes/" if any(group.startswith("classes/") for group in groups) else "processes/"
    result = {}
    for group, members in groups.items():
        total = sum(scales[dataset] * selected[dataset].sumw for dataset in members)
        if group.startswith(kind) and total > 0:
            for name, image in pictures.items():
                for channel in image.channels:
                    parts = [sums[d].histograms[f"{name}_{channel}"].to_hist(scales[d] / total) for d in members]
                    key = f"pictures/{group.removeprefix(kind)}/{name}_{channel}"
                    result[key] = _picture(image, sum(part.values() for part in parts), sum(part.variances() for part in parts))
    return result


def _picture(image: Image, values: NDArray[np.float64], variances: NDArray[np.float64]) -> hist.Hist:
    """A histogram in x and y, from pixels that are counted row by row from the upper left."""
    side = {"start": -image.half_width, "stop": image.half_width}
    axes = [hist.axis.Regular(image.pixels, **side, name=name, label=name) for name in ("x", "y")]
    picture = hist.Hist(*axes, storage=hist.storage.Weight())
    view = picture.view()
    for part, numbers in (("value", values), ("variance", variances)):
        view[part] = numbers.reshape(image.pixels, image.pixels)[::-1].T
    return picture
