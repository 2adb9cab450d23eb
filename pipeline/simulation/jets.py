"""The jet collections of the detector and of the generator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.physics.objects import Objects
from pipeline.simulation.btag import track_tag
from pipeline.simulation.clustering import Clustered, cluster
from pipeline.simulation.flavour import hadron_flavour, parton_flavour
from pipeline.simulation.momenta import cartesian
from pipeline.simulation.particles import is_neutrino

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Correction = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

MOMENTUM = ("px", "py", "pz", "energy")
# Fractions of a jet's energy by the kind of its candidates, under NanoAOD's names.
FRACTIONS = {"chHEF": 211, "neHEF": 130, "chEmEF": 11, "neEmEF": 22, "muEF": 13}


def generator_jets(particles: Objects, ghosts: Objects, *, radius: float, pt_min_gev: float) -> Clustered:
    """Jets of all stable particles but neutrinos."""
    visible = (particles["status"] > 0) & ~is_neutrino(particles["pdg_id"])
    return cluster(particles.where(visible), ghosts, radius=radius, pt_min_gev=pt_min_gev)


def detector_jets(
    candidates: Objects, ghosts: Objects, correction: Correction, *, radius: float, pt_min_gev: float
) -> Clustered:
    """Jets of the candidates with corrected momenta, and with a column `correction`, the factor.

    Args:
        candidates: of particle flow.
        ghosts: for the flavours.
        correction: factor from raw transverse momentum [GeV] and pseudorapidity.
        radius: the jet radius R.
        pt_min_gev: of the corrected jet. Raw jets are made down to half of it.
    """
    px, py, pz, energy = cartesian(candidates["pt"], candidates["eta"], candidates["phi"], candidates["mass"])
    inputs = candidates.having(px=px, py=py, pz=pz, energy=energy)
    raw = cluster(inputs, ghosts, radius=radius, pt_min_gev=pt_min_gev / 2)
    jets = raw.jets
    factor = correction(jets["pt"], jets["eta"])
    scaled = {name: jets[name] * factor for name in (*MOMENTUM, "pt", "mass")}
    corrected = replace(raw, jets=jets.having(**scaled, correction=factor))
    order = corrected.jets.order("pt")
    return corrected.take(order[corrected.jets["pt"][order] > pt_min_gev])


def jet_collection(
    jets: Clustered, candidates: Objects, ghosts: Objects, gen_jet: NDArray[np.int64], gen_jets: Objects
) -> Objects:
    """The columns of NanoAOD's Jet, and of our own `nCharged`, `nNeutral` and `btagTracks`.

    Args:
        jets: corrected.
        candidates: the constituents.
        ghosts: for the flavours.
        gen_jet: row in *gen_jets* of each jet's partner, -1 without one, shape (n_jets,).
        gen_jets: the generator's jets.
    """
    corrected = jets.jets
    charged = candidates["charge"] != 0
    kind = np.abs(candidates["pdg_id"])
    energy = np.hypot(candidates["pt"] * np.cosh(candidates["eta"]), candidates["mass"])
    total = jets.sum_over(energy)
    columns = momentum_columns(corrected)
    columns |= {
        name: (jets.sum_over(energy * (kind == code)) / total).astype(np.float32) for name, code in FRACTIONS.items()
    }
    columns |= {
        "rawFactor": (1 - 1 / corrected["correction"]).astype(np.float32),
        "nConstituents": jets.counts.astype(np.int32),
        "nCharged": jets.sum_over(charged.astype(np.float64)).astype(np.int32),
        "nNeutral": jets.sum_over((~charged).astype(np.float64)).astype(np.int32),
        "nElectrons": jets.sum_over((kind == 11).astype(np.float64)).astype(np.int32),
        "nMuons": jets.sum_over((kind == 13).astype(np.float64)).astype(np.int32),
        "btagTracks": track_tag(jets, candidates).astype(np.float32),
        "genJetIdx": index_in_event(gen_jet, gen_jets),
    }
    return Objects(corrected.event, corrected.n_events, columns | flavour_columns(jets, ghosts))


def gen_jet_collection(jets: Clustered, ghosts: Objects) -> Objects:
    """The columns of NanoAOD's GenJet and GenJetAK8."""
    return Objects(jets.jets.event, jets.jets.n_events, momentum_columns(jets.jets) | flavour_columns(jets, ghosts))


def momentum_columns(jets: Objects) -> dict[str, NDArray[Any]]:
    """pt, eta, phi and mass as they are written."""
    return {name: jets[name].astype(np.float32) for name in ("pt", "eta", "phi", "mass")}


def flavour_columns(jets: Clustered, ghosts: Objects) -> dict[str, NDArray[Any]]:
    """hadronFlavour and partonFlavour as they are written."""
    return {
        "hadronFlavour": hadron_flavour(jets, ghosts).astype(np.int32),
        "partonFlavour": parton_flavour(jets, ghosts).astype(np.int32),
    }


def index_in_event(index: NDArray[np.int64], objects: Objects) -> NDArray[np.int32]:
    """An *index* of *objects* as their places in their events, as NanoAOD has it; -1 stays."""
    rank = np.append(objects.rank, -1)
    return rank[index].astype(np.int32)
