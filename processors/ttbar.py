"""tt̄ → bℓν bqq': one lepton and at least four jets, in a fixed order, and the partons that they come from.

Input collections, of which the YAML takes what it wants; momenta, energies and masses in GeV, angles in rad:

- `lepton`, flat: `px py pz energy pt eta phi sin_phi cos_phi log_pt charge type`; `type` is 0 for e, 1 for μ.
- `met`, flat: `met px py phi sin_phi cos_phi log_met`.
- `jets`, jagged, in the order of `selection.jet.order_by`: `px py pz energy pt eta phi mass sin_phi cos_phi log_pt
  log_energy log_mass btag`; `log_mass` is ln(1 + m).

Targets, where `selection.truth` is on: `top_had top_lep w_had w_lep b_had b_lep`, each with pt, eta, phi and mass of the
parton (`pipeline.physics.partons`), NaN where the event is no tt̄ → bℓν bqq'; the place of each quark's jet, -1 for none, as
`jet_of_b_had jet_of_q1 jet_of_q2 jet_of_b_lep`; and `event_class`, one of `EVENT_CLASSES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from coffea.processor import ProcessorABC
from pydantic import Field

from pipeline.config import Section
from pipeline.physics.kinematics import Momentum, delta_phi, momentum, transverse_components
from pipeline.physics.leptons import LEPTON_READS, LeptonCuts, isolated_leptons
from pipeline.physics.matching import match
from pipeline.physics.objects import Objects, read_objects
from pipeline.physics.pairs import nearest_delta_r
from pipeline.physics.partons import BOSONS_AND_TOPS, GEN_FIELDS, JET_PARTONS, read_top_pair
from pipeline.physics.selected import Selected, all_cuts, count_cuts, event_ids
from pipeline.physics.variations import NOMINAL, check_variation
from pipeline.physics.weights import generator_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

Columns = dict[str, "NDArray[Any]"]
JetBranch = Annotated[str, Field(pattern=r"^Jet_[A-Za-z0-9_]+$")]

JET_FIELDS = {name: name for name in ("pt", "eta", "phi", "mass")}
# By the number of quarks that have a jet: four, three, fewer; and events that have no such quarks.
EVENT_CLASSES = ("full", "partial", "not_reconstructable", "other")
FULL, PARTIAL, NOT_RECONSTRUCTABLE, OTHER = range(4)


class JetCuts(Section):
    """Which jets are kept, and in which order."""

    pt_min_gev: float = Field(ge=0)
    abs_eta_max: float = Field(gt=0)
    lepton_delta_r_min: float = Field(ge=0, description="a jet nearer to the kept lepton is that lepton")
    at_least: int = Field(4, ge=4)
    order_by: Literal["pt", "energy", "mass", "btag"] = Field("pt", description="falling; equal ones by falling pt")
    parton_delta_r_max: float = Field(0.4, gt=0, description="a quark further from every jet has none")


class BTag(Section):
    """Where the discriminator is found; with `at_least` above 0, so many jets must have at least `min`."""

    branch: JetBranch = "Jet_btagTracks"
    min: float
    at_least: int = Field(0, ge=0)


class Settings(Section):
    """The `selection` section of an analysis with this processor."""

    electron: LeptonCuts
    muon: LeptonCuts
    jet: JetCuts
    btag: BTag
    met: str = Field("MET", pattern=r"^[A-Za-z]+$", description="collection of the missing transverse momentum")
    truth: bool = Field(True, description="give targets, from GenPart; false where a dataset has none, as data")


FIXED_READS = (
    *("run", "luminosityBlock", "event", *LEPTON_READS, "nJet"),
    *(f"Jet_{field}" for field in JET_FIELDS.values()),
)
TRUTH_READS = ("nGenPart", *(f"GenPart_{field}" for field in GEN_FIELDS.values()))
# With the defaults of `Settings`, which are the names that the embedded simulation writes.
READS = (*FIXED_READS, "Jet_btagTracks", "MET_pt", "MET_phi", *TRUTH_READS)


class Processor(ProcessorABC):  # type: ignore[misc]
    """Events with exactly one lepton and at least four jets; b tags are an input, and a cut only if asked for."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings, checked."""
        self.settings = settings

    @property
    def reads(self) -> tuple[str, ...]:
        """The branches that `process` touches with these settings; with them `genWeight`, where a file has it."""
        met = self.settings.met
        chosen = (self.settings.btag.branch, f"{met}_pt", f"{met}_phi")
        return tuple(dict.fromkeys((*FIXED_READS, *chosen, *(TRUTH_READS if self.settings.truth else ()))))

    def process(self, events: Any, variation: str = NOMINAL) -> Selected:
        """Select the events of one chunk of NanoAOD.

        Raises:
            InputError: there is no such *variation*.
        """
        check_variation(variation)
        weights = generator_weights(events)
        leptons = isolated_leptons(events, electron=self.settings.electron, muon=self.settings.muon)
        cuts = {"one lepton": leptons.counts == 1}
        jets = select_jets(events, leptons, self.settings, wanted=all_cuts(cuts))
        cuts |= jet_cuts(jets, self.settings)
        keep = all_cuts(cuts)
        jets, lepton, met = jets.of(keep), leptons.of(keep), self._met(events, keep)
        return Selected(
            ids=event_ids(events, keep),
            weight=weights[keep],
            observables=event_observables(jets, lepton, met, self.settings.btag),
            cutflow=count_cuts(cuts, weights),
            inputs={"lepton": lepton_inputs(lepton), "met": met_inputs(met), "jets": jet_inputs(jets)},
            targets=truth_targets(events.GenPart, keep, jets, self.settings.jet) if self.settings.truth else {},
        )

    def postprocess(self, accumulator: Any) -> Any:
        """Nothing is left to be done after merging."""
        return accumulator

    def _met(self, events: Any, keep: NDArray[np.bool_]) -> Columns:
        met = events[self.settings.met]
        return {name: np.asarray(met[name], dtype=np.float64)[keep] for name in ("pt", "phi")}


