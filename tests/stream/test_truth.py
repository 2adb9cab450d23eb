"""Truth as a table of numbers: coordinates and back, missing objects, what a processor may get wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.physics.kinematics import delta_phi
from pipeline.stream.truth import COORDINATES, TruthSpec, from_coordinates, in_coordinates, truth_table, vectors

VECTORS = st.lists(
    st.tuples(st.floats(0.1, 2000), st.floats(-5, 5), st.floats(-np.pi, np.pi), st.floats(0, 500)), min_size=1, max_size=20
)
TOPS = np.array([[100.0, 0.5, 3.1, 172.0], [np.nan] * 4, [50.0, -1.0, 0.0, 173.0]])


@pytest.mark.parametrize("coordinates", COORDINATES.values(), ids=list(COORDINATES))
@given(VECTORS)
def test_coordinates_and_back_is_the_identity(coordinates, given_vectors):
    table = np.array(given_vectors)
    back = from_coordinates(in_coordinates(table, coordinates), coordinates, table[:, 3])

    np.testing.assert_allclose(back[:, [0, 1, 3]], table[:, [0, 1, 3]], rtol=1e-9, atol=1e-9)
    assert np.abs(delta_phi(back[:, 2], table[:, 2])).max() < 1e-9


def test_coordinates_are_those_of_the_loop():
    pt, eta, phi, mass = TOPS[0]
    pz = pt * np.sinh(eta)
    energy = np.sqrt(pt**2 + pz**2 + mass**2)
    expected = [pt * np.cos(phi), pt * np.sin(phi), pz, energy, 0.5 * np.log((energy + pz) / (energy - pz))]

    found = in_coordinates(TOPS[:1], ("px", "py", "pz", "energy", "rapidity"))[0]

    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_angles_on_both_sides_of_the_seam_are_near_each_other():
    first, second = (in_coordinates(np.array([[1.0, 0.0, phi, 0.0]]), ("cos_phi", "sin_phi")) for phi in (3.14159, -3.14159))

    assert np.abs(first - second).max() < 1e-4


def test_an_answer_off_the_circle_still_has_its_angle():
    answer = np.array([[10.0, 0.0, -3.0, 3.0, 5.0]])  # (cos, sin) three times as long as wanted

    assert from_coordinates(answer, COORDINATES["pt_eta_phi_mass"])[0, 2] == pytest.approx(0.75 * np.pi)


def test_negative_answers_of_pt_and_mass_are_none():
    found = from_coordinates(np.array([[-1.0, 0.0, 1.0, 0.0, -5.0]]), COORDINATES["pt_eta_phi_mass"])

    assert found[0, [0, 3]].tolist() == [0, 0]


def test_the_table_has_objects_then_labels_and_nan_where_an_object_is_missing():
    spec = TruthSpec(("top",), ("px", "py", "pz"), ("jet_of_b",))
    table = truth_table(spec, {"top": TOPS, "jet_of_b": np.array([2, -1, 0])}, 3)

    assert spec.columns == ("top_px", "top_py", "top_pz", "jet_of_b")
    assert np.isnan(table[1, :3]).all()
    assert np.isfinite(table[[0, 2]]).all()
    assert table[:, 3].tolist() == [2, -1, 0]


def test_a_missing_target_is_told_with_the_nearest():
    with pytest.raises(InputError, match=r"gives no target 'topp'\. Nearest: 'top'"):
        vectors({"top": TOPS}, "topp", 3)


def test_a_target_of_another_shape_is_told():
    with pytest.raises(InputError, match=r"target 'top' of shape \(3, 3\)\. Expected \(3, 4\)"):
        vectors({"top": TOPS[:, :3]}, "top", 3)


def test_half_a_missing_object_is_refused():
    broken = TOPS.copy()
    broken[0, 3] = np.nan

    with pytest.raises(InputError, match="Expected four finite numbers, or four NaN"):
        vectors({"top": broken}, "top", 3)
