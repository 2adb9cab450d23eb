"""What the figures of an analysis are made from, read from its products."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError, nearest
from pipeline.files import read_json
from pipeline.results.figures.binned import Binned, Layer, from_hist
from pipeline.results.figures.style import Header, color_of
from pipeline.results.products import read_uhi
from pipeline.sizes import smaller_models

if TYPE_CHECKING:
    from collections.abc import Iterable

    import hist
    from numpy.typing import NDArray

    from pipeline.config import Analysis


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is on the x axis of a histogram, and whether its y axis is in powers of ten."""

    label: str
    unit: str | None = None
    log: bool = False


@dataclass(frozen=True, slots=True)
class RocLine:
    """The ROC curve of one model.

    Args:
        label: of the model.
        sig_eff: signal efficiency, shape (n_points,).
        bkg_eff: background efficiency, same shape; NaN where it is not known, 0 where no background is left.
        bkg_eff_low: lower end of its 68 % band.
        bkg_eff_high: upper end.
        auc: area under the curve.
        auc_stat: its statistical error.
    """

    label: str
    sig_eff: NDArray[np.float64]
    bkg_eff: NDArray[np.float64]
    bkg_eff_low: NDArray[np.float64]
    bkg_eff_high: NDArray[np.float64]
    auc: float | None
    auc_stat: float | None


@dataclass(frozen=True, slots=True)
class Matrix:
    """A response matrix.

    Args:
        edges: of both axes, shape (n_bins + 1,).
        values: sums of weights, answer against truth, with what is beyond the edges, shape (n_bins + 2, n_bins + 2).
    """

    edges: NDArray[np.float64]
    values: NDArray[np.float64]

    def by_truth(self) -> NDArray[np.float64]:
        """Within the edges, each true value's answers over all of them, shape (n_bins, n_bins); NaN where there are none."""
        total = self.values.sum(axis=0)
        return np.asarray((self.values / np.where(total > 0, total, np.nan))[1:-1, 1:-1])


@dataclass(frozen=True, slots=True)
class Picture:
    """A mean image.

    Args:
        edges: of the pixels along x and along y, shape (n + 1,).
        values: means, x first, shape (n, n).
    """

    edges: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """Losses of one training, by epoch; arrays of one length."""

    epoch: NDArray[np.float64]
    loss: NDArray[np.float64]
    val_loss: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Products:
    """Everything that the figures of an analysis show.

    Args:
        analysis: for labels, colours and axes.
        histograms: by key, such as `processes/tt/m_bb`.
        rocs: by model.
        metrics: content of `metrics.json`, by model.
        yields: content of `yields.json`.
        histories: by model and fold; none of what is not trained step by step.
        matrices: response matrices by key, such as `response/all/dnn_top_had_pt`.
        pictures: mean images by key, such as `pictures/w/images_jet_image_flip_pt`.
    """

    analysis: Analysis
    histograms: dict[str, Binned]
    rocs: dict[str, RocLine]
    metrics: dict[str, Any]
    yields: dict[str, Any]
    histories: dict[str, dict[int, History]]
    matrices: dict[str, Matrix] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)

    def quantities(self) -> tuple[str, ...]:
        """Histograms and scores that have been filled, in the order of the configuration."""
        names = (*self.analysis.histograms, *(f"{model}_score" for model in self.analysis.models))
        return tuple(name for name in names if f"mc/{name}" in self.histograms or f"data/{name}" in self.histograms)

    def whole(self) -> dict[str, Any]:
        """The metrics of the models of `analysis`, but of those that are there for a learning curve alone."""
        smaller = smaller_models(self.analysis)
        return {model: entry for model, entry in self.metrics.items() if model in self.analysis.models and model not in smaller}

    def quantity(self, name: str) -> Quantity:
        """Title and unit of the histogram *name*."""
        axis = self.analysis.histograms.get(name)
        if axis is not None:
            return Quantity(axis.label, axis.unit, axis.log)
        return Quantity(f"{self.model_label(name.removesuffix('_score'))} score", log=True)

    def model_label(self, model: str) -> str:
        """The label of *model*, or its name."""
        return self.analysis.models[model].label or model

    def header(self, *, lumi: bool = False, has_data: bool = False) -> Header:
        """What stands above the axes; the luminosity only where yields depend on it."""
        return Header(self.analysis.energy_tev, self.analysis.lumi_inv_fb if lumi else None, has_data)

    def processes(self, name: str) -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
        """The simulated processes of the histogram *name*: those of the signal class, and the others."""
        simulated = {dataset.process for dataset in self.analysis.datasets.values() if dataset.is_mc}
        signal = self._signal_processes()
        keys = [key for key in self.analysis.processes if key in simulated and f"processes/{key}/{name}" in self.histograms]
        layers = {key: self._layer(key, self.histograms[f"processes/{key}/{name}"]) for key in keys}
        return tuple(layers[key] for key in keys if key in signal), tuple(layers[key] for key in keys if key not in signal)

    def classes(self, name: str) -> dict[str, Layer]:
        """The classes of a classification with their histograms *name*; empty for other tasks."""
        known = {key: self.histograms.get(f"classes/{key}/{name}") for key in self._classes()}
        return {key: self._class_layer(key, binned) for key, binned in known.items() if binned is not None}

    def group_label(self, name: str) -> str:
        """The label of the class *name*, or of the process of that name."""
        processes = self._classes().get(name, (name,))
        return self.analysis.processes[processes[0]].label if len(processes) == 1 else name

    def counted(self, name: str) -> str:
        """`Events`, or `Entries` if the histogram has none or several entries in some events.

        A histogram with one entry an event holds, with what is outside its axis, the yield of every dataset.
        """
        for dataset, row in self.yields.get("datasets", {}).items():
            binned = self.histograms.get(f"datasets/{dataset}/{name}")
            if binned is not None and not np.isclose(binned.total, row["yield"], rtol=1e-6, atol=0):
                return "Entries"
        return "Events"

    def _classes(self) -> dict[str, tuple[str, ...]]:
        task = self.analysis.task
        return dict(task.classes) if task is not None and task.kind == "classification" else {}

    def _signal_processes(self) -> tuple[str, ...]:
        classes = self._classes()
        return classes[self.analysis.task.signal] if classes else ()

    def _layer(self, process: str, binned: Binned) -> Layer:
        place = list(self.analysis.processes).index(process)
        settings = self.analysis.processes[process]
        return Layer(settings.label, settings.color or color_of(place), binned)

    def _class_layer(self, key: str, binned: Binned) -> Layer:
        processes = self._classes()[key]
        first = self._layer(processes[0], binned)
        return first if len(processes) == 1 else Layer(key, first.color, binned)


