"""The numbers of the parametric detector, read from `pipeline/simulation/detector.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of the detector: frozen and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Track(Part):
    """The tracker: charged particles of every kind pass it."""

    pt_min_gev: float
    abs_eta_max: float
    efficiency: float
    efficiency_outer: float
    outer_abs_eta: float
    constant: float
    per_gev: float
    angle_rad: float
    d0_constant_um: float
    d0_scattering_um_gev: float


class Muon(Part):
    """Muons: identified, with their own momentum resolution."""

    abs_eta_max: float
    efficiency: float
    constant: float
    per_gev: float


class Electron(Part):
    """Electrons: identified, with the calorimeter's energy."""

    efficiency: float
    efficiency_soft: float
    soft_below_pt_gev: float
    constant: float
    noise_gev: float


class Photon(Part):
    """Photons, and electrons that were not identified."""

    energy_min_gev: float
    stochastic: float
    constant: float
    noise_gev: float
    angle_rad: float


class Hadron(Part):
    """Hadrons in the calorimeter."""

    energy_min_gev: float
    efficiency: float
    stochastic: float
    constant: float
    angle_rad: float


class Forward(Part):
    """The forward calorimeter, for photons and hadrons alike."""

    abs_eta_min: float
    abs_eta_max: float
    energy_min_gev: float
    stochastic: float
    constant: float
    angle_rad: float


class Met(Part):
    """What is added to the missing transverse momentum."""

    noise_gev: float


class Detector(Part):
    """The whole detector."""

    track: Track
    muon: Muon
    electron: Electron
    photon: Photon
    hadron: Hadron
    forward: Forward
    met: Met


@cache
def load_detector() -> Detector:
    """The detector of `detector.yaml`."""
    path = Path(__file__).with_name("detector.yaml")
    return Detector.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
