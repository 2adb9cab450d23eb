"""What the figures of a regression have in common: which quantities there are, and how they are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.results.figures.binned import Binned
    from pipeline.results.figures.products import Products

# How variables are written, their unit, and that of their residual; a relative residual has none.
VARIABLES = {
    "pt": ("$p_T$", "GeV", None),
    "eta": ("$\\eta$", None, None),
    "phi": ("$\\phi$", "rad", "rad"),
    "mass": ("mass", "GeV", None),
    "px": ("$p_x$", "GeV", "GeV"),
    "py": ("$p_y$", "GeV", "GeV"),
    "pz": ("$p_z$", "GeV", "GeV"),
    "energy": ("energy", "GeV", None),
    "rapidity": ("rapidity", None, None),
}
RELATIVE = ("pt", "mass", "energy")
# The histograms of everything that is learned.
TRAINED = "classes/trained"


@dataclass(frozen=True, slots=True)
class Curve:
    """One number with its error in bins, shape (n_bins,) each; NaN where it is not known."""

    label: str
    values: NDArray[np.float64]
    errors: NDArray[np.float64]


def is_regression(products: Products) -> bool:
    """Whether there are answers to draw."""
    task = products.analysis.task
    return task is not None and task.kind == "regression" and bool(products.metrics)


def title_of(products: Products, quantity: str) -> tuple[str, str | None]:
    """How *quantity* is called, and its unit; for what is no `<object>_<variable>`, its own name."""
    known = products.analysis.task.quantity(quantity)
    if known is None:
        histograms = [axis for axis in products.analysis.histograms.values() if axis.observable == quantity]
        return (histograms[0].label, histograms[0].unit) if histograms else (quantity, None)
    body, variable = known
    label, unit, _ = VARIABLES[variable]
    return f"{body_label(products, body)} {label}", unit


def body_label(products: Products, body: str) -> str:
    """The label of an object or system, or its name."""
    task = products.analysis.task
    label = task.objects[body].label if body in task.objects else task.system_labels.get(body)
    return label or body


def spectra(products: Products, quantity: str, suffix: str = "") -> dict[str, Binned]:
    """By model, the histogram of its answers of *quantity* (or, with the *suffix* `_residual`, of its residuals)."""
    keys = {model: f"{TRAINED}/{model}_{quantity}{suffix}" for model in products.metrics}
    found = {model: products.histograms[key] for model, key in keys.items() if key in products.histograms}
    return {model: binned for model, binned in found.items() if binned.total}


def curves(products: Products, group: str, axis: str, part: str, name: str) -> list[Curve]:
    """Of every model that has it, its *part* (efficiency, bias, sigma68) of *name* against *axis*, of *group*."""
    found = []
    for model, entry in products.metrics.items():
        points: Sequence[Mapping[str, Any]] | None = entry["curves"][axis][group][part].get(name)
        if points:
            found.append(curve_of(products.model_label(model), points))
    return found


def curve_of(label: str, points: Sequence[Mapping[str, Any]]) -> Curve:
    """The measurements *points* of one model, as arrays."""
    return Curve(label, *(_numbers(point[key] for point in points) for key in ("value", "stat")))


def groups(products: Products) -> tuple[str, ...]:
    """All events, and those of the first class: usually those that can be reconstructed fully."""
    return ("all", *products.analysis.task.event_classes[:1])


def events_of(products: Products, group: str) -> str:
    """How the events of *group* are called in a caption."""
    return "all selected events" if group == "all" else f"events of class {group}"


def _numbers(values: Any) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
