"""What a reconstruction of tt̄ → bℓν bqq' takes from the tensors of an input set, and how its answers are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.chi_square import Candidates
from pipeline.physics.kinematics import Momentum
from pipeline.physics.partons import JET_PARTONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[np.floating]]

JETS, LEPTON, MET, TAG = "jets", "lepton", "met", "btag"
COMPONENTS = ("px", "py", "pz", "energy")
NEEDED = {JETS: COMPONENTS, LEPTON: COMPONENTS, MET: ("px", "py")}
JET_OF = "jet_of_"


@dataclass(frozen=True, slots=True)
class EventReader:
    """Reads tensors that are not scaled.

    Args:
        features: of each tensor, in order: at least those of `NEEDED`, and `btag` of the jets if tags are asked for.
    """

    features: Mapping[str, Sequence[str]]

    def check(self, *, collections: Sequence[str] = (JETS, LEPTON, MET), tags: bool) -> None:
        """See that all is there.

        Raises:
            ValueError: a collection or a feature is missing.
        """
        for name in collections:
            for feature in (*NEEDED[name], *([TAG] if tags and name == JETS else [])):
                if feature not in self.features.get(name, ()):
                    raise ValueError(f"the method needs input {name}.{feature}; add it to the input set")

    def column(self, tensors: Tensors, name: str, feature: str) -> NDArray[np.float64]:
        """One feature, shape (n_events,) or (n_events, n_slots)."""
        return np.asarray(tensors[name][..., list(self.features[name]).index(feature)], dtype=np.float64)

    def momenta(self, tensors: Tensors, name: str) -> Momentum:
        """Momenta in GeV, shape (n_events,) or (n_events, n_slots)."""
        return Momentum(*(self.column(tensors, name, component) for component in COMPONENTS))

    def n_jets(self, tensors: Tensors) -> NDArray[np.int64]:
        """From the mask, shape (n_events,)."""
        return np.asarray(tensors[f"{JETS}_mask"].sum(axis=1), dtype=np.int64)

    def candidates(self, tensors: Tensors) -> Candidates:
        """Jets, lepton and missing transverse momentum."""
        met_px, met_py = (self.column(tensors, MET, component) for component in ("px", "py"))
        return Candidates(self.momenta(tensors, JETS), self.n_jets(tensors), self.momenta(tensors, LEPTON), met_px, met_py)


def at_places(momenta: Momentum, places: NDArray[np.int64]) -> Momentum:
    """The momentum at one place of each event, shape (n_events,); NaN where the place is -1.

    Args:
        momenta: shape (n_events, n_slots).
        places: shape (n_events,).
    """
    row = np.arange(len(places))

    def taken(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(places >= 0, values[row, places], np.nan)

    return Momentum(taken(momenta.px), taken(momenta.py), taken(momenta.pz), taken(momenta.energy))


def answers(
    names: Sequence[str], momenta: Mapping[str, Momentum], places: Mapping[str, NDArray[np.int64]], n_events: int
) -> NDArray[np.float64]:
    """The table that is asked for, shape (n_events, n_names).

    Args:
        names: `<object>_pt`, `_eta`, `_phi` and `_mass` of objects, and `jet_of_<parton>`; in any order.
        momenta: by object, shape (n_events,).
        places: by parton, the place of its jet, shape (n_events,).
        n_events: number of events.

    Returns:
        NaN where a name is of nothing that is given.
    """
    given = {
        f"{name}_{part}": getattr(one, part) for name, one in momenta.items() for part in ("pt", "eta", "phi", "mass")
    } | {f"{JET_OF}{name}": values.astype(np.float64) for name, values in places.items()}
    table = np.full((n_events, len(names)), np.nan)
    for column, name in enumerate(names):
        if name in given:
            table[:, column] = given[name]
    return table


def matched_places(targets: NDArray[np.floating], names: Sequence[str], n_slots: int) -> NDArray[np.int64]:
    """The places of the jets that `JET_PARTONS` come from, shape (n_events, 4); -1 if none, or beyond the last slot.

    Args:
        targets: shape (n_events, n_targets).
        names: of the targets, with `jet_of_<parton>` for each parton.
        n_slots: jets that the input set holds.

    Raises:
        ValueError: a parton is not among the targets.
    """
    missing = [f"{JET_OF}{parton}" for parton in JET_PARTONS if f"{JET_OF}{parton}" not in names]
    if missing:
        raise ValueError(f"the method measures with the targets {', '.join(missing)}; name all partons in task.assignment")
    columns = [list(names).index(f"{JET_OF}{parton}") for parton in JET_PARTONS]
    places = targets[:, columns].astype(np.int64)
    return np.where(places < n_slots, places, -1)
