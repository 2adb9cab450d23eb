import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.physics.kinematics import delta_phi, delta_r, momentum, transverse_components, wrap_phi

PHI = st.floats(-math.pi, math.pi)
NEAR_A_SEAM = st.builds(
    lambda turns, steps: turns * math.pi + steps * math.ulp(turns * math.pi), st.integers(-99, 99), st.integers(-20, 20)
)
ETA = st.floats(-5, 5)
PT = st.floats(0.1, 1000)
MASS = st.floats(0, 200)
PARTICLE = st.tuples(PT, ETA, PHI, MASS)


def loop_mass(particles):
    """By hand: the square of the summed energies minus those of the summed momenta."""
    energy = x = y = z = 0.0
    for pt, eta, phi, mass in particles:
        p = pt * math.cosh(eta)
        energy += math.sqrt(p * p + mass * mass)
        x, y, z = x + pt * math.cos(phi), y + pt * math.sin(phi), z + pt * math.sinh(eta)
    return math.sqrt(max(energy**2 - x**2 - y**2 - z**2, 0)), math.hypot(x, y), math.atan2(y, x), energy


def loop_delta_phi(phi_1, phi_2):
    """By hand: add or take turns until the difference is in range."""
    difference = phi_1 - phi_2
    while difference > math.pi:
        difference -= 2 * math.pi
    while difference <= -math.pi:
        difference += 2 * math.pi
    return difference


@given(st.lists(st.tuples(PARTICLE, PARTICLE), min_size=1, max_size=5))
def test_mass_pt_and_phi_of_a_pair_are_those_of_the_loop(events):
    columns = np.array(events)  # (event, particle, quantity)
    total = momentum(*columns[:, 0].T) + momentum(*columns[:, 1].T)

    for row, particles in enumerate(events):
        mass, pt, phi, energy = loop_mass(particles)
        assert total.mass[row] ** 2 == pytest.approx(mass**2, abs=1e-10 * energy**2)
        assert total.pt[row] == pytest.approx(pt, abs=1e-12 * energy)
        assert pt * math.cos(total.phi[row] - phi) == pytest.approx(pt, abs=1e-9 * energy)


@given(PARTICLE)
def test_one_particle_keeps_its_pt_and_mass(particle):
    pt, eta, _, mass = particle
    p4 = momentum(*particle)

    assert p4.pt == pytest.approx(pt)
    assert p4.mass**2 == pytest.approx(mass**2, abs=1e-12 * (pt * math.cosh(eta)) ** 2 + 1e-12 * mass**2)


def test_a_pair_of_massless_particles_has_the_textbook_mass():
    eta_1, phi_1, eta_2, phi_2 = 0.3, 1.0, -1.2, 2.5
    expected = math.sqrt(2 * 40 * 30 * (math.cosh(eta_1 - eta_2) - math.cos(phi_1 - phi_2)))

    assert (momentum(40, eta_1, phi_1, 0) + momentum(30, eta_2, phi_2, 0)).mass == pytest.approx(expected)


def test_the_mass_of_one_massless_particle_is_0_and_not_nan():
    rng = np.random.default_rng(1)
    pt, eta, phi = rng.uniform(1, 1000, 500), rng.uniform(-5, 5, 500), rng.uniform(-3, 3, 500)

    assert momentum(pt, eta, phi, 0.0).mass == pytest.approx(np.zeros(500), abs=1e-2)


def test_float32_columns_are_computed_in_float64():
    pt = np.array([45.0], dtype=np.float32)

    assert momentum(pt, pt, pt, pt).mass.dtype == np.float64
    assert delta_r(pt, pt, pt, pt).dtype == np.float64


@given(PHI, PHI)
def test_delta_phi_is_that_of_the_loop(phi_1, phi_2):
    assert loop_delta_phi(phi_1, phi_2) == pytest.approx(float(delta_phi(phi_1, phi_2)), abs=1e-14)


@example(math.nextafter(-math.pi, 0))
@given(PHI)
def test_wrapping_changes_no_angle_that_is_in_range(phi):
    expected = math.pi if phi == -math.pi else phi

    assert expected == wrap_phi(phi)


@given(NEAR_A_SEAM | st.floats(-1000, 1000))
def test_a_wrapped_angle_is_in_range_and_points_the_same_way(phi):
    wrapped = float(wrap_phi(phi))

    assert -math.pi < wrapped <= math.pi
    assert math.cos(wrapped - phi) == pytest.approx(1)


@given(ETA, PHI, ETA, PHI)
def test_delta_r_is_that_of_the_loop_and_symmetric(eta_1, phi_1, eta_2, phi_2):
    expected = math.sqrt((eta_1 - eta_2) ** 2 + loop_delta_phi(phi_1, phi_2) ** 2)

    assert expected == pytest.approx(float(delta_r(eta_1, phi_1, eta_2, phi_2)), abs=1e-14)
    assert expected == pytest.approx(float(delta_r(eta_2, phi_2, eta_1, phi_1)), abs=1e-14)


def test_transverse_components_add_up_to_the_size():
    x, y = transverse_components([10.0, 10.0], [0.0, math.pi / 2])

    assert x == pytest.approx([10, 0], abs=1e-14)
    assert y == pytest.approx([0, 10], abs=1e-14)


@given(PARTICLE)
def test_the_pseudorapidity_of_one_particle_is_its_own(particle):
    assert momentum(*particle).eta == pytest.approx(particle[1], rel=1e-9, abs=1e-9)


def test_a_particle_along_the_beam_has_no_pseudorapidity():
    assert np.isnan(momentum([0.0, 1.0], 0.0, 0.0, 5.0).eta).tolist() == [True, False]
