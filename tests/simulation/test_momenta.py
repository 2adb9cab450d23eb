import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulation.momenta import cartesian, cylindrical


@given(st.floats(0.1, 1e3), st.floats(-4, 4), st.floats(-3.14, 3.14), st.floats(0, 200))
def test_there_and_back_is_the_identity(pt, eta, phi, mass):
    back = cylindrical(*cartesian(*(np.array([value]) for value in (pt, eta, phi, mass))))

    assert [pt, eta, phi] == pytest.approx([float(x[0]) for x in back[:3]], rel=1e-9, abs=1e-9)
    assert mass == pytest.approx(float(back[3][0]), abs=1e-3 * pt)


def test_what_flies_along_the_beam_has_a_finite_pseudorapidity():
    pt, eta, _, mass = cylindrical(*np.array([[0.0], [0.0], [-5.0], [5.0]]))

    assert (pt[0], mass[0]) == (0.0, 0.0)
    assert eta[0] < -1e4
