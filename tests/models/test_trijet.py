import itertools

import numpy as np
import pytest

from models.trijet import build
from pipeline import plugins
from tests.toy_top_pairs import NAMES, Outputs, specs, toy

ANSWERED = ("top_had", "w_had", "b_had", "jet_of_b_had", "jet_of_q1", "jet_of_q2")


def loop(jets, n_jets, btag_min):
    """The places of b, q1 and q2 in one event, by trying all."""
    sums = {
        three: np.hypot(*(jets[list(three), component].astype(float).sum() for component in (0, 1)))
        for three in itertools.combinations(range(n_jets), 3)
        if btag_min is None or jets[list(three), 4].max() >= btag_min
    }
    if not sums:
        return (-1, -1, -1)
    three = max(sums, key=sums.get)
    b = max(three, key=lambda place: jets[place, 4])
    return (b, *(place for place in three if place != b))


@pytest.mark.parametrize("btag_min", [None, 0.8])
def test_it_is_the_loop(btag_min):
    batch, _ = toy(200)
    answers = build(specs(), Outputs(), btag_min=btag_min).answer(batch.tensors, {})
    found = [tuple(row) for row in answers[:, [NAMES.index(f"jet_of_{name}") for name in ("b_had", "q1", "q2")]].tolist()]

    assert [loop(jets, 5, btag_min) for jets in batch.tensors["jets"]] == found


def test_momenta_are_the_sums_of_their_jets_and_the_rest_is_unknown():
    batch, _ = toy(50)
    answers = build(specs(), Outputs()).answer(batch.tensors, {})
    row, places = np.arange(50), answers[:, [NAMES.index(f"jet_of_{name}") for name in ("b_had", "q1", "q2")]].astype(int)
    total = sum(batch.tensors["jets"][row, place].astype(float) for place in places.T)
    mass = np.sqrt(np.maximum(total[:, 3] ** 2 - (total[:, :3] ** 2).sum(axis=1), 0))

    assert answers[:, NAMES.index("top_had_pt")] == pytest.approx(np.hypot(total[:, 0], total[:, 1]))
    assert answers[:, NAMES.index("top_had_mass")] == pytest.approx(mass, rel=1e-4)
    for column, name in enumerate(NAMES):
        assert np.isnan(answers[:, column]).all() == (not name.startswith(ANSWERED)), name


def test_without_a_b_tag_there_is_no_answer():
    batch, _ = toy(20)
    answers = build(specs(), Outputs(), btag_min=1.1).answer(batch.tensors, {})

    assert np.isnan(answers[:, NAMES.index("top_had_pt")]).all()
    assert (answers[:, NAMES.index("jet_of_b_had")] == -1).all()


def test_it_is_a_baseline_that_measures_nothing(pytestconfig):
    assert plugins.framework_of(pytestconfig.rootpath / "models/trijet.py") == "baseline"
    assert build(specs(), Outputs()).measure(iter([])) == {}


def test_missing_inputs_are_errors():
    with pytest.raises(ValueError, match=r"needs input jets\.px"):
        build({"lepton": specs()["lepton"]}, Outputs())
