import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulation.resolution import calorimeter_resolution, impact_parameters, impact_resolution, track_resolution
from pipeline.simulation.settings import load_detector

TRACK = load_detector().track
positions, momenta = st.floats(-50, 50), st.floats(0.5, 50)


@given(positions, positions, positions, momenta, momenta, st.floats(-50, 50))
def test_impact_parameters_are_those_of_the_nearest_point_of_the_line(x, y, z, px, py, pz):
    d0, dz = (float(value[0]) for value in impact_parameters(*(np.array([v]) for v in (x, y, z, px, py, pz))))
    step = -(x * px + y * py) / (px**2 + py**2)
    nearest = (x + step * px, y + step * py, z + step * pz)

    assert math.hypot(*nearest[:2]) / 10 == pytest.approx(abs(d0), abs=1e-9)
    assert nearest[2] / 10 == pytest.approx(dz, abs=1e-9)
    # The point lies at d0 (-sin φ, cos φ), which the b-tag relies on.
    pt = math.hypot(px, py)
    assert [n / 10 for n in nearest[:2]] == pytest.approx([-d0 * py / pt, d0 * px / pt], abs=1e-9)


def test_resolutions_have_the_terms_of_the_configuration():
    pt, eta = np.array([50.0]), np.array([1.0])

    assert track_resolution(pt, eta, 0.01, 2e-4)[0] == pytest.approx(math.sqrt(0.01**2 + (2e-4 * 1.5 * 50) ** 2))
    assert calorimeter_resolution(pt, 0.9, 0.05, 0.3)[0] == pytest.approx(math.sqrt(0.81 / 50 + 0.0025 + (0.3 / 50) ** 2))
    assert impact_resolution(pt, eta, TRACK)[0] == pytest.approx((15 + 80 / (50 * math.sqrt(math.cosh(1)))) / 1e4)
