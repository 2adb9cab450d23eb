import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.physics.kinematics import momentum
from pipeline.physics.neutrino import neutrino_momentum, neutrino_pz

W_MASS = 80.4
LEPTONS = st.tuples(st.floats(5, 300), st.floats(-2.5, 2.5), st.floats(-3.1, 3.1))
MET = st.tuples(st.floats(1, 300), st.floats(-3.1, 3.1))


def solved(lepton, met, *, w_mass=W_MASS):
    """Lepton, both solutions, shape (2,), and the momenta of both neutrinos."""
    one = momentum(*lepton, 0.0)
    px, py = met[0] * math.cos(met[1]), met[0] * math.sin(met[1])
    pz = neutrino_pz(one, px, py, w_mass=w_mass)
    return one, pz, neutrino_momentum(np.full(2, px), np.full(2, py), pz)


def transverse_mass(lepton, met):
    return math.sqrt(2 * lepton[0] * met[0] * (1 - math.cos(lepton[2] - met[1])))


def test_two_solutions_by_hand():
    """With ℓ = (30, 0, 40), p_T,ν = (0, 24) and m² = 2640: μ = 1320, p_z = (1320 · 40 ± 50 √(1320² - 720²)) / 900."""
    lepton = momentum(30.0, math.asinh(4 / 3), 0.0, 0.0)
    root = 50 * math.sqrt(1320**2 - 720**2)

    assert lepton.energy == pytest.approx(50)
    assert neutrino_pz(lepton, 0.0, 24.0, w_mass=math.sqrt(2640)).tolist() == pytest.approx(
        [(52800 - root) / 900, (52800 + root) / 900]
    )


def test_the_real_part_is_taken_where_the_transverse_mass_is_too_large():
    """ℓ = (30, 0, 40) GeV and p_T,ν = (0, 24) GeV with m² = 1200 GeV²: μ = 600 < 30 · 24, so p_z = 600 · 40 / 900."""
    lepton = momentum(30.0, math.asinh(4 / 3), 0.0, 0.0)

    assert neutrino_pz(lepton, 0.0, 24.0, w_mass=math.sqrt(1200)).tolist() == pytest.approx([80 / 3, 80 / 3])


@given(LEPTONS, MET)
def test_either_solution_gives_the_mass_of_the_w_where_there_is_one(lepton, met):
    one, _, neutrinos = solved(lepton, met)
    masses = (one + neutrinos).mass
    m_t = transverse_mass(lepton, met)

    if m_t < W_MASS * (1 - 1e-9):
        assert masses.tolist() == pytest.approx([W_MASS, W_MASS], rel=1e-4)
    else:
        assert (masses >= W_MASS * (1 - 1e-6)).all()


@given(LEPTONS, MET)
def test_the_smaller_solution_is_first_and_both_are_one_where_there_is_none(lepton, met):
    _, pz, _ = solved(lepton, met)

    assert abs(pz[0]) <= abs(pz[1])
    if transverse_mass(lepton, met) > W_MASS * (1 + 1e-9):
        assert pz[0] == pz[1]


@given(LEPTONS, MET, st.floats(-3, 3))
def test_turning_the_event_changes_nothing_and_mirroring_it_changes_the_sign(lepton, met, angle):
    _, pz, _ = solved(lepton, met)
    _, turned, _ = solved((lepton[0], lepton[1], lepton[2] + angle), (met[0], met[1] + angle))
    _, mirrored, _ = solved((lepton[0], -lepton[1], lepton[2]), met)

    # Near the edge of the real solutions the root amplifies rounding.
    assert turned == pytest.approx(pz, rel=1e-3, abs=1e-2)
    assert np.sort(mirrored) == pytest.approx(np.sort(-pz), rel=1e-3, abs=1e-2)


def test_a_true_w_is_found_again():
    """The neutrino of a W boson of exactly that mass is one of the solutions."""
    rng = np.random.default_rng(3)
    direction = rng.normal(size=(200, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    lepton, neutrino = (neutrino_momentum(*(sign * W_MASS / 2 * direction.T)) for sign in (1, -1))
    boost = rng.normal(size=200)  # along the beam: transverse momenta stay
    for p in (lepton, neutrino):
        pz, energy = p.pz.copy(), p.energy.copy()
        p.pz[:] = np.cosh(boost) * pz + np.sinh(boost) * energy
        p.energy[:] = np.cosh(boost) * energy + np.sinh(boost) * pz
    found = neutrino_pz(lepton, neutrino.px, neutrino.py, w_mass=W_MASS)

    assert np.abs(found - neutrino.pz[:, np.newaxis]).min(axis=1).max() < 0.01


def test_a_lepton_along_the_beam_has_no_solution():
    assert np.isnan(neutrino_pz(momentum([0.0], 0.0, 0.0, 0.0), [10.0], [0.0], w_mass=W_MASS)).all()
