"""What a model is to answer where that is not a class: the truth that the processor gives, as a table of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.stream.rows import Tensors

# The columns of an object as the processor gives it.
GIVEN = ("pt", "eta", "phi", "mass")
# What a network answers of each object. An azimuth is answered as the point on the circle, which has no seam at ±π.
COORDINATES = {
    "px_py_pz": ("px", "py", "pz"),
    "pt_eta_phi_mass": ("pt", "eta", "cos_phi", "sin_phi", "mass"),
}
# These are of order 1 already, and another scale for each would turn the circle into an ellipse.
UNSCALED = frozenset({"cos_phi", "sin_phi"})


@dataclass(frozen=True, slots=True)
class TruthSpec:
    """Which truth is wanted, and how.

    Args:
        objects: names of four-vectors among the processor's targets, each of shape (n_events, 4): pt [GeV], eta, phi [rad],
            mass [GeV]; NaN where an event has none.
        coordinates: of each object, as in `COORDINATES`.
        labels: names of targets with one number an event, shape (n_events,).
    """

    objects: tuple[str, ...] = ()
    coordinates: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `truth_table`."""
        return (*(f"{name}_{coordinate}" for name in self.objects for coordinate in self.coordinates), *self.labels)


def truth_table(spec: TruthSpec, truth: Mapping[str, Any], n_events: int) -> NDArray[np.float32]:
    """The columns of *spec* of *n_events* events, shape (n_events, n_columns); NaN where an event lacks an object.

    Raises:
        InputError: the processor does not give a target, or not in that shape.
    """
    table = np.empty((n_events, len(spec.columns)), dtype=np.float32)
    width = len(spec.coordinates)
    for place, name in enumerate(spec.objects):
        table[:, place * width : (place + 1) * width] = in_coordinates(vectors(truth, name, n_events), spec.coordinates)
    for place, name in enumerate(spec.labels, start=len(spec.objects) * width):
        table[:, place] = _given(truth, name, (n_events,), "one number an event")
    return table


def vectors(truth: Mapping[str, Any], name: str, n_events: int) -> NDArray[np.float64]:
    """The four-vectors of the object *name*: pt, eta, phi, mass, shape (n_events, 4), all finite or all NaN.

    Raises:
        InputError: the processor does not give them.
    """
    array = _given(truth, name, (n_events, 4), "pt, eta, phi and mass of each event").astype(np.float64)
    finite = np.isfinite(array)
    if not np.array_equal(finite.any(axis=1), finite.all(axis=1)):
        row = int(np.flatnonzero(finite.any(axis=1) != finite.all(axis=1))[0])
        raise InputError(
            f"Target {name!r} is {array[row].tolist()} in event {row} of a chunk. Expected four finite numbers, or four NaN"
            " where the event has no such object. Correct it in the processor."
        )
    return array


def in_coordinates(given: NDArray[np.float64], coordinates: tuple[str, ...]) -> NDArray[np.float64]:
    """Four-vectors (pt, eta, phi, mass) in other *coordinates*, shape (n_events, n_coordinates).

    >>> in_coordinates(np.array([[2.0, 0.0, 0.0, 1.0]]), ("px", "py", "pz")).tolist()
    [[2.0, 0.0, 0.0]]
    """
    pt, eta, phi, mass = given.T
    made = {
        "pt": lambda: pt,
        "eta": lambda: eta,
        "phi": lambda: phi,
        "mass": lambda: mass,
        "px": lambda: pt * np.cos(phi),
        "py": lambda: pt * np.sin(phi),
        "pz": lambda: pt * np.sinh(eta),
        "energy": lambda: np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2),
        "rapidity": lambda: np.arcsinh(pt * np.sinh(eta) / np.sqrt(pt**2 + mass**2)),
        "cos_phi": lambda: np.cos(phi),
        "sin_phi": lambda: np.sin(phi),
    }
    return np.stack([made[coordinate]() for coordinate in coordinates], axis=1)


def from_coordinates(
    answers: NDArray[Any], coordinates: tuple[str, ...], masses: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The inverse of `in_coordinates` for the coordinates of a network: (pt, eta, phi, mass).

    Whatever a network answers is some four-vector: a negative pt or mass is taken as 0, and the point (cos φ, sin φ) need
    not lie on the circle.

    Args:
        answers: shape (..., n_coordinates).
        coordinates: one of `COORDINATES`.
        masses: in GeV, where *coordinates* have no mass; of a shape that fits.

    Returns:
        Shape (..., 4).
    """
    column = dict(zip(coordinates, np.moveaxis(np.asarray(answers, dtype=np.float64), -1, 0), strict=True))
    if "px" in column:
        pt = np.hypot(column["px"], column["py"])
        with np.errstate(divide="ignore", invalid="ignore"):
            eta = np.where(column["pz"] == 0, 0.0, np.arcsinh(column["pz"] / pt))
        phi = np.arctan2(column["py"], column["px"])
        return np.stack([pt, eta, phi, np.broadcast_to(np.asarray(masses, dtype=np.float64), pt.shape)], axis=-1)
    phi = np.arctan2(column["sin_phi"], column["cos_phi"])
    return np.stack([np.maximum(column["pt"], 0), column["eta"], phi, np.maximum(column["mass"], 0)], axis=-1)


def of_events(truth: Tensors, index: NDArray[np.int64]) -> Tensors:
    """The *truth* of some events."""
    return {name: np.asarray(values)[index] for name, values in truth.items()}


def _given(truth: Mapping[str, Any], name: str, shape: tuple[int, ...], what: str) -> NDArray[Any]:
    if name not in truth:
        raise InputError(
            f"The processor gives no target {name!r}. {nearest(name, truth)} Correct `task` in the YAML, or give it in the"
            " processor."
        )
    array = np.asarray(truth[name])
    if array.shape != shape:
        raise InputError(
            f"The processor gives target {name!r} of shape {array.shape}. Expected {shape}: {what}. Correct it there."
        )
    return array
