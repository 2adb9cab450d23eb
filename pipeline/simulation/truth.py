"""The generator's particles that NanoAOD's GenPart lists, and their status flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.objects import Objects
from pipeline.simulation.ancestry import any_marked, nearest_marked
from pipeline.simulation.momenta import cylindrical
from pipeline.simulation.particles import holds_quark, is_hadron, is_neutrino

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEAM = -12
INCOMING, INTERMEDIATE, OUTGOING = 21, 22, 23
RESONANCES = (6, 23, 24, 25, 32, 33, 34, 35, 36, 37)
PHOTON, GLUON, TAU = 22, 21, 15
# As in NanoAOD: soft leptons, photons and heavy hadrons are left out.
LEPTON_PT_MIN_GEV, PHOTON_PT_MIN_GEV, HEAVY_HADRON_PT_MIN_GEV = 3.0, 10.0, 5.0

# The bits of GenPart_statusFlags in their order (CMSSW, DataFormats/HepMCCandidate/interface/GenStatusFlags.h).
FLAGS = (
    "isPrompt",
    "isDecayedLeptonHadron",
    "isTauDecayProduct",
    "isPromptTauDecayProduct",
    "isDirectTauDecayProduct",
    "isDirectPromptTauDecayProduct",
    "isDirectHadronDecayProduct",
    "isHardProcess",
    "fromHardProcess",
    "isHardProcessTauDecayProduct",
    "isDirectHardProcessTauDecayProduct",
    "fromHardProcessBeforeFSR",
    "isFirstCopy",
    "isLastCopy",
    "isLastCopyBeforeFSR",
)


def with_flags(particles: Objects) -> Objects:
    """*particles* with the column `flags`: the bits of `FLAGS`.

    Source: CMSSW, PhysicsTools/HepMCCandAlgos/interface/MCTruthHelper.h, read for the status codes of Pythia 8.
    """
    columns = _flag_columns(particles)
    flags = np.zeros(len(particles), dtype=np.int64)
    for bit, name in enumerate(FLAGS):
        flags |= columns[name].astype(np.int64) << bit
    return particles.having(flags=flags)


def has_flag(particles: Objects, name: str) -> NDArray[np.bool_]:
    """Whether a particle has the status flag *name* of `FLAGS`, shape (n,)."""
    return (particles["flags"] >> FLAGS.index(name) & 1).astype(bool)


def gen_part(particles: Objects) -> tuple[Objects, NDArray[np.int64]]:
    """The collection GenPart of a batch.

    Args:
        particles: of Pythia, with flags.

    Returns:
        The collection, and for each row of *particles* its index in its event's GenPart, -1 where it is not listed.
    """
    kept = _is_kept(particles)
    rows = np.flatnonzero(kept)
    listed = particles.take(rows)
    index = np.full(len(particles), -1)
    index[rows] = listed.rank
    ancestor = nearest_marked(particles["mother"], kept)[rows]
    pt, eta, phi, _ = cylindrical(listed["px"], listed["py"], listed["pz"], listed["energy"])
    columns = {
        "pt": pt.astype(np.float32),
        "eta": eta.astype(np.float32),
        "phi": phi.astype(np.float32),
        "mass": listed["mass"].astype(np.float32),
        "pdgId": listed["pdg_id"].astype(np.int32),
        "status": _hepmc_status(listed).astype(np.int32),
        "statusFlags": listed["flags"].astype(np.int32),
        "genPartIdxMother": np.where(ancestor >= 0, index[ancestor], -1).astype(np.int32),
    }
    return Objects(listed.event, listed.n_events, columns), index


def _is_kept(particles: Objects) -> NDArray[np.bool_]:
    code, status = np.abs(particles["pdg_id"]), particles["status"]
    pt = np.hypot(particles["px"], particles["py"])
    stable = status > 0
    prompt, last = has_flag(particles, "isPrompt"), has_flag(particles, "isLastCopy")
    hard = has_flag(particles, "isHardProcess") | (has_flag(particles, "fromHardProcess") & last & (code != GLUON))
    lepton = np.isin(code, (11, 13)) & stable & ((pt > LEPTON_PT_MIN_GEV) | prompt)
    tau = (code == TAU) & last & (pt > LEPTON_PT_MIN_GEV)
    neutrino = is_neutrino(code) & stable & (prompt | has_flag(particles, "isPromptTauDecayProduct"))
    photon = (code == PHOTON) & stable & prompt & (pt > PHOTON_PT_MIN_GEV)
    heavy = (weakly_decaying(particles, 5) | weakly_decaying(particles, 4)) & (pt > HEAVY_HADRON_PT_MIN_GEV)
    resonance = np.isin(code, RESONANCES) & last
    kept = hard | resonance | lepton | tau | neutrino | photon | heavy
    return np.asarray(kept, dtype=np.bool_)


def weakly_decaying(particles: Objects, quark: int) -> NDArray[np.bool_]:
    """Hadrons of the heavy *quark* (4 or 5) that do not decay to another of its kind, shape (n,)."""
    of_kind = holds_quark(particles["pdg_id"], quark)
    excited = np.zeros(len(particles), dtype=bool)
    excited[particles["mother"][of_kind]] = True
    return of_kind & ~excited


def _hepmc_status(particles: Objects) -> NDArray[np.int64]:
    """1 stable, 2 decayed lepton or hadron, else Pythia's code without its sign (as Pythia converts to HepMC)."""
    status = particles["status"]
    decayed = has_flag(particles, "isDecayedLeptonHadron")
    return np.where(status > 0, 1, np.where(decayed, 2, np.abs(status)))


