"""Large jets, one row a jet: constituents for networks, shapes for trees, and what the generator says of them.

The particles of a jet are found as NanoAOD with particle-flow candidates has them: a collection of particles, and one of
links from jets to particles. Their momenta are as the file has them: without PUPPI weights, and without the correction of
the jet's energy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import awkward as ak
import numpy as np
from coffea.processor import ProcessorABC
from pydantic import Field

from pipeline.config import Section
from pipeline.physics.constituents import (
    constituents_of,
    momentum_features,
    relative_features,
    track_features,
    tutorial_features,
    type_features,
)
from pipeline.physics.jet_shapes import multiplicity, pt_dispersion, ratio, width
from pipeline.physics.jet_truth import Resonance, jet_truth
from pipeline.physics.objects import Objects, read_objects
from pipeline.physics.selected import EventIds, Selected, count_cuts, event_ids
from pipeline.physics.variations import NOMINAL, check_variation
from pipeline.physics.weights import generator_weights

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


class JetCuts(Section):
    """Which jets are kept, and how many of an event.

    With more than one, several rows have the name of one event: they share its fold, and its datasets need
    `repeated_events: keep`.
    """

    collection: Collection = "FatJet"
    pt_min_gev: float = Field(ge=0)
    pt_max_gev: float = Field(gt=0)
    abs_eta_max: float = Field(gt=0)
    substructure: bool = Field(True, description="False where a file has neither soft-drop mass nor N-subjettiness")
    mass_min_gev: float = Field(0.0, ge=0, description="of the jet's mass as the file has it, not groomed")
    mass_max_gev: float | None = Field(None, gt=0, description="None: no upper end")
    max_per_event: int = Field(1, ge=1, description="those with the highest pt, of the jets that pass all cuts")


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


class Settings(Section):
    """The `selection` section of an analysis with this processor."""

    jet: JetCuts
    truth: Truth | None = Field(None, description="None for data, and where every jet is to be kept")
    candidates: Candidates = Candidates()


def branches(settings: Settings) -> tuple[str, ...]:
    """The branches that `process` touches with these *settings*."""
    jet, candidates = settings.jet.collection, settings.candidates
    fields = {
        jet: _jet_fields(settings.jet).values(),
        candidates.collection: _candidate_fields(candidates).values(),
        candidates.links: (candidates.jet_index, candidates.candidate_index),
        "GenPart": (*_truth_fields(settings.truth).values(), *UNUSED_TRUTH_FIELDS) if settings.truth else (),
    }
    counters = (f"n{collection}" for collection, names in fields.items() if names)
    read = (f"{collection}_{name}" for collection, names in fields.items() for name in names)
    return ("run", "luminosityBlock", "event", *counters, *read)


def _jet_fields(jet: JetCuts) -> dict[str, str]:
    return JET_FIELDS | (SUBSTRUCTURE_FIELDS if jet.substructure else {})


def _truth_fields(truth: Truth) -> dict[str, str]:
    return PARTON_FIELDS if truth.resonance == "parton" else TRUTH_FIELDS


def _candidate_fields(candidates: Candidates) -> dict[str, str]:
    return MOMENTUM_FIELDS | (TRACK_FIELDS if candidates.impact_parameters else {})


# With the names that the embedded simulation writes, and with its truth.
READS = branches(
    Settings(
        jet=JetCuts(pt_min_gev=0, pt_max_gev=1, abs_eta_max=1),
        truth=Truth(resonance="top", delta_r_max=1),
    )
)


class Processor(ProcessorABC):  # type: ignore[misc]
    """Jets in a window of transverse momentum, the hardest of each event first.

    Input collections: `jet`, the numbers of `SHAPES`; `constituents`, all features of the particles; `tutorial`, the four of
    the CMS tutorial. Particles are ordered by falling transverse momentum.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the settings, checked."""
        self.settings = settings

    @property
    def reads(self) -> tuple[str, ...]:
        """The branches that `process` touches with these settings; with them `genWeight`, where a file has it."""
        return branches(self.settings)

    def process(self, events: Any, variation: str = NOMINAL) -> Selected:
        """Select the jets of one chunk of NanoAOD.

        Raises:
            InputError: there is no such *variation*, or a link leads to no particle.
        """
        check_variation(variation)
        weights = generator_weights(events)
        jets = self.jets_in_window(events)
        cuts = {"jet in window": jets.counts > 0}
        jets = self.matched(events, jets).first(self.settings.jet.max_per_event)
        cuts["truth"] = jets.counts > 0
        jets, constituents = with_constituents(jets, self.constituents(events, jets))
        cuts["constituents"] = jets.counts > 0
        return Selected(
            ids=_ids_of(events, jets),
            weight=weights[jets.event],
            observables=jet_observables(jets, constituents),
            inputs=self.inputs(jets, constituents),
            cutflow=count_cuts(cuts, weights),
        )

    def postprocess(self, accumulator: Any) -> Any:
        """Nothing is left to be done after merging."""
        return accumulator

    def jets_in_window(self, events: Any) -> Objects:
        """With `index`, the place in the collection of the event, and by falling transverse momentum."""
        cuts = self.settings.jet
        jets = read_objects(events[cuts.collection], _jet_fields(cuts))
        jets = jets.having(index=jets.rank)
        in_window = (jets["pt"] >= cuts.pt_min_gev) & (jets["pt"] < cuts.pt_max_gev)
        in_window &= jets["mass"] >= cuts.mass_min_gev
        if cuts.mass_max_gev is not None:
            in_window &= jets["mass"] < cuts.mass_max_gev
        return jets.where(in_window & (abs(jets["eta"]) < cuts.abs_eta_max)).ordered("pt")

    def matched(self, events: Any, jets: Objects) -> Objects:
        """The jets that are what their sample is named after; with `n_quarks`."""
        wanted = self.settings.truth
        if wanted is None:
            return jets
        particles = read_objects(events.GenPart, _truth_fields(wanted), events=jets.counts > 0)
        truth = jet_truth(jets, particles, wanted.resonance, delta_r_max=wanted.delta_r_max)
        return jets.having(n_quarks=truth.n_quarks).where(truth.is_contained | truth.is_background)

    def constituents(self, events: Any, jets: Objects) -> Objects:
        """The particles of each of *jets*; `event` of the result is the row of the jet."""
        names, wanted = self.settings.candidates, jets.counts > 0
        links = {"jet": names.jet_index, "candidate": names.candidate_index}
        return constituents_of(
            jets,
            read_objects(events[names.links], links, events=wanted),
            read_objects(events[names.collection], _candidate_fields(names), events=wanted),
        )

    def inputs(self, jets: Objects, constituents: Objects) -> dict[str, dict[str, Any]]:
        """The input collections, a row a jet."""
        features = relative_features(constituents, jets)
        tutorial = tutorial_features(features)
        features |= momentum_features(constituents) | type_features(constituents)
        if self.settings.candidates.impact_parameters:
            features |= track_features(constituents)
        features["pt"] = constituents["pt"].astype(np.float32)
        shapes = jet_shapes(jets, constituents)
        return {
            "jet": {name: values.astype(np.float32) for name, values in shapes.items()},
            "constituents": _jagged(features, constituents),
            "tutorial": _jagged(tutorial, constituents),
        }


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


def jet_observables(jets: Objects, constituents: Objects) -> dict[str, NDArray[np.float64]]:
    """What is histogrammed: the numbers of `SHAPES`, and `n_quarks` where the truth is asked for."""
    truth = {"n_quarks": jets["n_quarks"].astype(np.float64)} if "n_quarks" in jets.columns else {}
    return jet_shapes(jets, constituents) | truth


def with_constituents(jets: Objects, constituents: Objects) -> tuple[Objects, Objects]:
    """Without the jets that have none, which some files have below a threshold."""
    has = constituents.counts > 0
    row = np.cumsum(has) - 1
    return jets.where(has), Objects(row[constituents.event], int(has.sum()), constituents.columns)


def _jagged(features: dict[str, NDArray[np.float32]], constituents: Objects) -> dict[str, ak.Array]:
    return {name: ak.unflatten(values, constituents.counts) for name, values in features.items()}


def _ids_of(events: Any, jets: Objects) -> EventIds:
    """The name of the event of each jet."""
    ids = event_ids(events, np.ones(jets.n_events, dtype=bool))
    return EventIds(ids.run[jets.event], ids.luminosity_block[jets.event], ids.event[jets.event])
