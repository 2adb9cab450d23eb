"""How histograms are written for others: ROOT's TH1D for ROOT users, UHI's JSON for Python and for the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hist
import numpy as np
import uhi.io.json
import uproot

from pipeline.files import read_json, replacing, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.statistics.dataset_histograms import DatasetHistograms
    from pipeline.tasks.products import TaskCounts


def write_root(path: str | Path, histograms: Mapping[str, hist.Hist]) -> None:
    """Write *histograms* as TH1D or TH2D with errors; a key such as `mc/mass` is a folder and a name."""
    with replacing(path) as temporary, uproot.recreate(temporary) as file:
        for key, histogram in histograms.items():
            file[key] = histogram


def write_dataset_histograms(path: str | Path, histograms: DatasetHistograms, counts: TaskCounts | None) -> None:
    """Write the histograms of one dataset, and of its scores where there are models, as TH1D; weights are not scaled."""
    parts = (histograms,) if counts is None else (histograms, counts.test, counts.train)
    write_root(path, {name: part.histograms[name].to_hist(name=name) for part in parts for name in part.histograms})


def write_uhi(path: str | Path, histograms: Mapping[str, hist.Hist]) -> None:
    """Write *histograms* by key as JSON of the UHI schema."""
    write_json(path, {key: _plain(uhi.io.json.default(histogram)) for key, histogram in histograms.items()})


def read_uhi(path: str | Path) -> dict[str, hist.Hist]:
    """The histograms of `write_uhi`, by key.

    Raises:
        InputError: the file is missing or is no JSON.
    """
    content = read_json(path, made_by="evaluate")
    return {key: hist.Hist(_arrays(histogram)) for key, histogram in content.items()}


def _plain(content: Any) -> Any:
    """Arrays as lists, at every level."""
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return uhi.io.json.default(content) if isinstance(content, np.ndarray | np.generic) else content


def _arrays(content: Any) -> Any:
    """The inverse of `_plain`."""
    if isinstance(content, list):
        return [_arrays(value) for value in content]
    if not isinstance(content, dict):
        return content
    return uhi.io.json.object_hook({key: _arrays(value) for key, value in content.items()})