def _flag_columns(particles: Objects) -> dict[str, NDArray[np.bool_]]:
    """Each of `FLAGS` by name, shape (n,)."""
    pdg_id, status, mother = particles["pdg_id"], particles["status"], particles["mother"]
    code, here = np.abs(pdg_id), np.arange(len(particles))
    is_copy = (pdg_id[mother] == pdg_id) & (mother != here)
    last = ~_seen_by(mother, is_copy)
    hard = (np.abs(status) >= INCOMING) & (np.abs(status) <= 29)
    decayed = (is_hadron(pdg_id) | (np.isin(code, (13, TAU)) & last)) & (status < 0) & (status != BEAM)
    decay = nearest_marked(mother, decayed)
    prompt = decay < 0
    direct_tau = ~prompt & (code[decay] == TAU)
    original = np.where(is_copy, mother, here)
    radiates = _seen_by(mother, np.isin(code, (PHOTON, GLUON)) & ~is_copy)
    before_fsr = ~any_marked(original, radiates) & (radiates | last)
    from_hard = hard | any_marked(original, hard)
    hard_tau = decayed & (code == TAU) & from_hard
    prompt_tau = decayed & (code == TAU) & prompt
    return {
        "isPrompt": prompt,
        "isDecayedLeptonHadron": decayed,
        "isTauDecayProduct": any_marked(mother, decayed & (code == TAU)),
        "isPromptTauDecayProduct": any_marked(mother, prompt_tau),
        "isDirectTauDecayProduct": direct_tau,
        "isDirectPromptTauDecayProduct": direct_tau & prompt_tau[decay],
        "isDirectHadronDecayProduct": (decayed & is_hadron(pdg_id))[mother],
        "isHardProcess": hard,
        "fromHardProcess": from_hard,
        "isHardProcessTauDecayProduct": any_marked(mother, hard_tau),
        "isDirectHardProcessTauDecayProduct": direct_tau & hard_tau[decay],
        "fromHardProcessBeforeFSR": _before_fsr(np.abs(status), original, last, before_fsr),
        "isFirstCopy": ~is_copy,
        "isLastCopy": last,
        "isLastCopyBeforeFSR": before_fsr,
    }


def _before_fsr(
    status: NDArray[np.int64], original: NDArray[np.int64], last: NDArray[np.bool_], before_fsr: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Incoming partons themselves, intermediate particles' last copies, outgoing ones' last copies before radiation."""
    intermediate = (status == INTERMEDIATE) | any_marked(original, status == INTERMEDIATE)
    outgoing = (status == OUTGOING) | any_marked(original, status == OUTGOING)
    return np.asarray((status == INCOMING) | (intermediate & last) | (outgoing & before_fsr), dtype=np.bool_)


def _seen_by(mother: NDArray[np.int64], daughters: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a row is the mother of one of *daughters*, shape (n,)."""
    result = np.zeros(len(mother), dtype=bool)
    result[mother[daughters]] = True
    return result
