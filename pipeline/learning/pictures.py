"""How images of jets are added up, before and after each of their steps: exactly, whatever the chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.results.pictures import pictures_of
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.histogram import HistogramAxis
from pipeline.stream.given import Given
from pipeline.stream.kinds.image import filled_of, reads

if TYPE_CHECKING:
    from pipeline.config import Analysis
    from pipeline.physics.selected import Selected
    from pipeline.statistics.sums import Quantum


def empty_pictures(analysis: Analysis, quantum: Quantum) -> DatasetHistograms:
    """One histogram for each picture and channel, `<picture>_<channel>`, whose bins are the pixels, row by row."""
    axes = {
        f"{name}_{channel}": HistogramAxis(f"{name}_{channel}", "pixel", True, (image.pixels**2, 0.0, image.pixels**2))
        for name, image in pictures_of(analysis).items()
        for channel in image.channels
    }
    return DatasetHistograms.for_axes(axes, quantum)


def add_pictures(total: DatasetHistograms, analysis: Analysis, selected: Selected, *, place: str) -> None:
    """Add the images of the *selected* jets to *total*, each with its weight; *place* is the file and range."""
    for name, image in pictures_of(analysis).items():
        given = Given.of(selected, image.of or name, reads(image), jagged=True, place=place)
        images = filled_of(image, given)
        weight = np.asarray(selected.weight, dtype=np.float64)[images.jet]
        for channel, values in zip(image.channels, images.values.T, strict=True):
            # In the middle of a bin: on its edge, rounding would say in which.
            total.histograms[f"{name}_{channel}"].fill(images.place + 0.5, weight * values)
