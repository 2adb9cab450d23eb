"""From a batch of generated events to the collections of NanoAOD."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.physics.matching import match
from pipeline.physics.objects import Objects
from pipeline.simulation.detector import candidates
from pipeline.simulation.fat_jets import fat_jet_collection
from pipeline.simulation.flavour import flavour_ghosts
from pipeline.simulation.jec import correction_factor
from pipeline.simulation.jets import detector_jets, gen_jet_collection, generator_jets, index_in_event, jet_collection
from pipeline.simulation.leptons import lepton_collection
from pipeline.simulation.met import gen_met, jet_shift, polar, raw_met
from pipeline.simulation.settings import load_detector
from pipeline.simulation.truth import gen_part, with_flags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.simulation.clustering import Clustered
    from pipeline.simulation.generator import Generated


@dataclass(frozen=True, slots=True)
class JetKind:
    """A jet radius and NanoAOD's names, thresholds and matching distance for its jets."""

    correction: str
    radius: float
    pt_min_gev: float
    gen_pt_min_gev: float
    match_delta_r: float


AK4 = JetKind("AK4", radius=0.4, pt_min_gev=15.0, gen_pt_min_gev=10.0, match_delta_r=0.4)
AK8 = JetKind("AK8", radius=0.8, pt_min_gev=170.0, gen_pt_min_gev=100.0, match_delta_r=0.8)


@dataclass(frozen=True, slots=True)
class Reconstructed:
    """A batch as it is written.

    Args:
        collections: jagged ones by NanoAOD's name.
        vectors: one row an event, by name and column, each of shape (n_events,): MET, GenMET.
        weights: generator weights, shape (n_events,).
    """

    collections: Mapping[str, Objects]
    vectors: Mapping[str, Mapping[str, NDArray[Any]]]
    weights: NDArray[np.float64]


def reconstruct(batch: Generated, rng: np.random.Generator, *, fat_jets: bool, pf_candidates: bool) -> Reconstructed:
    """Detector, jets, leptons, missing momentum and truth of a batch.

    Args:
        batch: of Pythia.
        rng: for the detector.
        fat_jets: also AK8 jets.
        pf_candidates: also the candidates themselves, and which are in which jet.
    """
    detector = load_detector()
    particles = with_flags(batch.particles)
    ghosts = flavour_ghosts(particles)
    found = candidates(particles, detector, rng)
    listed, gen_index = gen_part(particles)
    jets, gen_jets, partner = _jets_of(AK4, particles, found, ghosts)
    collections = {
        "Jet": jet_collection(jets, found, ghosts, partner, gen_jets.jets),
        "Electron": lepton_collection(11, found, jets, gen_index),
        "Muon": lepton_collection(13, found, jets, gen_index),
        "GenPart": listed,
        "GenJet": gen_jet_collection(gen_jets, ghosts),
    }
    if fat_jets:
        fat, gen_fat, partner = _jets_of(AK8, particles, found, ghosts)
        collections["FatJet"] = fat_jet_collection(fat, found, ghosts, partner, gen_fat.jets)
        collections["GenJetAK8"] = gen_jet_collection(gen_fat, ghosts)
    if pf_candidates:
        collections["PFCands"] = _candidate_collection(found)
        collections["JetPFCands"] = _links(jets, found)
        if fat_jets:
            collections["FatJetPFCands"] = _links(fat, found)
    return Reconstructed(collections, _met_of(particles, found, jets, detector.met.noise_gev, rng), batch.weights)


def _jets_of(
    kind: JetKind, particles: Objects, found: Objects, ghosts: Objects
) -> tuple[Clustered, Clustered, NDArray[np.int64]]:
    """Detector jets, generator jets, and the latter's row for each of the former."""
    correction = partial(correction_factor, kind.correction)
    jets = detector_jets(found, ghosts, correction, radius=kind.radius, pt_min_gev=kind.pt_min_gev)
    gen_jets = generator_jets(particles, ghosts, radius=kind.radius, pt_min_gev=kind.gen_pt_min_gev)
    return jets, gen_jets, match(jets.jets, gen_jets.jets, delta_r_max=kind.match_delta_r)


def _met_of(
    particles: Objects, found: Objects, jets: Clustered, noise_gev: float, rng: np.random.Generator
) -> dict[str, dict[str, NDArray[np.float32]]]:
    x, y = raw_met(found, noise_gev, rng)
    shift_x, shift_y = jet_shift(jets, found)
    return {"MET": polar(x + shift_x, y + shift_y), "RawMET": polar(x, y), "GenMET": polar(*gen_met(particles))}


def _candidate_collection(found: Objects) -> Objects:
    """The columns of PFNano's PFCands."""
    names = {
        "pt": "pt",
        "eta": "eta",
        "phi": "phi",
        "mass": "mass",
        "d0": "d0",
        "d0Err": "d0_err",
        "dz": "dz",
        "dzErr": "dz_err",
    }
    columns = {new: found[old].astype(np.float32) for new, old in names.items()}
    columns |= {"charge": found["charge"].astype(np.int32), "pdgId": found["pdg_id"].astype(np.int32)}
    return Objects(found.event, found.n_events, columns)


def _links(jets: Clustered, found: Objects) -> Objects:
    """Which candidate is in which jet, grouped by jet, as PFNano's JetPFCands."""
    columns = {
        "jetIdx": index_in_event(jets.jet, jets.jets),
        "pFCandsIdx": index_in_event(jets.constituent, found),
    }
    return Objects(jets.jets.event[jets.jet], found.n_events, columns)
