"""Jet clustering with FastJet, over all events of a batch at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from pipeline.physics.groups import spread, starts_of
from pipeline.physics.objects import Objects
from pipeline.simulation.momenta import cylindrical
from pipeline.simulation.optional import load_fastjet

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Ghosts are so soft that they change no jet, but are clustered into one (arXiv:0802.1188).
GHOST_SCALE = 1e-18


@dataclass(frozen=True, slots=True)
class Clustered:
    """Jets of a batch and what is in them.

    Args:
        jets: columns px, py, pz, energy, pt, eta, phi, mass [GeV, rad].
        jet: row in *jets* of each constituent, never falling, shape (n_constituents,).
        constituent: index of it in what was clustered, shape (n_constituents,).
        ghost_jet: row in *jets* of each ghost that is in a jet, shape (n_ghosts_in_jets,).
        ghost: index of it in the ghosts, same shape.
    """

    jets: Objects
    jet: NDArray[np.int64]
    constituent: NDArray[np.int64]
    ghost_jet: NDArray[np.int64]
    ghost: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of constituents of each jet, shape (n_jets,)."""
        return np.bincount(self.jet, minlength=len(self.jets))

    def take(self, rows: NDArray[np.int64]) -> Clustered:
        """The jets of index *rows*, which must keep the order of the events, and their constituents in unchanged order."""
        counts = self.counts[rows]
        new_row = np.full(len(self.jets), -1)
        new_row[rows] = np.arange(len(rows))
        in_kept = new_row[self.ghost_jet] >= 0
        return Clustered(
            jets=self.jets.take(rows),
            jet=np.repeat(np.arange(len(rows)), counts),
            constituent=self.constituent[spread(starts_of(self.counts)[rows], counts)],
            ghost_jet=new_row[self.ghost_jet[in_kept]],
            ghost=self.ghost[in_kept],
        )

    def sum_over(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over each jet's constituents of a quantity of all that was clustered, shape (n_jets,)."""
        return np.bincount(self.jet, weights=values[self.constituent], minlength=len(self.jets)).astype(np.float64)

    def jet_of(self, n_rows: int) -> NDArray[np.int64]:
        """Row in *jets* for each of the *n_rows* objects that were clustered, -1 for those in no jet."""
        result = np.full(n_rows, -1)
        result[self.constituent] = self.jet
        return result


def cluster(inputs: Objects, ghosts: Objects, *, radius: float, pt_min_gev: float) -> Clustered:
    """Anti-kT jets (arXiv:0802.1189) of *inputs*, in each event by falling transverse momentum.

    Args:
        inputs: columns px, py, pz, energy [GeV].
        ghosts: the same columns; only their directions count.
        radius: the jet radius R.
        pt_min_gev: jets below are dropped.
    """
    fastjet = load_fastjet()
    origin, momenta = _with_ghosts(inputs, ghosts)
    sequence = fastjet.ClusterSequence(momenta, fastjet.JetDefinition(fastjet.antikt_algorithm, radius))
    found = sequence.inclusive_jets(pt_min_gev)
    index = sequence.constituent_index(pt_min_gev)
    event = np.repeat(np.arange(inputs.n_events), np.asarray(ak.num(found)))
    px, py, pz, energy = (np.asarray(ak.flatten(found[name])) for name in ("px", "py", "pz", "E"))
    pt, eta, phi, mass = cylindrical(px, py, pz, energy)
    columns = {"px": px, "py": py, "pz": pz, "energy": energy, "pt": pt, "eta": eta, "phi": phi, "mass": mass}
    jets = Objects(event, inputs.n_events, columns)
    per_jet = ak.flatten(index, axis=1)
    jet = np.repeat(np.arange(len(jets)), np.asarray(ak.num(per_jet)))
    first_row = starts_of(inputs.counts + ghosts.counts)[event[jet]]
    row = origin[first_row + np.asarray(ak.flatten(per_jet))]
    real = row < len(inputs)
    all_jets = Clustered(jets, jet[real], row[real], jet[~real], row[~real] - len(inputs))
    return all_jets.take(jets.order("pt"))


def _with_ghosts(inputs: Objects, ghosts: Objects) -> tuple[NDArray[np.int64], ak.Array]:
    """Inputs and scaled ghosts event by event for FastJet, and for each its index in both put after one another."""
    origin = np.argsort(np.concatenate((inputs.event, ghosts.event)), kind="stable")
    counts = inputs.counts + ghosts.counts
    columns = {}
    for name, short in (("px", "px"), ("py", "py"), ("pz", "pz"), ("energy", "E")):
        columns[short] = np.concatenate((inputs[name], ghosts[name] * GHOST_SCALE))[origin]
    return origin, ak.unflatten(ak.zip(columns, with_name="Momentum4D"), counts)
