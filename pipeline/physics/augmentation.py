"""What an event would look like after a symmetry of the collision: turned around the beam, or mirrored along it.

A name says how its column changes, by its end: `phi`, `sin_phi`, `cos_phi`, `px` and `py` turn; `eta`, `pz` and `rapidity`
change sign; all else, such as pt or a b tag, stays. `met_px` turns with `met_py`. Inputs and truth are treated alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError
from pipeline.physics.kinematics import wrap_phi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Columns = Mapping[str, NDArray[np.floating]]

# Two names that turn into each other, as x and y do.
TURNING = {"px": "py", "cos_phi": "sin_phi"}
MIRRORED = ("eta", "pz", "rapidity")


def rotate_phi(columns: Columns, angle: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
    """The same events turned around the beam.

    Args:
        columns: by name, shape (n_events,) or (n_events, n); the padding of a collection is not known here.
        angle: in rad, shape (n_events,).

    Returns:
        All columns, of the same types; azimuths in (-π, π].

    Raises:
        InputError: there is one of `px` and `py`, or of `cos_phi` and `sin_phi`, but not the other; or a `delta_phi`.

    >>> rotate_phi({"px": np.array([1.0]), "py": np.array([0.0])}, np.array([np.pi / 2]))["py"].tolist()
    [1.0]
    """
    turned = dict(columns)
    _refuse_differences(columns, "delta_phi", "rotate_phi")
    for name, values in columns.items():
        if _ends(name, "phi") and not _ends(name, "sin_phi", "cos_phi"):
            turned[name] = wrap_phi(values + _along(angle, values)).astype(values.dtype)
    for x, y in _pairs(columns):
        cos, sin = (_along(part, columns[x]) for part in (np.cos(angle), np.sin(angle)))
        turned[x] = (columns[x] * cos - columns[y] * sin).astype(columns[x].dtype)
        turned[y] = (columns[x] * sin + columns[y] * cos).astype(columns[y].dtype)
    return turned


def reflect_eta(columns: Columns, sign: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
    """The same events with the beams exchanged where *sign*, shape (n_events,), is -1, and unchanged where it is 1.

    Args:
        columns: as for `rotate_phi`.
        sign: 1 or -1.

    >>> reflect_eta({"jet_eta": np.array([0.5, 0.5]), "pt": np.array([9.0, 9.0])}, np.array([1, -1]))["jet_eta"].tolist()
    [0.5, -0.5]
    """
    _refuse_differences(columns, "delta_eta", "reflect_eta")
    return {
        name: (values * _along(sign, values)).astype(values.dtype) if _ends(name, *MIRRORED) else values
        for name, values in columns.items()
    }


def _refuse_differences(columns: Columns, word: str, augmentation: str) -> None:
    """A difference of angles is the same however the event is turned, and its name does not say whether it has a sign."""
    for name in columns:
        if _ends(name, word):
            raise InputError(
                f"Feature {name!r} looks like a difference of angles, which does not turn as an angle does. Expected another"
                f" name for what stays as it is, such as {name.replace('delta_', 'abs_d')!r}. Rename it in the processor and"
                f" in the YAML, or take {augmentation} out of `augment`."
            )


def _pairs(columns: Columns) -> list[tuple[str, str]]:
    """The names that turn into each other, x first."""
    pairs = []
    for name in columns:
        for x, y in TURNING.items():
            if _ends(name, x, y):
                own, other = (x, y) if _ends(name, x) else (y, x)
                partner = name.removesuffix(own) + other
                if partner not in columns:
                    raise InputError(
                        f"Feature {name!r} cannot be turned around the beam without {partner!r}. Expected both or neither."
                        f" Add {partner!r} to the collection in the YAML, or take rotate_phi out of `augment`."
                    )
                if own == x:
                    pairs.append((name, partner))
    return pairs


def _ends(name: str, *words: str) -> bool:
    return any(name == word or name.endswith(f"_{word}") for word in words)


def _along(values: NDArray[np.floating], like: NDArray[np.floating]) -> NDArray[np.floating]:
    """One number an event, for each of its objects."""
    return values.reshape(-1, *(1,) * (like.ndim - 1))