def select_jets(events: Any, leptons: Objects, settings: Settings, *, wanted: NDArray[np.bool_]) -> Objects:
    """Jets of the *wanted* events, shape (n_events,), inside the acceptance and apart from all *leptons*, in their order."""
    cuts = settings.jet
    fields = JET_FIELDS | {"btag": settings.btag.branch.removeprefix("Jet_")}
    jets = read_objects(events.Jet, fields, events=wanted)
    jets = jets.where((jets["pt"] > cuts.pt_min_gev) & (abs(jets["eta"]) < cuts.abs_eta_max))
    jets = jets.where(nearest_delta_r(jets, leptons) >= cuts.lepton_delta_r_min)
    return jets.having(energy=_momenta(jets).energy).ordered(cuts.order_by, "pt")


def jet_cuts(jets: Objects, settings: Settings) -> dict[str, NDArray[np.bool_]]:
    """Enough *jets* and, if asked for, enough b tags; masks of shape (n_events,)."""
    least, tags = settings.jet.at_least, settings.btag.at_least
    cuts = {f"{least} jets": jets.counts >= least}
    return cuts | ({f"{tags} b tags": _n_tags(jets, settings.btag) >= tags} if tags else {})


def lepton_inputs(lepton: Objects) -> Columns:
    """Features of the one *lepton* of each event, shape (n_selected,) each."""
    features = _features(lepton) | {name: lepton[name] for name in ("charge", "type")}
    return _float32({name: values for name, values in features.items() if name != "mass"})


def met_inputs(met: Columns) -> Columns:
    """Features of the missing transverse momentum, shape (n_selected,) each."""
    px, py = transverse_components(met["pt"], met["phi"])
    return _float32({"met": met["pt"], "px": px, "py": py, "log_met": np.log1p(met["pt"]), **_direction(met["phi"])})


