"""Jets with hand-made particles, and the loop that finds the particles of each jet one by one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.physics.constituents import (
    KINDS,
    constituents_of,
    momentum_features,
    relative_features,
    track_features,
    tutorial_features,
    type_features,
)
from pipeline.physics.objects import Objects

INTEGERS = ("index", "jet", "candidate", "pdg_id")


def objects(events, *names):
    """From one list of tuples an event."""
    flat = [one for event in events for one in event]
    index = np.repeat(np.arange(len(events)), [len(event) for event in events])
    kinds = [np.int64 if name in INTEGERS else np.float64 for name in names]
    columns = {name: np.array([one[place] for one in flat], kinds[place]) for place, name in enumerate(names)}
    return Objects(index, len(events), columns)


def linked(events):
    """Links of (jet, candidate)."""
    return objects(events, "jet", "candidate")


def one_jet(*particles, eta=-1.0, phi=3.0):
    """A jet of pt 100 GeV without mass, and its particles (pt, eta, phi, mass)."""
    jet = objects([[(100.0, eta, phi, 0.0)]], "pt", "eta", "phi", "mass")
    return objects([particles], "pt", "eta", "phi", "mass"), jet


def test_a_jet_has_its_particles_by_falling_momentum():
    jets = objects([[(1,)], [], [(0,), (2,)]], "index")
    candidates = objects([[(5.0,), (7.0,), (6.0,)], [(1.0,)], [(2.0,), (9.0,), (4.0,)]], "pt")
    links = linked([[(0, 1), (1, 0), (1, 2)], [(0, 0)], [(2, 0), (0, 1), (2, 2), (1, 0)]])

    found = constituents_of(jets, links, candidates)

    assert found.n_events == 3
    assert list(zip(found.event.tolist(), found["pt"].tolist(), strict=True)) == [(0, 6), (0, 5), (1, 9), (2, 4), (2, 2)]


def test_links_to_nothing_and_particles_without_momentum_are_left_out():
    jets = objects([[(0,)]], "index")
    links = linked([[(0, -1), (-1, 0), (0, 1), (0, 0)]])

    found = constituents_of(jets, links, objects([[(3.0,), (0.0,)]], "pt"))

    assert found["pt"].tolist() == [3.0]


def test_a_link_to_a_particle_that_is_not_there_is_an_error():
    jets, candidates = objects([[(0,)], []], "index"), objects([[(3.0,)], [(4.0,), (5.0,)]], "pt")

    with pytest.raises(InputError, match=r"particle 1 of an event with 1 particles\. .* Correct selection\.candidates"):
        constituents_of(jets, linked([[(0, 1)], []]), candidates)


def test_no_jets_have_no_particles():
    found = constituents_of(objects([[], []], "index"), linked([[(0, 0)], []]), objects([[(3.0,)], []], "pt"))

    assert (len(found), found.n_events) == (0, 0)


def loop_constituents(jets, links, candidates):
    found = []
    for row, (event, index) in enumerate(zip(jets.event, jets["index"], strict=True)):
        own = [candidates["pt"][candidates.event == event][c] for e, j, c in rows_of(links) if (e, j) == (event, index)]
        found += [(row, pt) for pt in sorted(own, reverse=True)]
    return found


def rows_of(links):
    return zip(links.event.tolist(), links["jet"].tolist(), links["candidate"].tolist(), strict=True)


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000))
def test_it_is_the_loop_over_jets(seed):
    rng = np.random.default_rng(seed)
    n_jets, n_candidates = rng.integers(0, 4, 5), rng.integers(1, 8, 5)
    # Any of the jets, in any order: as after a selection.
    jets = objects([[(i,) for i in rng.permutation(n)[: rng.integers(0, n + 1)]] for n in n_jets], "index")
    candidates = objects([[(pt,) for pt in rng.permutation(n) + 1.0] for n in n_candidates], "pt")
    links = linked([[(rng.integers(0, 4), c) for c in range(n)] for n in n_candidates])

    found = constituents_of(jets, links, candidates)

    assert loop_constituents(jets, links, candidates) == list(zip(found.event.tolist(), found["pt"].tolist(), strict=True))
    assert found.n_events == len(jets)


def test_momenta_are_relative_to_the_jet():
    features = relative_features(*one_jet((10.0, -1.25, -3.0, 0.0)))

    energy, jet_energy = 10 * math.cosh(1.25), 100 * math.cosh(1)
    assert {name: float(values[0]) for name, values in features.items()} == pytest.approx(
        {
            "eta_rel": 0.25,  # further out than the jet
            "phi_rel": 2 * math.pi - 6,
            "delta_r": math.hypot(0.25, 2 * math.pi - 6),
            "log_pt": math.log(10),
            "log_e": math.log(energy),
            "log_p": math.log(energy),
            "pt_fraction": 0.1,
            "e_fraction": energy / jet_energy,
            "log_pt_rel": math.log(0.1),
            "log_e_rel": math.log(energy / jet_energy),
        },
        rel=1e-5,
    )
    assert {values.dtype for values in features.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("jet_eta", "expected"), [(1.0, 0.5), (-1.0, -0.5), (0.0, 1.5)], ids=["forward", "backward", "at 0"]
)
def test_eta_is_measured_away_from_the_centre(jet_eta, expected):
    features = relative_features(*one_jet((1.0, 1.5 if jet_eta >= 0 else -0.5, 0.0, 0.0), eta=jet_eta))

    assert features["eta_rel"] == pytest.approx([expected])


def test_mass_is_in_the_energy_and_not_in_the_momentum():
    features = relative_features(*one_jet((3.0, 0.0, 0.0, 4.0)))

    assert (features["log_p"][0], features["log_e"][0]) == pytest.approx((math.log(3), math.log(5)))


@pytest.mark.parametrize(
    ("code", "charge", "kind"),
    [
        (211, 1, "is_charged_hadron"),
        (-211, -1, "is_charged_hadron"),
        (130, 0, "is_neutral_hadron"),
        (1, 0, "is_neutral_hadron"),
        (22, 0, "is_photon"),
        (2, 0, "is_photon"),
        (11, -1, "is_electron"),
        (-11, 1, "is_electron"),
        (13, -1, "is_muon"),
        (-13, 1, "is_muon"),
    ],
)
def test_the_code_gives_charge_and_kind(code, charge, kind):
    features = type_features(objects([[(code,)]], "pdg_id"))

    assert features == {"charge": [charge]} | {name: [name == kind] for name in KINDS}


def test_momenta_are_those_of_the_detector():
    features = momentum_features(one_jet((3.0, 0.0, math.pi / 2, 4.0), (2.0, 1.0, 0.0, 0.0))[0])

    assert [tuple(float(features[name][row]) for name in ("px", "py", "pz", "energy")) for row in (0, 1)] == [
        pytest.approx((0, 3, 0, 5), abs=1e-6),
        pytest.approx((2, 0, 2 * math.sinh(1), 2 * math.cosh(1)), abs=1e-6),
    ]
    assert {values.dtype for values in features.values()} == {np.dtype(np.float32)}


def test_impact_parameters_keep_their_sign_and_end():
    tracks = objects([[(211, 0.05, 0.01, -20.0, 0.5)]], "pdg_id", "d0", "d0_err", "dz", "dz_err")
    features = track_features(tracks)

    assert features["d0"] == pytest.approx([math.tanh(0.5)])
    assert features["d0_sig"] == pytest.approx([math.asinh(5)])
    assert (features["dz"], features["dz_sig"]) == (pytest.approx([-1]), pytest.approx([math.asinh(-40)]))


@pytest.mark.parametrize(
    "particle",
    [(22, 0.5, 0.1, 0.5, 0.1), (211, 0.5, 0.0, 0.5, -1.0), (211, np.nan, 0.1, 0.5, np.inf)],
    ids=["a photon", "no error", "not finite"],
)
def test_what_has_no_track_has_no_impact_parameter(particle):
    features = track_features(objects([[particle]], "pdg_id", "d0", "d0_err", "dz", "dz_err"))

    assert features == {"d0": [0], "d0_sig": [0], "dz": [0], "dz_sig": [0]}


def test_the_tutorial_has_four_numbers_that_end_at_five():
    features = tutorial_features(
        relative_features(*one_jet((1e4, -1.0, 3.0, 0.0), (10.0, -1.0, 2.9, 0.0), (1e-5, 0, 3.0, 0)))
    )

    assert list(features) == ["eta_rel", "phi_rel", "log_e", "log_p"]
    assert features["log_p"] == pytest.approx([5, math.log(10 * math.cosh(1)) - 2, -5], rel=1e-5)
    assert features["phi_rel"] == pytest.approx([0, -0.1, 0], abs=1e-6)
