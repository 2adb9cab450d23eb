import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from pipeline.physics.kinematics import momentum
from pipeline.physics.mt2 import stransverse_mass

MASSES = {"b jets": (2.0, 25.0), "massless": (0.0, 0.0), "heavy": (0.0, 200.0)}


def loop_transverse_mass_squared(mass, px, py, qx, qy, chi):
    seen, unseen = math.sqrt(mass**2 + px**2 + py**2), math.sqrt(chi**2 + qx**2 + qy**2)
    return mass**2 + chi**2 + 2 * (seen * unseen - px * qx - py * qy)


def loop_stransverse_mass(mass, px, py, unseen_px, unseen_py, chi):
    """By its definition: try shares of the unseen momentum, minimise the larger transverse mass; it is convex."""

    def larger(share):
        x, y = share
        first = loop_transverse_mass_squared(mass[0], px[0], py[0], x, y, chi)
        second = loop_transverse_mass_squared(mass[1], px[1], py[1], unseen_px - x, unseen_py - y, chi)
        return max(first, second)

    share = np.array([unseen_px / 2, unseen_py / 2])
    for size in (50, 50, 50, 5, 0.5, 0.05):
        simplex = share + size * np.array([[0, 0], [1, 0.06], [-0.08, 1]])
        options = {"initial_simplex": simplex, "xatol": 1e-11, "fatol": 1e-11, "maxiter": 20_000, "maxfev": 20_000}
        share = min(share, minimize(larger, share, method="Nelder-Mead", options=options).x, key=larger)
    return math.sqrt(max(larger(share), 0))


def random_events(n, masses, *, seed=1):
    rng = np.random.default_rng(seed)
    pt, phi = rng.exponential(60, (n, 2)) + 5, rng.uniform(-np.pi, np.pi, (n, 2))
    unseen = rng.normal(0, 80, (n, 2))
    return rng.uniform(*masses, (n, 2)), pt * np.cos(phi), pt * np.sin(phi), unseen[:, 0], unseen[:, 1]


@pytest.mark.parametrize("chi", [80.4, 10.0, 0.0])
@pytest.mark.parametrize("masses", MASSES.values(), ids=MASSES)
def test_it_is_the_minimum_over_all_shares(masses, chi):
    events = random_events(12, masses)
    fast = stransverse_mass(*events, unseen_mass=chi)

    for row, result in enumerate(fast):
        mass, px, py, unseen_px, unseen_py = (column[row] for column in events)
        slow = loop_stransverse_mass(mass, px, py, unseen_px, unseen_py, chi)
        energies = np.hypot(px, py).sum() + mass.sum() + math.hypot(unseen_px, unseen_py) + chi
        assert result == pytest.approx(slow, abs=(1e-4 if masses == (0.0, 0.0) else 1e-8) * energies)


@pytest.mark.parametrize("chi", [80.4, 0.0])
def test_without_other_momentum_it_has_the_closed_form(chi):
    """arXiv:0711.4526: where the seen and the unseen add up to zero, and neither parent's threshold decides."""
    mass, px, py, _, _ = random_events(200, (2.0, 25.0))
    result = stransverse_mass(mass, px, py, -px.sum(axis=1), -py.sum(axis=1), unseen_mass=chi)
    balanced = result > mass.max(axis=1) + chi + 1e-3
    mass, px, py = mass[balanced], px[balanced], py[balanced]
    product = np.sqrt(mass**2 + px**2 + py**2).prod(axis=1) + px.prod(axis=1) + py.prod(axis=1)
    scale = 1 + 4 * chi**2 / (2 * product - (mass**2).sum(axis=1))
    expected = np.sqrt(chi**2 + product + np.sqrt(scale * (product**2 - mass.prod(axis=1) ** 2)))

    assert balanced.sum() > 150
    assert result[balanced] == pytest.approx(expected, abs=1e-5)


