"""Electrons and muons: who they are, how isolated, and where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.physics.kinematics import delta_r
from pipeline.physics.objects import Objects
from pipeline.physics.pairs import pairs_between
from pipeline.simulation.jets import index_in_event

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.simulation.clustering import Clustered

CONE = 0.3
# Below these NanoAOD lists no electron and no muon.
PT_MIN_GEV = {11: 5.0, 13: 3.0}


def lepton_collection(pdg_id: int, candidates: Objects, jets: Clustered, gen_part_index: NDArray[np.int64]) -> Objects:
    """The collection Electron (*pdg_id* 11) or Muon (13), by falling transverse momentum.

    Jets contain the leptons, as in NanoAOD: whoever counts jets removes those near a chosen lepton.

    Args:
        pdg_id: 11 or 13.
        candidates: of particle flow.
        jets: AK4 jets as they are written.
        gen_part_index: index in GenPart of each of Pythia's particles, shape (n_particles,).
    """
    is_lepton = (np.abs(candidates["pdg_id"]) == pdg_id) & (candidates["pt"] > PT_MIN_GEV[pdg_id])
    leptons = candidates.having(jet=jets.jet_of(len(candidates))).where(is_lepton).ordered("pt")
    columns: dict[str, NDArray[Any]] = {name: leptons[name].astype(np.float32) for name in ("pt", "eta", "phi", "mass")}
    columns |= {
        "charge": leptons["charge"].astype(np.int32),
        "pdgId": leptons["pdg_id"].astype(np.int32),
        "dxy": leptons["d0"].astype(np.float32),
        "dxyErr": leptons["d0_err"].astype(np.float32),
        "dz": leptons["dz"].astype(np.float32),
        "dzErr": leptons["dz_err"].astype(np.float32),
        "pfRelIso03_all": relative_isolation(leptons, candidates).astype(np.float32),
        "genPartIdx": gen_part_index[leptons["particle"]].astype(np.int32),
        "jetIdx": index_in_event(leptons["jet"], jets.jets),
    }
    return Objects(leptons.event, leptons.n_events, columns)


def relative_isolation(leptons: Objects, candidates: Objects) -> NDArray[np.float64]:
    """Sum of the transverse momenta of hadrons and photons within ΔR < 0.3, over the lepton's, shape (n_leptons,).

    As in particle flow, other electrons and muons do not count.

    Args:
        leptons: with pt, eta, phi.
        candidates: of particle flow, with pdg_id, pt, eta, phi.
    """
    others = candidates.where(~np.isin(np.abs(candidates["pdg_id"]), (11, 13)))
    i, j = pairs_between(leptons, others)
    inside = delta_r(leptons["eta"][i], leptons["phi"][i], others["eta"][j], others["phi"][j]) < CONE
    around = np.bincount(i[inside], weights=others["pt"][j[inside]], minlength=len(leptons))
    return np.asarray(around / leptons["pt"])
