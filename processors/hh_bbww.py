"""HH → bbWW → bb ℓν ℓν: two leptons and two b jets, as 26 numbers for a network and as what physicists plot.

The 26 numbers, with b jets and leptons ordered by falling pt: see `EVENT_INPUTS`. `met` and every `pt` and `mass` are in
GeV, every `phi` in rad; `charge` is ±1, `type` is 0 for an electron and 1 for a muon; `ncharged` and `nneutrals` count the
jet's particles. `eratio` is the hadronic part of the jet's hadronic and electromagnetic energy, r / (1 + r) of the ratio r
that fast simulations call E_had / E_em: it stays finite for a jet without electromagnetic energy. It is 0 for a jet without
either, which is made of muons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from coffea.processor import ProcessorABC
from pydantic import Field

from pipeline.config import Section
from pipeline.physics.kinematics import Momentum, delta_phi, delta_r, momentum, transverse_components
from pipeline.physics.leptons import LEPTON_READS, LeptonCuts, isolated_leptons
from pipeline.physics.mt2 import stransverse_mass
from pipeline.physics.objects import Objects, read_objects
from pipeline.physics.pairs import nearest_delta_r
from pipeline.physics.selected import Selected, all_cuts, count_cuts, event_ids
from pipeline.physics.variations import NOMINAL, check_variation
from pipeline.physics.weights import generator_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

Stacked = dict[str, "NDArray[Any]"]
JetBranch = Annotated[str, Field(pattern=r"^Jet_[A-Za-z0-9_]+$")]

JET_INPUTS = ("pt", "eta", "phi", "eratio", "mass", "ncharged", "nneutrals")
LEPTON_INPUTS = ("pt", "phi", "eta", "charge", "type")
EVENT_INPUTS = (
    *(f"bjet{place}_{name}" for place in (1, 2) for name in JET_INPUTS),
    *(f"lept{place}_{name}" for place in (1, 2) for name in LEPTON_INPUTS),
    "met",
    "met_phi",
)

ENERGY_FRACTIONS = ("chHEF", "neHEF", "chEmEF", "neEmEF")
JET_FIELDS = {name: name for name in ("pt", "eta", "phi", "mass", *ENERGY_FRACTIONS)}


class JetCuts(Section):
    """Which jets are kept, and where the numbers of their particles are found."""

    pt_min_gev: float = Field(ge=0)
    abs_eta_max: float = Field(gt=0)
    lepton_delta_r_min: float = Field(ge=0, description="a jet nearer to a kept lepton is that lepton")
    n_charged_branch: JetBranch = "Jet_nCharged"
    n_neutral_branch: JetBranch = "Jet_nNeutral"


class BTag(Section):
    """Which jets are b jets: those whose discriminator is at least `min`; the two with the highest are used."""

    branch: JetBranch = "Jet_btagTracks"
    min: float


class Settings(Section):
    """The `selection` section of an analysis with this processor."""

    electron: LeptonCuts
    muon: LeptonCuts
    jet: JetCuts
    btag: BTag
    met: str = Field("MET", pattern=r"^[A-Za-z]+$", description="collection of the missing transverse momentum")
    mt2_invisible_mass_gev: float = Field(ge=0, description="with the mass of the W, m_T2 of tt̄ ends at the top's mass")


FIXED_READS = (
    *("run", "luminosityBlock", "event", *LEPTON_READS, "nJet"),
    *(f"Jet_{field}" for field in JET_FIELDS.values()),
)
# With the defaults of `Settings`, which are the names that the embedded simulation writes.
READS = (*FIXED_READS, "Jet_nCharged", "Jet_nNeutral", "Jet_btagTracks", "MET_pt", "MET_phi")


class Processor(ProcessorABC):  # type: ignore[misc]
    """Events with two opposite-sign leptons and two b jets.

    Input collections: `event`, the 26 numbers as measured; `relative`, the same with every φ measured from that of the
    leading lepton, in (-π, π].
    """

    def __init__(self, settings: Settings) -> None:
        """Take the settings, checked."""
        self.settings = settings

    @property
    def reads(self) -> tuple[str, ...]:
        """The branches that `process` touches with these settings; with them `genWeight`, where a file has it."""
        jet, met = self.settings.jet, self.settings.met
        chosen = (jet.n_charged_branch, jet.n_neutral_branch, self.settings.btag.branch, f"{met}_pt", f"{met}_phi")
        return tuple(dict.fromkeys((*FIXED_READS, *chosen)))

    def process(self, events: Any, variation: str = NOMINAL) -> Selected:
        """Select the events of one chunk of NanoAOD.

        Raises:
            InputError: there is no such *variation*.
        """
        check_variation(variation)
        weights = generator_weights(events)
        leptons = isolated_leptons(events, electron=self.settings.electron, muon=self.settings.muon)
        cuts = dilepton_cuts(leptons)
        jets = select_jets(events, leptons, self.settings, wanted=all_cuts(cuts))
        b_jets = select_b_jets(jets, self.settings.btag)
        cuts |= {"two jets": jets.counts >= 2, "two b jets": b_jets.counts >= 2}
        keep = all_cuts(cuts)
        return Selected(
            ids=event_ids(events, keep),
            weight=weights[keep],
            **self._quantities(b_jets.stacked(2, keep), leptons.stacked(2, keep), self._met(events, keep)),
            cutflow=count_cuts(cuts, weights),
        )

    def postprocess(self, accumulator: Any) -> Any:
        """Nothing is left to be done after merging."""
        return accumulator

    def _met(self, events: Any, keep: NDArray[np.bool_]) -> Stacked:
        met = events[self.settings.met]
        return {name: np.asarray(met[name])[keep] for name in ("pt", "phi")}

    def _quantities(self, b_jets: Stacked, leptons: Stacked, met: Stacked) -> dict[str, Any]:
        inputs = event_inputs(b_jets, leptons, met)
        observables = event_observables(b_jets, leptons, met, unseen_mass=self.settings.mt2_invisible_mass_gev)
        return {"inputs": {"event": inputs, "relative": relative_inputs(inputs)}, "observables": observables}


def dilepton_cuts(leptons: Objects) -> dict[str, NDArray[np.bool_]]:
    """At least two leptons, of which the two with the highest pt have opposite charge; masks of shape (n_events,)."""
    return {"two leptons": leptons.counts >= 2, "opposite sign": leptons.first(2).total("charge") == 0}


def select_jets(events: Any, leptons: Objects, settings: Settings, *, wanted: NDArray[np.bool_]) -> Objects:
    """Jets of the *wanted* events, shape (n_events,), that are inside the acceptance and apart from all *leptons*."""
    cuts = settings.jet
    chosen = {"ncharged": cuts.n_charged_branch, "nneutrals": cuts.n_neutral_branch, "btag": settings.btag.branch}
    fields = JET_FIELDS | {name: branch.removeprefix("Jet_") for name, branch in chosen.items()}
    jets = read_objects(events.Jet, fields, events=wanted)
    jets = jets.where((jets["pt"] > cuts.pt_min_gev) & (abs(jets["eta"]) < cuts.abs_eta_max))
    return jets.where(nearest_delta_r(jets, leptons) >= cuts.lepton_delta_r_min)


def select_b_jets(jets: Objects, btag: BTag) -> Objects:
    """The two *jets* with the highest discriminator, of those at or above the cut, by falling pt; equal ones: higher pt."""
    return jets.where(jets["btag"] >= btag.min).ordered("btag", "pt").first(2).ordered("pt")


def event_inputs(b_jets: Stacked, leptons: Stacked, met: Stacked) -> Stacked:
    """The numbers of `EVENT_INPUTS`, in that order, each of shape (n_selected,)."""
    b_jets = b_jets | {"eratio": hadronic_fraction(b_jets)}
    columns = {f"bjet{place + 1}_{name}": b_jets[name][:, place] for place in (0, 1) for name in JET_INPUTS}
    columns |= {f"lept{place + 1}_{name}": leptons[name][:, place] for place in (0, 1) for name in LEPTON_INPUTS}
    columns |= {"met": met["pt"], "met_phi": met["phi"]}
    return {name: np.asarray(columns[name], dtype=np.float32) for name in EVENT_INPUTS}


def relative_inputs(inputs: Stacked) -> Stacked:
    """The same *inputs* with every φ relative to `lept1_phi`, in (-π, π]."""
    origin = inputs["lept1_phi"]
    return {
        name: delta_phi(values, origin).astype(np.float32) if name.endswith("_phi") else values
        for name, values in inputs.items()
    }


def hadronic_fraction(jets: Stacked) -> NDArray[np.float64]:
    """Hadronic part of the hadronic and electromagnetic energy of *jets*, same shape, in [0, 1]; 0 without either."""
    charged_hadronic, neutral_hadronic, charged_em, neutral_em = (jets[name].astype(np.float64) for name in ENERGY_FRACTIONS)
    hadronic = charged_hadronic + neutral_hadronic
    total = hadronic + charged_em + neutral_em
    return np.divide(hadronic, total, out=np.zeros_like(total), where=total > 0)


def event_observables(b_jets: Stacked, leptons: Stacked, met: Stacked, *, unseen_mass: float) -> Stacked:
    """What is histogrammed, each of shape (n_selected,); masses and momenta in GeV, angles in rad."""
    (b1, b2), (l1, l2) = _momenta(b_jets), _momenta(leptons)
    bb, ll = b1 + b2, l1 + l2
    return {
        "m_bb": bb.mass,
        "m_ll": ll.mass,
        "delta_r_bb": _separation(b_jets),
        "delta_r_ll": _separation(leptons),
        "delta_phi_bb_ll": abs(delta_phi(bb.phi, ll.phi)),
        "m_t2": top_stransverse_mass(b_jets["mass"], b1, b2, ll, met, unseen_mass=unseen_mass),
        "pt_bb": bb.pt,
        "pt_ll": ll.pt,
        "met": met["pt"].astype(np.float64),
        "lept1_pt": leptons["pt"][:, 0].astype(np.float64),
        "bjet1_pt": b_jets["pt"][:, 0].astype(np.float64),
    }


def top_stransverse_mass(
    b_mass: NDArray[np.floating], b1: Momentum, b2: Momentum, ll: Momentum, met: Stacked, *, unseen_mass: float
) -> NDArray[np.float64]:
    """m_T2 in GeV with one b jet seen on each side, and the W bosons, leptons included, unseen (arXiv:1309.6318)."""
    met_px, met_py = transverse_components(met["pt"], met["phi"])
    px, py = np.stack((b1.px, b2.px), axis=1), np.stack((b1.py, b2.py), axis=1)
    return stransverse_mass(b_mass, px, py, ll.px + met_px, ll.py + met_py, unseen_mass=unseen_mass)


def _momenta(objects: Stacked) -> tuple[Momentum, Momentum]:
    first, second = (momentum(*(objects[name][:, place] for name in ("pt", "eta", "phi", "mass"))) for place in (0, 1))
    return first, second


def _separation(objects: Stacked) -> NDArray[np.float64]:
    eta, phi = objects["eta"], objects["phi"]
    return delta_r(eta[:, 0], phi[:, 0], eta[:, 1], phi[:, 1])
