"""Momenta of assigned jets: those of a loop over events, and what is missing."""

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.physics.assigned_top_pair import W_MASS_GEV, assigned_momenta
from pipeline.physics.kinematics import Momentum, momentum
from pipeline.physics.neutrino import neutrino_pz

FEATURES = {"jets": ("px", "py", "pz", "energy"), "lepton": ("px", "py", "pz", "energy"), "met": ("px", "py")}
OBJECTS = ("top_lep", "w_had", "w_lep", "b_had", "b_lep", "top_had")
NAMES = tuple(f"{name}_{part}" for name in OBJECTS for part in ("pt", "eta", "phi", "mass"))
TOP_MASS_GEV = 167.0
PARTONS = ("b_had", "q1", "q2", "b_lep")


def table(shape, rng):
    """px, py, pz and energy of massless particles."""
    one = momentum(30 + rng.exponential(40, shape), rng.normal(0, 1, shape), rng.uniform(-3, 3, shape), np.zeros(shape))
    return np.stack([one.px, one.py, one.pz, one.energy], axis=-1)


@pytest.fixture
def events():
    """40 events with six jets, and an assignment of four of them."""
    rng = np.random.default_rng(4)
    tensors = {"jets": table((40, 6), rng), "lepton": table(40, rng), "met": table(40, rng)[:, :2]}
    tensors["jets_mask"] = np.ones((40, 6))
    places = np.array([rng.permutation(6)[:4] for _ in range(40)])
    return tensors, dict(zip(PARTONS, places.T, strict=True))


def loop(tensors, jets, row):
    """One event, with the components added by hand."""
    b_had, q1, q2, b_lep = (tensors["jets"][row, jets[parton][row]] for parton in PARTONS)
    lepton, (px, py) = tensors["lepton"][row], tensors["met"][row]
    best = None
    for pz in neutrino_pz(*one_event(lepton, px, py), w_mass=W_MASS_GEV)[0]:
        neutrino = np.array([px, py, pz, np.sqrt(px**2 + py**2 + pz**2)])
        top = b_lep + lepton + neutrino
        if best is None or abs(mass(top) - TOP_MASS_GEV) < abs(mass(best["top_lep"]) - TOP_MASS_GEV):
            best = {"top_lep": top, "w_lep": lepton + neutrino}
    return {**best, "w_had": q1 + q2, "top_had": q1 + q2 + b_had, "b_had": b_had, "b_lep": b_lep}


def one_event(lepton, px, py):
    return Momentum(*(lepton[[i]] for i in range(4))), np.array([px]), np.array([py])


def mass(p):
    return np.sqrt(max(p[3] ** 2 - p[0] ** 2 - p[1] ** 2 - p[2] ** 2, 0))


def test_momenta_are_those_of_the_loop(events):
    tensors, jets = events
    found = assigned_momenta(NAMES, FEATURES, tensors, jets, top_mass=TOP_MASS_GEV)
    for row in range(40):
        expected = loop(tensors, jets, row)
        for place, name in enumerate(OBJECTS):
            p = expected[name]
            pt, eta, phi, m = found[row, 4 * place : 4 * place + 4]
            np.testing.assert_allclose(pt, np.hypot(p[0], p[1]), rtol=1e-9)
            np.testing.assert_allclose(np.sinh(eta) * pt, p[2], rtol=1e-7, atol=1e-7)
            np.testing.assert_allclose([pt * np.cos(phi), pt * np.sin(phi)], p[:2], rtol=1e-7, atol=1e-7)
            np.testing.assert_allclose(m, mass(p), rtol=1e-6, atol=1e-3)


def test_an_object_without_its_jet_has_no_momentum_and_the_others_do(events):
    tensors, jets = events
    jets["q2"] = np.full(40, -1)
    found = dict(zip(NAMES, assigned_momenta(NAMES, FEATURES, tensors, jets, top_mass=TOP_MASS_GEV).T, strict=True))

    assert np.isnan(found["w_had_pt"]).all()
    assert np.isnan(found["top_had_pt"]).all()
    assert np.isfinite([found["b_had_pt"], found["top_lep_pt"], found["w_lep_mass"]]).all()


def test_exchanging_the_quarks_of_the_w_changes_nothing(events):
    tensors, jets = events
    exchanged = {**jets, "q1": jets["q2"], "q2": jets["q1"]}
    first, second = (assigned_momenta(NAMES, FEATURES, tensors, one, top_mass=TOP_MASS_GEV) for one in (jets, exchanged))

    np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-6)


def test_a_missing_feature_is_told(events):
    tensors, jets = events

    with pytest.raises(InputError, match=r"needs input met\.py; add it to the input set\. Expected jets, lepton and met"):
        assigned_momenta(NAMES, {**FEATURES, "met": ("px",)}, tensors, jets, top_mass=TOP_MASS_GEV)


def test_a_missing_parton_is_told(events):
    tensors, jets = events
    del jets["q1"]

    with pytest.raises(InputError, match=r"cannot be made without the jets of q1\. Expected all of b_had, q1, q2, b_lep"):
        assigned_momenta(NAMES, FEATURES, tensors, jets, top_mass=TOP_MASS_GEV)
