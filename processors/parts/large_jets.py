"""What processors of large jets share: the sections of their selection, and how jets and particles are read and described.

The particles of a jet are found as NanoAOD with particle-flow candidates has them: a collection of particles, and one of
links from jets to particles. Their momenta are as the file has them: without PUPPI weights, and without the correction of
the jet's energy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import awkward as ak
import numpy as np
from pydantic import Field

from pipeline.config import Section
from pipeline.physics.constituents import (
    Features,
    constituents_of,
    momentum_features,
    track_features,
    tutorial_features,
    type_features,
)
from pipeline.physics.jet_shapes import multiplicity, pt_dispersion, ratio, width
from pipeline.physics.jet_truth import Resonance, jet_truth
from pipeline.physics.objects import Objects, read_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

Collection = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]

JET_FIELDS = {name: name for name in ("pt", "eta", "phi", "mass")}
SUBSTRUCTURE_FIELDS = {name: name for name in ("msoftdrop", "tau1", "tau2", "tau3")}
MOMENTUM_FIELDS = {"pt": "pt", "eta": "eta", "phi": "phi", "mass": "mass", "pdg_id": "pdgId"}
TRACK_FIELDS = {"d0": "d0", "d0_err": "d0Err", "dz": "dz", "dz_err": "dzErr"}
TRUTH_FIELDS = {"eta": "eta", "phi": "phi", "pdg_id": "pdgId", "mother": "genPartIdxMother"}
PARTON_FIELDS = TRUTH_FIELDS | {"status": "status"}
# Never read, but coffea makes no GenPart without a whole momentum.
UNUSED_TRUTH_FIELDS = ("pt", "mass")
SHAPES = ("pt", "eta", "mass", "msoftdrop", "tau21", "tau32", "multiplicity", "width", "pt_d")


class JetWindow(Section):
    """Which jets may be taken."""

    collection: Collection = "FatJet"
    pt_min_gev: float = Field(ge=0)
    pt_max_gev: float = Field(gt=0)
    abs_eta_max: float = Field(gt=0)
    substructure: bool = Field(True, description="False where a file has neither soft-drop mass nor N-subjettiness")
    mass_min_gev: float = Field(0.0, ge=0, description="of the jet's mass as the file has it, not groomed")
    mass_max_gev: float | None = Field(None, gt=0, description="None: no upper end")


class Truth(Section):
    """In simulation of a resonance, only jets that hold all its decay quarks are kept; elsewhere, all jets.

    With `resonance: parton`, only jets that hold a quark or a gluon of the hard process.
    """

    resonance: Resonance
    delta_r_max: float = Field(gt=0, description="a quark nearer to the jet's axis is inside")


class Candidates(Section):
    """How the file calls the particles and the links; the defaults are those of the embedded simulation and of PFNano."""

    collection: Collection = "PFCands"
    links: Collection = "FatJetPFCands"
    jet_index: Collection = "jetIdx"
    candidate_index: Collection = "pFCandsIdx"
    impact_parameters: bool = Field(True, description="False where the file has none: the track features are then missing")


def branches(jet: JetWindow, truth: Truth | None, candidates: Candidates) -> tuple[str, ...]:
    """The branches that are touched where jets, their truth and their particles are read."""
    fields = {
        jet.collection: _jet_fields(jet).values(),
        candidates.collection: _candidate_fields(candidates).values(),
        candidates.links: (candidates.jet_index, candidates.candidate_index),
        "GenPart": (*_truth_fields(truth).values(), *UNUSED_TRUTH_FIELDS) if truth else (),
    }
    counters = (f"n{collection}" for collection, names in fields.items() if names)
    read = (f"{collection}_{name}" for collection, names in fields.items() for name in names)
    return ("run", "luminosityBlock", "event", *counters, *read)


def _jet_fields(jet: JetWindow) -> dict[str, str]:
    return JET_FIELDS | (SUBSTRUCTURE_FIELDS if jet.substructure else {})


def _truth_fields(truth: Truth) -> dict[str, str]:
    return PARTON_FIELDS if truth.resonance == "parton" else TRUTH_FIELDS


def _candidate_fields(candidates: Candidates) -> dict[str, str]:
    return MOMENTUM_FIELDS | (TRACK_FIELDS if candidates.impact_parameters else {})


def jets_in_window(events: Any, window: JetWindow) -> Objects:
    """By falling transverse momentum, with `index`, the place of the jet in the collection of its event."""
    jets = read_objects(events[window.collection], _jet_fields(window))
    jets = jets.having(index=jets.rank)
    is_inside = (jets["pt"] >= window.pt_min_gev) & (jets["pt"] < window.pt_max_gev)
    is_inside &= jets["mass"] >= window.mass_min_gev
    if window.mass_max_gev is not None:
        is_inside &= jets["mass"] < window.mass_max_gev
    return jets.where(is_inside & (abs(jets["eta"]) < window.abs_eta_max)).ordered("pt")


def matched(events: Any, jets: Objects, truth: Truth | None) -> Objects:
    """The *jets* that are what their sample is named after; with `n_quarks` where the *truth* is asked for."""
    if truth is None:
        return jets
    particles = read_objects(events.GenPart, _truth_fields(truth), events=jets.counts > 0)
    found = jet_truth(jets, particles, truth.resonance, delta_r_max=truth.delta_r_max)
    return jets.having(n_quarks=found.n_quarks).where(found.is_contained | found.is_background)


def with_constituents(events: Any, jets: Objects, candidates: Candidates) -> tuple[Objects, Objects]:
    """Those of *jets* that have particles, as some files have none below a threshold, and these particles.

    The `event` of a particle is the row of its jet.

    Raises:
        InputError: a link leads to no particle.
    """
    wanted = jets.counts > 0
    links = {"jet": candidates.jet_index, "candidate": candidates.candidate_index}
    constituents = constituents_of(
        jets,
        read_objects(events[candidates.links], links, events=wanted),
        read_objects(events[candidates.collection], _candidate_fields(candidates), events=wanted),
    )
    has = constituents.counts > 0
    row = np.cumsum(has) - 1
    return jets.where(has), Objects(row[constituents.event], int(has.sum()), constituents.columns)


def constituent_inputs(constituents: Objects, relative: Features) -> dict[str, ak.Array]:
    """All features of the particles of each jet, shape (n_jets, var); of tracks where impact parameters were read.

    Args:
        constituents: of `with_constituents`.
        relative: their `relative_features`.
    """
    features = relative | momentum_features(constituents) | type_features(constituents)
    if "d0" in constituents.columns:
        features |= track_features(constituents)
    return _jagged({**features, "pt": constituents["pt"].astype(np.float32)}, constituents)


def tutorial_inputs(constituents: Objects, relative: Features) -> dict[str, ak.Array]:
    """The four features of the CMS tutorial, shape (n_jets, var), of the same."""
    return _jagged(tutorial_features(relative), constituents)


def jet_shapes(jets: Objects, constituents: Objects) -> dict[str, NDArray[np.float64]]:
    """The numbers of `SHAPES`, each of shape (n_jets,): `pt`, `mass` and `msoftdrop` in GeV.

    `tau21` and `tau32` are ratios of N-subjettiness, 0 where the lower one is 0. A jet without soft-drop mass, which CMS
    marks with a negative one, has 0. Without substructure, these three are missing.
    """
    return {
        **{name: jets[name].astype(np.float64) for name in ("pt", "eta", "mass")},
        **(_substructure(jets) if "tau1" in jets.columns else {}),
        "multiplicity": multiplicity(constituents),
        "width": width(constituents, jets),
        "pt_d": pt_dispersion(constituents),
    }


def _substructure(jets: Objects) -> dict[str, NDArray[np.float64]]:
    return {
        "msoftdrop": np.maximum(jets["msoftdrop"].astype(np.float64), 0),
        "tau21": ratio(jets["tau2"], jets["tau1"]),
        "tau32": ratio(jets["tau3"], jets["tau2"]),
    }


def truth_observables(jets: Objects) -> dict[str, NDArray[np.float64]]:
    """What is histogrammed beside the shapes, and never an input: `n_quarks`, where the truth is asked for."""
    return {"n_quarks": jets["n_quarks"].astype(np.float64)} if "n_quarks" in jets.columns else {}


def _jagged(features: dict[str, NDArray[np.float32]], constituents: Objects) -> dict[str, ak.Array]:
    return {name: ak.unflatten(values, constituents.counts) for name, values in features.items()}