def test_where_one_parent_decides_alone_it_is_that_parents_threshold():
    """A heavy part at rest: its parent's m_T stays at 150 + χ while the other's is below that."""
    result = stransverse_mass([[150.0, 5.0]], [[0.0, 20.0]], [[0.0, 0.0]], [10.0], [0.0], unseen_mass=80.0)

    assert result == pytest.approx([230.0], abs=1e-6)


def test_massless_parts_around_the_unseen_momentum_allow_massless_parents():
    """What is unseen splits into two parts, each along one of the seen ones."""
    assert stransverse_mass([[0, 0]], [[50, 0]], [[0, 50]], [30.0], [30.0]) == pytest.approx([0], abs=1e-2)


def test_parallel_massless_parts_are_no_exception():
    chi = 80.4
    expected = loop_stransverse_mass([0, 0], [50, 50], [0, 0], -100.0, 0.0, chi)

    assert stransverse_mass([[0, 0]], [[50, 50]], [[0, 0]], [-100.0], [0.0]) == pytest.approx([100], abs=1e-3)
    assert stransverse_mass([[0, 0]], [[50, 50]], [[0, 0]], [-100.0], [0.0], unseen_mass=chi) == pytest.approx(
        [expected], abs=1e-3
    )


def test_an_event_of_nothing_has_no_mass():
    assert stransverse_mass([[0, 0]], [[0, 0]], [[0, 0]], [0.0], [0.0]) == pytest.approx([0], abs=1e-4)


def test_no_events_give_no_masses():
    empty = np.zeros((0, 2))

    assert stransverse_mass(empty, empty, empty, np.zeros(0), np.zeros(0)).shape == (0,)


ONE = st.tuples(st.floats(1, 300), st.floats(-3, 3), st.floats(-3.1, 3.1), st.floats(0.5, 50))
TWO = st.tuples(ONE, ONE)


@given(seen=TWO, unseen=st.tuples(*(st.tuples(st.floats(0, 300), st.floats(-3, 3), st.floats(-3.1, 3.1)),) * 2))
def test_it_never_exceeds_the_heavier_parent(seen, unseen):
    chi = 30.0
    parts = [momentum(*one) for one in seen]
    hidden = [momentum(*one, chi) for one in unseen]
    parents = [(part + other).mass for part, other in zip(parts, hidden, strict=True)]
    energies = sum(one.energy for one in (*parts, *hidden))
    result = stransverse_mass(
        [[one[3] for one in seen]],
        [[one.px for one in parts]],
        [[one.py for one in parts]],
        [sum(one.px for one in hidden)],
        [sum(one.py for one in hidden)],
        unseen_mass=chi,
    )

    assert result[0] <= max(parents) + 1e-6 * energies


def turned(x, y, angle):
    return x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)


@given(angle=st.floats(-3, 3), factor=st.floats(0.01, 100))
def test_turning_swapping_and_scaling_an_event_change_it_as_they_should(angle, factor):
    mass, px, py, unseen_px, unseen_py = random_events(20, (2.0, 25.0))
    expected = stransverse_mass(mass, px, py, unseen_px, unseen_py, unseen_mass=80.4)
    px, py = turned(factor * px[:, ::-1], factor * py[:, ::-1], angle)
    unseen_px, unseen_py = turned(factor * unseen_px, factor * unseen_py, angle)
    result = stransverse_mass(factor * mass[:, ::-1], px, py, unseen_px, unseen_py, unseen_mass=factor * 80.4)

    assert result / factor == pytest.approx(expected, abs=1e-5)


@given(cut=st.integers(0, 30))
def test_the_result_of_an_event_does_not_depend_on_its_chunk(cut):
    events = random_events(30, (2.0, 25.0))
    whole = stransverse_mass(*events, unseen_mass=80.4)
    parts = [
        stransverse_mass(*(column[part] for column in events), unseen_mass=80.4) for part in (slice(cut), slice(cut, 30))
    ]

    assert whole.tobytes() == np.concatenate(parts).tobytes()
