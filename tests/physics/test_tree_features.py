import math

import numpy as np
import pytest

from pipeline.physics.jet_trees import jet_trees
from pipeline.physics.tree_features import FEATURES, PUBLISHED, node_features
from tests.physics.made_jets import drawn, jets


def trees_of(constituents):
    return jet_trees(constituents, "kt", np.zeros(constituents.n_events, dtype=np.uint64))


def test_the_published_features_of_a_jet_of_two_by_hand():
    """60 GeV across the beam, and 40 GeV at η = 1 on the other side of φ = π."""
    features = node_features(trees_of(jets([(60.0, 0.0, 3.0, 0.0), (40.0, 1.0, -3.0, 30.0)])), "detector")
    pz, phi = 40 * math.sinh(1), 6 - 2 * math.pi
    p = math.hypot(40, pz)
    energy = math.hypot(p, 30)
    px, py = 60 + 40 * math.cos(phi), 40 * math.sin(phi)
    pt = math.hypot(px, py)

    assert list(features) == list(FEATURES)
    assert [tuple(features[name][1] for name in PUBLISHED)] == [
        pytest.approx((p, 1, -3, energy, energy / (60 + energy), 40, math.atan2(40, pz)), rel=1e-6)
    ]
    assert [tuple(features[name][2] for name in PUBLISHED)] == [
        pytest.approx(
            (math.hypot(pt, pz), math.asinh(pz / pt), 3 - math.atan2(py, px), 60 + energy, 1, pt, math.atan2(pt, pz)),
            rel=1e-6,
        )
    ]
    assert features["mass"][:2] == pytest.approx([0, 30], abs=1e-4)


def test_seen_from_the_jet_it_lies_across_the_beam():
    features = node_features(trees_of(drawn(np.random.default_rng(1), [20, 1, 7])), "jet")
    last = np.cumsum([39, 1, 13]) - 1

    for name, expected in {"eta": 0, "phi": 0, "theta": math.pi / 2, "energy_fraction": 1}.items():
        assert features[name][last] == pytest.approx(expected, abs=1e-6), name


def test_the_frame_of_the_jet_keeps_momenta_across_the_beam_and_masses():
    trees = trees_of(drawn(np.random.default_rng(2), [20, 5]))
    detector, jet = (node_features(trees, frame) for frame in ("detector", "jet"))

    for name in ("pt", "log_pt", "mass"):
        np.testing.assert_allclose(detector[name], jet[name], rtol=1e-4, atol=1e-3)


def test_a_jet_elsewhere_in_the_detector_looks_the_same_from_its_own_frame():
    particles = [(60.0, 0.1, 0.2, 0.0), (30.0, -0.2, 0.0, 0.0), (20.0, 0.0, -0.4, 0.0)]
    moved = [(pt, eta + 1.5, phi + 3.0, mass) for pt, eta, phi, mass in particles]
    here, there = (node_features(trees_of(jets(one)), "jet") for one in (particles, moved))

    for name in FEATURES:
        np.testing.assert_allclose(here[name], there[name], rtol=1e-4, atol=1e-3, err_msg=name)


def test_features_are_float32_and_none_without_jets():
    features = node_features(trees_of(jets()), "jet")

    assert {values.dtype for values in features.values()} == {np.dtype(np.float32)}
    assert {len(values) for values in features.values()} == {0}
