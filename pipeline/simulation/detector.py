"""What the parametric detector sees of the stable particles: particle-flow candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.physics.objects import Objects
from pipeline.simulation.momenta import cylindrical
from pipeline.simulation.particles import charge_of, is_hadron, is_neutrino
from pipeline.simulation.resolution import calorimeter_resolution, impact_parameters, impact_resolution, track_resolution

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.simulation.settings import Detector

ELECTRON, MUON, PHOTON, CHARGED_HADRON, NEUTRAL_HADRON = 11, 13, 22, 211, 130
KINDS = (ELECTRON, MUON, PHOTON, CHARGED_HADRON, NEUTRAL_HADRON)
NOT_SEEN = 0

# Masses that particle flow gives its candidates [GeV]; Review of Particle Physics, doi:10.1103/PhysRevD.110.030001.
MASS_OF_KIND = {ELECTRON: 0.000511, MUON: 0.10566, PHOTON: 0.0, CHARGED_HADRON: 0.13957, NEUTRAL_HADRON: 0.49761}
# A Gaussian energy can come out negative; what is below this fraction of the truth is not seen.
SMALLEST_RESPONSE = 0.05


def candidates(particles: Objects, detector: Detector, rng: np.random.Generator) -> Objects:
    """Particle-flow candidates of a batch.

    Args:
        particles: of Pythia.
        detector: its numbers.
        rng: the only source of chance.

    Returns:
        Columns pdg_id (of the kind: ±11, ±13, 22, ±211, 130), charge, pt, eta, phi, mass [GeV, rad], d0, d0_err, dz, dz_err
        [cm] (0, and -1 for the errors, without a track), particle (its row in *particles*).
    """
    rows = np.flatnonzero((particles["status"] > 0) & ~is_neutrino(particles["pdg_id"]))
    stable = particles.take(rows)
    pt, eta, phi, _ = cylindrical(stable["px"], stable["py"], stable["pz"], stable["energy"])
    stable = stable.having(pt=pt, eta=eta, phi=phi, charge=charge_of(stable["pdg_id"]), particle=rows)
    stable = stable.where(np.abs(eta) < detector.forward.abs_eta_max)
    kind = kind_of(stable, detector, rng.random((2, len(stable))))
    noise = rng.standard_normal((5, len(stable)))
    measured = _with_impact(_smeared(stable, kind, detector, noise[:3]), kind, detector, noise[3:])
    return measured.where((kind != NOT_SEEN) & _above_threshold(measured, detector))


def kind_of(stable: Objects, detector: Detector, chance: NDArray[np.float64]) -> NDArray[np.int64]:
    """As what a particle is seen: one of `KINDS`, or `NOT_SEEN`, shape (n,).

    A charged hadron without a track is seen by the calorimeter as a neutral one, an electron as a photon.

    Args:
        stable: with pdg_id, charge, pt, eta.
        detector: its numbers.
        chance: uniform numbers for the tracker or the lepton's identification, and for the calorimeter, shape (2, n).
    """
    code, pt, abs_eta = np.abs(stable["pdg_id"]), stable["pt"], np.abs(stable["eta"])
    track, muon, electron = detector.track, detector.muon, detector.electron
    in_tracker = (stable["charge"] != 0) & (abs_eta < track.abs_eta_max) & (pt > track.pt_min_gev)
    tracked = in_tracker & (chance[0] < np.where(abs_eta < track.outer_abs_eta, track.efficiency, track.efficiency_outer))
    is_electron = in_tracker & (
        chance[0] < np.where(pt > electron.soft_below_pt_gev, electron.efficiency, electron.efficiency_soft)
    )
    is_muon = in_tracker & (abs_eta < muon.abs_eta_max) & (chance[0] < muon.efficiency)
    in_calorimeter = np.where(chance[1] < detector.hadron.efficiency, NEUTRAL_HADRON, NOT_SEEN)
    hadron = np.where(tracked, CHARGED_HADRON, in_calorimeter)
    seen_as: list[Any] = [np.where(is_electron, ELECTRON, PHOTON), np.where(is_muon, MUON, NOT_SEEN), PHOTON, hadron]
    which = [code == ELECTRON, code == MUON, code == PHOTON, is_hadron(code)]
    return np.asarray(np.select(which, seen_as, NOT_SEEN), dtype=np.int64)


def relative_resolution(stable: Objects, kind: NDArray[np.int64], detector: Detector) -> NDArray[np.float64]:
    """σ(p)/p of each candidate: of the transverse momentum for tracks, of the energy for the others, shape (n,)."""
    pt, eta, energy = stable["pt"], stable["eta"], stable["energy"]
    track, muon, electron = detector.track, detector.muon, detector.electron
    photon, hadron, forward = detector.photon, detector.hadron, detector.forward
    central = {
        CHARGED_HADRON: track_resolution(pt, eta, track.constant, track.per_gev),
        MUON: track_resolution(pt, eta, muon.constant, muon.per_gev),
        ELECTRON: calorimeter_resolution(energy, 0.0, electron.constant, electron.noise_gev),
        PHOTON: calorimeter_resolution(energy, photon.stochastic, photon.constant, photon.noise_gev),
        NEUTRAL_HADRON: calorimeter_resolution(energy, hadron.stochastic, hadron.constant),
    }
    resolution = np.select([kind == key for key in central], list(central.values()), 0.0)
    is_forward = np.abs(eta) > forward.abs_eta_min
    return np.where(is_forward, calorimeter_resolution(energy, forward.stochastic, forward.constant), resolution)


def _smeared(stable: Objects, kind: NDArray[np.int64], detector: Detector, noise: NDArray[np.float64]) -> Objects:
    """The measured momenta; *noise* is normal, for momentum, η and φ, shape (3, n)."""
    response = 1 + relative_resolution(stable, kind, detector) * noise[0]
    response = np.where(response > SMALLEST_RESPONSE, response, 0.0)
    angle = np.where(
        np.abs(stable["eta"]) > detector.forward.abs_eta_min,
        detector.forward.angle_rad,
        np.select([kind == NEUTRAL_HADRON, kind == PHOTON], [detector.hadron.angle_rad, detector.photon.angle_rad],
                  detector.track.angle_rad),
    )  # fmt: skip
    eta = stable["eta"] + angle * noise[1]
    mass = np.select([kind == key for key in MASS_OF_KIND], list(MASS_OF_KIND.values()), 0.0)
    energy = np.hypot(stable["pt"] * np.cosh(stable["eta"]), stable["mass"]) * response
    from_energy = np.sqrt(np.maximum(energy**2 - mass**2, 0.0)) / np.cosh(eta)
    has_track = np.isin(kind, (ELECTRON, MUON, CHARGED_HADRON))
    sign = np.where(has_track, np.sign(stable["pdg_id"]), 1)
    return Objects(
        stable.event,
        stable.n_events,
        {
            "pdg_id": kind * sign,
            "charge": np.where(has_track, stable["charge"], 0),
            "pt": np.where(has_track, stable["pt"] * response, from_energy),
            "eta": eta,
            "phi": (stable["phi"] + angle * noise[2] + np.pi) % (2 * np.pi) - np.pi,
            "mass": mass,
            "particle": stable["particle"],
            **{name: stable[name] for name in ("x", "y", "z", "px", "py", "pz")},
        },
    )


def _with_impact(measured: Objects, kind: NDArray[np.int64], detector: Detector, noise: NDArray[np.float64]) -> Objects:
    """Impact parameters instead of the true vertex and momentum; *noise* is normal, for d0 and dz, shape (2, n)."""
    names = ("x", "y", "z", "px", "py", "pz")
    d0, dz = impact_parameters(*(measured[name] for name in names))
    pt, eta = np.maximum(measured["pt"], detector.track.pt_min_gev / 2), measured["eta"]
    d0_err = impact_resolution(pt, eta, detector.track)
    dz_err = d0_err * np.cosh(eta)
    has_track = measured["charge"] != 0
    kept = {name: column for name, column in measured.columns.items() if name not in names}
    impact = {"d0": (d0 + d0_err * noise[0], 0.0), "dz": (dz + dz_err * noise[1], 0.0)}
    errors = {"d0_err": (d0_err, -1.0), "dz_err": (dz_err, -1.0)}
    filled = {name: np.where(has_track, value, default) for name, (value, default) in (impact | errors).items()}
    return Objects(measured.event, measured.n_events, {**kept, **filled})


def _above_threshold(measured: Objects, detector: Detector) -> NDArray[np.bool_]:
    """Measured momenta and energies that pass the thresholds, shape (n,)."""
    kind = np.abs(measured["pdg_id"])
    energy = np.hypot(measured["pt"] * np.cosh(measured["eta"]), measured["mass"])
    is_forward = np.abs(measured["eta"]) > detector.forward.abs_eta_min
    photon_min = np.where(is_forward, detector.forward.energy_min_gev, detector.photon.energy_min_gev)
    calorimeter = np.where(kind == PHOTON, energy > photon_min, energy > detector.hadron.energy_min_gev)
    return np.where(measured["charge"] != 0, measured["pt"] > detector.track.pt_min_gev, calorimeter)