def read_products(analysis: Analysis, results_dir: str | Path) -> Products:
    """Read the products of *analysis* from its folder, `results/<analysis>`.

    Raises:
        InputError: a product is missing or broken, or of other models; names the stage that makes it.
    """
    folder = Path(results_dir)
    histograms = read_uhi(folder / "histograms.json")
    contents = {name: read_json(folder / f"{name}.json", made_by="evaluate") for name in ("roc", "metrics", "yields")}
    missing = [model for model in analysis.models if model not in contents["metrics"]]
    if missing:
        raise InputError(
            f"{folder / 'metrics.json'} has no model {missing[0]!r}, which config/{analysis.name}.yaml names."
            f" {nearest(missing[0], contents['metrics'])} Train and score it, and run `evaluate` again, as `make run` does; or"
            " leave out what was left out then (STUDIES=no)."
        )
    return Products(
        analysis,
        histograms={key: from_hist(histogram) for key, histogram in histograms.items() if histogram.ndim == 1},
        matrices={key: _matrix(histogram) for key, histogram in histograms.items() if key.startswith("response/")},
        pictures={key: _picture(histogram) for key, histogram in histograms.items() if key.startswith("pictures/")},
        rocs={model: _roc(content) for model, content in contents["roc"].items() if model in analysis.models},
        metrics={model: content for model, content in contents["metrics"].items() if model in analysis.models},
        yields=contents["yields"],
        histories={model: read_histories(folder / "models" / model) for model in analysis.models},
    )


def read_histories(folder: Path) -> dict[int, History]:
    """The losses of every fold of the model in *folder*, from `fold<k>/history.csv`; empty without training."""
    paths = {int(path.parent.name.removeprefix("fold")): path for path in folder.glob("fold*/history.csv")}
    histories = {fold: _history(paths[fold]) for fold in sorted(paths)}
    return {fold: history for fold, history in histories.items() if len(history.epoch)}


def _matrix(histogram: hist.Hist) -> Matrix:
    return Matrix(histogram.axes[0].edges.astype(np.float64), histogram.values(flow=True).astype(np.float64))


def _picture(histogram: hist.Hist) -> Picture:
    return Picture(histogram.axes[0].edges.astype(np.float64), histogram.values().astype(np.float64))


def _history(path: Path) -> History:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return History(*(_numbers(row.get(column) for row in rows) for column in ("epoch", "loss", "val_loss")))


def _roc(content: dict[str, Any]) -> RocLine:
    return RocLine(
        label=content["label"],
        sig_eff=_numbers(content["sig_eff"]),
        bkg_eff=_numbers(content["bkg_eff"]),
        bkg_eff_low=_numbers(content["bkg_eff_low"]),
        bkg_eff_high=_numbers(content["bkg_eff_high"]),
        auc=content["auc"],
        auc_stat=content["auc_stat"],
    )


def _numbers(values: Iterable[Any]) -> NDArray[np.float64]:
    """Floats, with NaN for what is missing or empty."""
    return np.array([np.nan if value in (None, "") else float(value) for value in values], dtype=np.float64)
