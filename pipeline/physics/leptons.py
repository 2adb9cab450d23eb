"""Which electrons and muons of an event count: isolated ones inside the acceptance."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from pipeline.config import Section
from pipeline.physics.objects import Objects, merged, read_objects

LEPTON_FIELDS = {"pt": "pt", "eta": "eta", "phi": "phi", "mass": "mass", "charge": "charge", "iso": "pfRelIso03_all"}
LEPTON_READS = (
    *("nElectron", "nMuon"),
    *(f"{collection}_{field}" for collection in ("Electron", "Muon") for field in LEPTON_FIELDS.values()),
)
ELECTRON, MUON = 0, 1


class LeptonCuts(Section):
    """Which electrons, or muons, are kept; isolation is the momentum around the lepton relative to its own."""

    pt_min_gev: float = Field(ge=0)
    abs_eta_max: float = Field(gt=0)
    iso_max: float = Field(gt=0)


def isolated_leptons(events: Any, *, electron: LeptonCuts, muon: LeptonCuts) -> Objects:
    """Isolated electrons and muons of each event, by falling pt, with `type` 0 for electrons and 1 for muons."""
    electrons = _isolated(events.Electron, electron).having(type=ELECTRON)
    muons = _isolated(events.Muon, muon).having(type=MUON)
    return merged(electrons, muons, by=("pt",))


def _isolated(collection: Any, cuts: LeptonCuts) -> Objects:
    leptons = read_objects(collection, LEPTON_FIELDS)
    in_acceptance = (leptons["pt"] > cuts.pt_min_gev) & (abs(leptons["eta"]) < cuts.abs_eta_max)
    return leptons.where(in_acceptance & (leptons["iso"] < cuts.iso_max))
