"""AK8 jets with soft-drop mass and N-subjettiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from pipeline.physics.objects import Objects
from pipeline.simulation.jets import flavour_columns, index_in_event, momentum_columns
from pipeline.simulation.momenta import cartesian
from pipeline.simulation.optional import load_fastjet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.simulation.clustering import Clustered

RADIUS = 0.8
# Soft drop as CMS uses it: arXiv:1402.2657 with beta = 0, z_cut = 0.1.
BETA, Z_CUT = 0.0, 0.1
# N-subjettiness, arXiv:1011.2268, equation 2.1, with exclusive-kT axes and beta = 1.
N_AXES = (1, 2, 3)
# All of a jet's constituents are to be clustered into one tree again: a radius without an end.
WHOLE_JET = 1000.0


def fat_jet_collection(
    jets: Clustered, candidates: Objects, ghosts: Objects, gen_jet: NDArray[np.int64], gen_jets: Objects
) -> Objects:
    """The columns of NanoAOD's FatJet; *gen_jet* is the row of each jet's partner in *gen_jets*, -1 without one."""
    corrected = jets.jets
    constituents = jet_constituents(jets, candidates)
    soft_drop = soft_drop_mass(constituents) * corrected["correction"]
    columns = momentum_columns(corrected)
    columns |= {
        "rawFactor": (1 - 1 / corrected["correction"]).astype(np.float32),
        "msoftdrop": soft_drop.astype(np.float32),
        "nConstituents": jets.counts.astype(np.int32),
        "genJetAK8Idx": index_in_event(gen_jet, gen_jets),
    }
    columns |= {f"tau{n}": tau.astype(np.float32) for n, tau in zip(N_AXES, subjettiness(constituents), strict=True)}
    return Objects(corrected.event, corrected.n_events, columns | flavour_columns(jets, ghosts))


def jet_constituents(jets: Clustered, candidates: Objects) -> ak.Array:
    """Momenta of each jet's constituents, shape (n_jets, var), for FastJet."""
    chosen = candidates.take(jets.constituent)
    px, py, pz, energy = cartesian(chosen["pt"], chosen["eta"], chosen["phi"], chosen["mass"])
    flat = ak.zip({"px": px, "py": py, "pz": pz, "E": energy}, with_name="Momentum4D")
    return ak.unflatten(flat, jets.counts)


def soft_drop_mass(constituents: ak.Array) -> NDArray[np.float64]:
    """Mass [GeV] of each jet after soft drop, shape (n_jets,)."""
    if len(constituents) == 0:
        return np.zeros(0)
    groomed = _tree(constituents).exclusive_jets_softdrop_grooming(njets=1, beta=BETA, symmetry_cut=Z_CUT, R0=RADIUS)
    return np.maximum(np.asarray(groomed.msoftdrop, dtype=np.float64), 0.0)


def subjettiness(constituents: ak.Array) -> NDArray[np.float64]:
    """tau1, tau2, tau3 of each jet, shape (3, n_jets); tau_N of a jet with at most N constituents is 0."""
    counts = np.asarray(ak.num(constituents))
    taus = np.zeros((len(N_AXES), len(counts)))
    enough = counts >= max(N_AXES)
    for rows, axes in [(enough, N_AXES), (counts == 2, (1,))]:
        if rows.any():
            found = _tree(ak.to_packed(constituents[rows])).njettiness(
                measure_definition="NormalizedMeasure", axes_definition="KT_Axes", njets=list(axes), beta=1.0, R0=RADIUS
            )
            taus[: len(axes), rows] = np.asarray(found).reshape(-1, len(axes)).T
    return taus


def _tree(constituents: ak.Array) -> ak.Array:
    fastjet = load_fastjet()
    return fastjet.ClusterSequence(constituents, fastjet.JetDefinition(fastjet.cambridge_algorithm, WHOLE_JET))
