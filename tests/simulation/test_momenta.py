import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulation.momenta import cartesian, cylindrical, delta_phi, delta_r

angles = st.floats(-10, 10)


@given(st.floats(0.1, 1e3), st.floats(-4, 4), st.floats(-3.14, 3.14), st.floats(0, 200))
def test_there_and_back_is_the_identity(pt, eta, phi, mass):
    back = cylindrical(*cartesian(*(np.array([value]) for value in (pt, eta, phi, mass))))

    assert [pt, eta, phi] == pytest.approx([float(x[0]) for x in back[:3]], rel=1e-9, abs=1e-9)
    assert mass == pytest.approx(float(back[3][0]), abs=1e-3 * pt)


@given(angles, angles)
def test_the_difference_of_azimuths_is_that_of_directions(phi1, phi2):
    difference = float(delta_phi(np.array(phi1), np.array(phi2)))

    assert -math.pi <= difference <= math.pi
    assert math.cos(phi1 - phi2) == pytest.approx(math.cos(difference), abs=1e-9)
    assert math.sin(phi1 - phi2) == pytest.approx(math.sin(difference), abs=1e-9)


def test_the_distance_of_two_directions_is_that_of_a_right_triangle():
    assert float(delta_r(np.array(3.0), np.array(0.0), np.array(0.0), np.array(4.0 - 2 * np.pi))) == pytest.approx(
        math.hypot(3.0, 2 * math.pi - 4.0)
    )


def test_what_flies_along_the_beam_has_a_finite_pseudorapidity():
    pt, eta, _, mass = cylindrical(*np.array([[0.0], [0.0], [-5.0], [5.0]]))

    assert (pt[0], mass[0]) == (0.0, 0.0)
    assert eta[0] < -1e4
