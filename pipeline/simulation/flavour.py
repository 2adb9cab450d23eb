"""The flavour of jets: which heavy hadrons and partons are clustered into them as ghosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.simulation.truth import weakly_decaying

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects
    from pipeline.simulation.clustering import Clustered

GLUON = 21
GHOST_PT_MIN_GEV = 5.0
# Pythia's codes for partons on their way out: of the hard process, of showers, of beam remnants, before hadronisation.
OUTGOING_STATUS = (23, 33, 43, 44, 51, 52, 62, 63, 71, 72, 73, 74)


def flavour_ghosts(particles: Objects) -> Objects:
    """Weakly decaying hadrons with b or c, and the last partons before hadronisation, above 5 GeV.

    Returns:
        Columns px, py, pz, energy [GeV], pt, hadron (5, 4 or 0) and parton (PDG code of a parton, else 0).

    Source: the definitions of CMSSW, PhysicsTools/JetMCAlgos (HadronAndPartonSelector, JetFlavourClustering).
    """
    code = particles["pdg_id"]
    hadron = np.select([weakly_decaying(particles, 5), weakly_decaying(particles, 4)], [5, 4], 0)
    parton = np.where(_last_partons(particles), code, 0)
    pt = np.hypot(particles["px"], particles["py"])
    chosen = particles.having(hadron=hadron, parton=parton, pt=pt)
    return chosen.where(((hadron > 0) | (parton != 0)) & (pt > GHOST_PT_MIN_GEV))


def hadron_flavour(clustered: Clustered, ghosts: Objects) -> NDArray[np.int64]:
    """5 for jets with a b hadron, 4 for those with a c hadron and no b, else 0, shape (n_jets,)."""
    flavour = np.zeros(len(clustered.jets), dtype=np.int64)
    np.maximum.at(flavour, clustered.ghost_jet, ghosts["hadron"][clustered.ghost])
    return flavour


def parton_flavour(clustered: Clustered, ghosts: Objects) -> NDArray[np.int64]:
    """PDG code of the jet's b parton, else of its c, else of its hardest parton; 0 without one, shape (n_jets,)."""
    parton, pt = ghosts["parton"][clustered.ghost], ghosts["pt"][clustered.ghost]
    kind = np.abs(parton)
    rank = np.select([kind == 5, kind == 4, parton != 0], [3, 2, 1], 0)
    order = np.lexsort((pt, rank, clustered.ghost_jet))
    flavour = np.zeros(len(clustered.jets), dtype=np.int64)
    # Of several values for one jet the last one stays: the best.
    flavour[clustered.ghost_jet[order]] = parton[order]
    return flavour


def _last_partons(particles: Objects) -> NDArray[np.bool_]:
    """Outgoing quarks and gluons that come from no later parton, shape (n,)."""
    code = np.abs(particles["pdg_id"])
    is_parton = ((code >= 1) & (code <= 5)) | (code == GLUON)
    goes_on = np.zeros(len(particles), dtype=bool)
    for mother in ("mother", "mother2"):
        goes_on[particles[mother][is_parton]] = True
    outgoing = np.isin(np.abs(particles["status"]), OUTGOING_STATUS)
    return np.asarray(is_parton & ~goes_on & outgoing, dtype=np.bool_)
