"""Shapes of jets whose answer is known without a computer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.physics.jet_shapes import multiplicity, pt_dispersion, ratio, width
from pipeline.physics.objects import Objects


@pytest.fixture
def jets():
    return Objects(np.array([0, 1, 1]), 2, {"eta": np.array([0.0, 1.0, -1.0]), "phi": np.array([0.0, 3.1, 0.0])})


def particles(rows, n_jets):
    """From (row of the jet, pt, eta, phi)."""
    event, pt, eta, phi = np.array(rows, dtype=float).reshape(-1, 4).T
    return Objects(event.astype(np.int64), n_jets, {"pt": pt.astype(np.float32), "eta": eta, "phi": phi})


def test_a_jet_without_particles_has_zeros(jets):
    one = particles([(1, 5.0, 1.0, 3.1)], 3)

    assert multiplicity(one).tolist() == [0, 1, 0]
    assert width(one, jets).tolist() == [0, 0, 0]
    assert pt_dispersion(one).tolist() == [0, 1, 0]


def test_the_width_is_the_mean_distance_weighted_with_momentum(jets):
    found = width(particles([(0, 30.0, 0.3, 0.4), (0, 10.0, 0.0, -0.1), (1, 1.0, 1.0, -3.1)], 3), jets)

    assert found[:2] == pytest.approx([(30 * 0.5 + 10 * 0.1) / 40, 2 * np.pi - 6.2])


@given(n=st.integers(1, 50), pt=st.floats(0.1, 100))
def test_equal_particles_disperse_by_one_over_root_n(n, pt):
    assert pt_dispersion(particles([(0, pt, 0.0, 0.0)] * n, 1)) == pytest.approx([n**-0.5])


def test_a_ratio_without_a_denominator_is_0():
    assert ratio([1.0, 1.0, 0.0, 1.0], [2.0, 0.0, 0.0, -1.0]).tolist() == [0.5, 0, 0, 0]
