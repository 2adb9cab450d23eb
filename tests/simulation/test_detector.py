import numpy as np
import pytest

from pipeline.simulation.detector import NOT_SEEN, candidates, kind_of, relative_resolution
from pipeline.simulation.settings import load_detector

DETECTOR = load_detector()


def stable(objects, pdg_id, pt, eta, charge, n=1):
    pt, eta = np.full(n, float(pt)), np.full(n, float(eta))
    columns = {"pdg_id": np.full(n, pdg_id), "charge": np.full(n, charge), "energy": pt * np.cosh(eta)}
    return objects([0] * n, 1, pt=pt, eta=eta, **columns)


SEEN = {
    "hadron in the tracker": (211, 5, 0.5, 1, 0.5, 211),
    "hadron whose track is lost": (211, 5, 0.5, 1, 0.96, 130),
    "hadron whose outer track is lost": (211, 5, 2.0, 1, 0.92, 130),
    "hadron beyond the tracker": (-321, 5, 2.7, -1, 0.0, 130),
    "soft hadron": (2212, 0.4, 0.0, 1, 0.0, 130),
    "neutral hadron": (130, 5, 0.5, 0, 0.0, 130),
    "muon": (13, 20, 1.0, -1, 0.97, 13),
    "lost muon": (13, 20, 1.0, -1, 0.99, NOT_SEEN),
    "muon beyond its detector": (-13, 20, 2.45, 1, 0.0, NOT_SEEN),
    "electron": (11, 20, 1.0, -1, 0.92, 11),
    "soft electron": (11, 9, 1.0, -1, 0.85, 22),
    "electron beyond the tracker": (11, 20, 2.6, -1, 0.0, 22),
    "photon": (22, 3, 1.0, 0, 0.99, 22),
    "what is not known": (1000022, 100, 0.0, 0, 0.0, NOT_SEEN),
}


@pytest.mark.parametrize(("pdg_id", "pt", "eta", "charge", "chance", "seen"), SEEN.values(), ids=SEEN)
def test_each_kind_of_particle_is_seen_as(objects, pdg_id, pt, eta, charge, chance, seen):
    particle = stable(objects, pdg_id, pt, eta, charge)

    assert seen == kind_of(particle, DETECTOR, np.array([[chance], [0.5]]))[0]


def test_the_calorimeter_misses_hadrons_at_its_inefficiency(objects):
    kinds = kind_of(stable(objects, 130, 5, 0.0, 0, n=2), DETECTOR, np.array([[0.0, 0.0], [0.96, 0.98]]))

    assert kinds.tolist() == [130, NOT_SEEN]


def test_forward_energy_has_the_forward_resolution(objects):
    particle = stable(objects, 22, 10.0 / np.cosh(4.0), 4.0, 0)

    assert relative_resolution(particle, np.array([22]), DETECTOR)[0] == pytest.approx(np.sqrt(1.5**2 / 10 + 0.09**2))


def generated(objects, pdg_id, pt, n, eta=0.3):
    phi = np.linspace(-3, 3, n)
    mass = {211: 0.13957, 22: 0.0, 13: 0.10566, 12: 0.0, 130: 0.49761}[abs(pdg_id)]
    energy = np.hypot(pt * np.cosh(eta), mass)
    full = {name: np.full(n, value) for name, value in {"pz": pt * np.sinh(eta), "energy": energy, "mass": mass}.items()}
    zero = {name: np.zeros(n) for name in ("x", "y", "z")}
    codes = {"pdg_id": np.full(n, pdg_id), "status": np.ones(n, dtype=int)}
    return objects([0] * n, 1, px=pt * np.cos(phi), py=pt * np.sin(phi), **full, **zero, **codes)


@pytest.mark.parametrize(
    ("pdg_id", "efficiency", "resolution"),
    [
        (211, 0.95, np.hypot(0.008, 1.5e-4 * 1.045 * 20)),
        (13, 0.98, np.hypot(0.01, 6e-5 * 1.045 * 20)),
        (22, 1.0, np.sqrt(0.04**2 / 20.907 + 0.008**2 + (0.25 / 20.907) ** 2)),  # E = 20.907 GeV at η = 0.3
    ],
    ids=["track", "muon", "photon"],
)
def test_many_particles_show_the_efficiency_and_the_resolution(objects, pdg_id, efficiency, resolution):
    n = 20_000
    seen = candidates(generated(objects, pdg_id, 20.0, n), DETECTOR, np.random.default_rng(1))
    seen = seen.where(np.abs(seen["pdg_id"]) == pdg_id)

    assert efficiency == pytest.approx(len(seen) / n, abs=5 / np.sqrt(n) * np.sqrt(efficiency * (1 - efficiency)) + 1e-9)
    assert resolution == pytest.approx(np.std(seen["pt"] / 20), rel=0.03)
    assert np.mean(seen["pt"]) == pytest.approx(20.0, rel=1e-3)


def test_tracks_from_the_origin_have_impact_parameters_of_their_error(objects):
    seen = candidates(generated(objects, 211, 5.0, 5000), DETECTOR, np.random.default_rng(2))
    tracks = seen.where(seen["charge"] != 0)

    assert np.std(tracks["d0"] / tracks["d0_err"]) == pytest.approx(1.0, abs=0.05)
    assert np.std(tracks["dz"] / tracks["dz_err"]) == pytest.approx(1.0, abs=0.05)


def test_what_has_no_track_has_no_impact_parameter(objects):
    seen = candidates(generated(objects, 130, 30.0, 50), DETECTOR, np.random.default_rng(3))

    assert {0.0} == set(seen["d0"]) | set(seen["charge"])
    assert {-1.0} == set(seen["d0_err"])


def test_neutrinos_are_not_seen(objects):
    assert len(candidates(generated(objects, 12, 50.0, 20), DETECTOR, np.random.default_rng(4))) == 0


def test_the_same_seed_gives_the_same_candidates(objects):
    particles = generated(objects, 211, 3.0, 100)
    first, second, other = (candidates(particles, DETECTOR, np.random.default_rng(seed)) for seed in (5, 5, 6))

    assert first["pt"].tolist() == second["pt"].tolist()
    assert first["pt"].tolist() != other["pt"].tolist()
