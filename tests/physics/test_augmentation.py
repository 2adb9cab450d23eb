import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.physics.augmentation import reflect_eta, rotate_phi
from pipeline.physics.kinematics import momentum

ANGLES = st.floats(-4, 4)
OBJECT = st.tuples(st.floats(1, 300), st.floats(-3, 3), st.floats(-3.1, 3.1), st.floats(0, 50))
EVENTS = st.lists(st.tuples(OBJECT, OBJECT), min_size=1, max_size=4)


def columns_of(events):
    """All ways to write the momenta of two objects an event, each column of shape (n_events, 2)."""
    pt, eta, phi, mass = np.moveaxis(np.array(events), 2, 0)
    p = momentum(pt, eta, phi, mass)
    cylindrical = {"pt": pt, "eta": eta, "phi": phi, "mass": mass, "sin_phi": np.sin(phi), "cos_phi": np.cos(phi)}
    return cylindrical | {"px": p.px, "py": p.py, "pz": p.pz, "energy": p.energy}


def check_consistent(columns):
    p = momentum(*(columns[name] for name in ("pt", "eta", "phi", "mass")))
    for name in ("px", "py", "pz", "energy"):
        assert columns[name] == pytest.approx(getattr(p, name), rel=1e-9, abs=1e-9), name
    assert columns["sin_phi"] == pytest.approx(np.sin(columns["phi"]), abs=1e-9)
    assert columns["cos_phi"] == pytest.approx(np.cos(columns["phi"]), abs=1e-9)


@given(EVENTS, ANGLES)
def test_all_ways_to_write_a_momentum_still_agree_after_a_turn(events, angle):
    turned = rotate_phi(columns_of(events), np.full(len(events), angle))

    check_consistent(turned)


@given(EVENTS)
def test_all_ways_to_write_a_momentum_still_agree_in_the_mirror(events):
    mirrored = reflect_eta(columns_of(events), np.full(len(events), -1))

    check_consistent(mirrored)


@given(EVENTS, ANGLES)
def test_masses_of_pairs_and_what_lies_across_the_beam_do_not_change(events, angle):
    before = columns_of(events)
    after = reflect_eta(rotate_phi(before, np.full(len(events), angle)), np.full(len(events), -1))

    def pair_mass(columns):
        total = {name: columns[name].sum(axis=1) for name in ("px", "py", "pz", "energy")}
        return total["energy"] ** 2 - total["px"] ** 2 - total["py"] ** 2 - total["pz"] ** 2

    assert pair_mass(before) == pytest.approx(pair_mass(after), rel=1e-6, abs=1e-3)
    for name in ("pt", "mass", "energy"):
        assert before[name].tolist() == after[name].tolist()


@given(EVENTS, ANGLES, ANGLES)
def test_two_turns_are_one_by_the_sum_of_their_angles(events, one, other):
    columns, n = columns_of(events), len(events)
    expected = rotate_phi(columns, np.full(n, one + other))
    twice = rotate_phi(rotate_phi(columns, np.full(n, one)), np.full(n, other))

    for name in ("px", "py", "sin_phi", "cos_phi"):
        assert expected[name] == pytest.approx(twice[name], rel=1e-9, abs=1e-6)
    assert np.cos(expected["phi"] - twice["phi"]) == pytest.approx(1)


def test_each_event_has_its_own_angle_and_its_own_side():
    columns = {"met_phi": np.array([0.0, 3.0], np.float32), "jet_eta": np.array([[1.0, 2.0], [1.0, 2.0]], np.float32)}
    turned = rotate_phi(columns, np.array([0.5, 1.0]))
    mirrored = reflect_eta(turned, np.array([-1, 1]))

    assert mirrored["met_phi"].tolist() == pytest.approx([0.5, 4 - 2 * math.pi], rel=1e-6)
    assert mirrored["jet_eta"].tolist() == [[-1, -2], [1, 2]]
    assert {values.dtype for values in mirrored.values()} == {np.dtype(np.float32)}


def test_names_that_only_look_alike_stay():
    columns = {name: np.array([2.0]) for name in ("alpha_phil", "beta", "theta", "bjetpx")}

    assert columns == rotate_phi(reflect_eta(columns, np.array([-1])), np.array([1.0]))


def test_turning_and_mirroring_keep_a_missing_truth_missing():
    missing = {name: np.array([np.nan]) for name in ("pt", "eta", "phi", "mass", "px", "py")}

    assert all(np.isnan(v).all() for v in rotate_phi(reflect_eta(missing, np.array([-1])), np.array([1.0])).values())


@pytest.mark.parametrize(("given_name", "missing"), [("met_px", "met_py"), ("py", "px"), ("jet_sin_phi", "jet_cos_phi")])
def test_half_a_vector_is_an_error(given_name, missing):
    with pytest.raises(InputError, match=f"'{given_name}' cannot be turned around the beam without '{missing}'"):
        rotate_phi({given_name: np.array([1.0])}, np.array([1.0]))


@pytest.mark.parametrize(("turn", "name"), [(rotate_phi, "lepton_met_delta_phi"), (reflect_eta, "delta_eta")])
def test_a_difference_of_angles_is_not_turned_as_an_angle(turn, name):
    with pytest.raises(InputError, match=f"'{name}' looks like a difference of angles"):
        turn({name: np.array([1.0])}, np.array([1.0]))

    other = name.replace("delta_", "abs_d")
    assert turn({other: np.array([1.0])}, np.array([-1.0]))[other].tolist() == [1.0]
