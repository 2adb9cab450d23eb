"""Z → μμ: muons and the pairs that they make, in data and in simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coffea.processor import ProcessorABC
from pydantic import Field

from pipeline.config import Section
from pipeline.physics.kinematics import momentum
from pipeline.physics.objects import Objects, read_objects
from pipeline.physics.pairs import pairs
from pipeline.physics.selected import Selected, all_cuts, count_cuts, event_ids
from pipeline.physics.variations import NOMINAL, check_variation
from pipeline.physics.weights import generator_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

READS = ("run", "luminosityBlock", "event", "nMuon", "Muon_pt", "Muon_eta", "Muon_phi", "Muon_mass", "Muon_charge")
MUON_FIELDS = {name: name for name in ("pt", "eta", "phi", "mass", "charge")}


class MuonCuts(Section):
    """Which muons are kept."""

    pt_min_gev: float = Field(ge=0)
    abs_eta_max: float = Field(gt=0)


class Settings(Section):
    """The `selection` section of an analysis with this processor."""

    muon: MuonCuts
    n_muons_min: int = Field(2, ge=0, description="kept muons that an event must have")
    opposite_sign: bool = Field(True, description="use only pairs of opposite charge, and only events with such a pair")


class Processor(ProcessorABC):  # type: ignore[misc]
    """Events with muon pairs.

    Observables, both jagged: `mass` [GeV] of every pair of kept muons, so that three muons can give two masses of opposite
    sign; `muon_pt` [GeV] of every kept muon of a selected event, also of one that is in no pair.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the settings, checked."""
        self.settings = settings

    @property
    def reads(self) -> tuple[str, ...]:
        """The branches that `process` touches; with them `genWeight`, where a file has it."""
        return READS

    def process(self, events: Any, variation: str = NOMINAL) -> Selected:
        """Select the events of one chunk of NanoAOD.

        Raises:
            InputError: there is no such *variation*.
        """
        check_variation(variation)
        weights = generator_weights(events)
        muons = select_muons(events, self.settings.muon)
        dimuons = select_pairs(muons, opposite_sign=self.settings.opposite_sign)
        cuts = self._cuts(muons, dimuons)
        keep = all_cuts(cuts)
        return Selected(
            ids=event_ids(events, keep),
            weight=weights[keep],
            observables={"mass": dimuons.jagged("mass", keep), "muon_pt": muons.jagged("pt", keep)},
            cutflow=count_cuts(cuts, weights),
        )

    def postprocess(self, accumulator: Any) -> Any:
        """Nothing is left to be done after merging."""
        return accumulator

    def _cuts(self, muons: Objects, dimuons: Objects) -> dict[str, NDArray[np.bool_]]:
        cuts = {f"{self.settings.n_muons_min} muons": muons.counts >= self.settings.n_muons_min}
        if self.settings.opposite_sign:
            cuts["opposite sign"] = dimuons.counts > 0
        return cuts


def select_muons(events: Any, cuts: MuonCuts) -> Objects:
    """Muons inside the acceptance, in the order of the file."""
    muons = read_objects(events.Muon, MUON_FIELDS)
    return muons.where((muons["pt"] > cuts.pt_min_gev) & (abs(muons["eta"]) < cuts.abs_eta_max))


def select_pairs(muons: Objects, *, opposite_sign: bool) -> Objects:
    """Pairs of *muons* with their `mass` [GeV]; only those of total charge 0 for *opposite_sign*."""
    first, second = pairs(muons)
    p4 = [momentum(*(muons[name][side] for name in ("pt", "eta", "phi", "mass"))) for side in (first, second)]
    charge = muons["charge"][first] + muons["charge"][second]
    dimuons = Objects(muons.event[first], muons.n_events, {"mass": (p4[0] + p4[1]).mass, "charge": charge})
    return dimuons.where(charge == 0) if opposite_sign else dimuons