def jet_inputs(jets: Objects) -> dict[str, Any]:
    """Features of all *jets* in their order, shape (n_selected, var) each."""
    features = _features(jets)
    features |= {
        "mass": jets["mass"],
        "log_energy": np.log(features["energy"]),
        "log_mass": np.log1p(np.maximum(jets["mass"], 0)),
    }
    table = jets.having(**_float32(features))
    every = np.ones(jets.n_events, dtype=bool)
    return {name: table.jagged(name, every) for name in (*features, "btag")}


def event_observables(jets: Objects, lepton: Objects, met: Columns, btag: BTag) -> Columns:
    """What is histogrammed, each of shape (n_selected,); masses and momenta in GeV."""
    leading = jets.ordered("pt")
    return {
        "n_jets": jets.counts.astype(np.float64),
        "n_b_tags": _n_tags(jets, btag).astype(np.float64),
        "met": met["pt"],
        "lepton_pt": lepton["pt"].astype(np.float64),
        "lepton_eta": lepton["eta"].astype(np.float64),
        "w_transverse_mass": np.sqrt(2 * lepton["pt"] * met["pt"] * (1 - np.cos(delta_phi(lepton["phi"], met["phi"])))),
        "ht": jets.total("pt"),
        **{f"jet{place + 1}_pt": leading["pt"][leading.starts + place].astype(np.float64) for place in range(4)},
    }


def truth_targets(gen_part: Any, keep: NDArray[np.bool_], jets: Objects, cuts: JetCuts) -> Columns:
    """Momenta of the partons, the jet of each quark and the class of each event: see the module's docstring.

    Args:
        gen_part: of all events of the chunk.
        keep: which of them are selected, shape (n_events,).
        jets: of the selected events, in their order.
        cuts: how near a quark and its jet are.
    """
    every = np.ones(jets.n_events, dtype=bool)
    pair = read_top_pair(gen_part[keep])
    partons = {
        name: np.stack(list(pair.columns(name, every).values()), axis=1) for name in (*BOSONS_AND_TOPS, "b_had", "b_lep")
    }
    partner = match(pair.quarks(every), jets, delta_r_max=cuts.parton_delta_r_max)
    places = np.full((jets.n_events, len(JET_PARTONS)), -1)
    places[pair.found] = np.where(partner >= 0, jets.rank[partner], -1).reshape(-1, len(JET_PARTONS))
    return {
        **_float32(partons),
        **{f"jet_of_{name}": places[:, column] for column, name in enumerate(JET_PARTONS)},
        "event_class": np.where(pair.found, event_class(places), OTHER),
    }


def event_class(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place in `EVENT_CLASSES` by how many of the four quarks have a jet; *places* -1 for none, shape (n_selected, 4).

    >>> event_class(np.array([[2, 0, 1, 3], [2, -1, 1, 3], [-1, -1, 0, 1]])).tolist()
    [0, 1, 2]
    """
    n_matched = (places >= 0).sum(axis=1)
    return np.select([n_matched == 4, n_matched == 3], [FULL, PARTIAL], NOT_RECONSTRUCTABLE)


def _features(objects: Objects) -> Columns:
    p = _momenta(objects)
    components = {"px": p.px, "py": p.py, "pz": p.pz, "energy": p.energy}
    cylindrical = {name: objects[name] for name in ("pt", "eta")} | _direction(objects["phi"])
    return components | cylindrical | {"log_pt": np.log(objects["pt"].astype(np.float64))}


def _direction(phi: NDArray[np.floating]) -> Columns:
    return {"phi": phi, "sin_phi": np.sin(phi.astype(np.float64)), "cos_phi": np.cos(phi.astype(np.float64))}


def _momenta(objects: Objects) -> Momentum:
    return momentum(*(objects[name] for name in ("pt", "eta", "phi", "mass")))


def _n_tags(jets: Objects, btag: BTag) -> NDArray[np.int64]:
    return jets.where(jets["btag"] >= btag.min).counts


def _float32(columns: Columns) -> Columns:
    return {name: np.asarray(values, dtype=np.float32) for name, values in columns.items()}
