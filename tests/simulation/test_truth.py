import awkward as ak
import numpy as np
import pytest

from pipeline.simulation.truth import FLAGS, gen_part, has_flag, weakly_decaying, with_flags


@pytest.fixture
def decay_chain(objects):
    """p p → Z → ττ, one τ radiates and decays to μ, and a b that goes over B* and B to a D and a μ; by hand."""
    rows = [  # pdg_id, status, mother
        (90, -11, 0),
        (2212, -12, 0),
        (23, -22, 0),  # 2
        (23, -62, 2),
        (15, -23, 3),  # 4
        (-15, -23, 3),
        (15, -51, 4),  # 6
        (22, 51, 4),
        (13, 91, 6),  # 8
        (-14, 91, 6),
        (5, -71, 1),  # 10
        (513, -83, 10),
        (511, -91, 11),  # 12
        (-411, -91, 12),
        (-13, 91, 12),  # 14
        (-13, 91, 13),
    ]
    pdg_id, status, mother = np.array(rows).T
    pt = np.full(len(rows), 20.0)
    zero = np.zeros(len(rows))
    columns = {"px": pt, "py": zero, "pz": zero, "energy": pt, "mass": zero, "mother": mother, "mother2": mother}
    return objects([0] * len(rows), 1, pdg_id=pdg_id, status=status, **columns)


def rows_with(particles, name):
    return np.flatnonzero(has_flag(with_flags(particles), name)).tolist()


EXPECTED = {
    "isPrompt": [0, 1, 2, 3, 4, 5, 6, 7, 10, 11],
    "isDecayedLeptonHadron": [5, 6, 11, 12, 13],
    "isTauDecayProduct": [8, 9],
    "isPromptTauDecayProduct": [8, 9],
    "isDirectTauDecayProduct": [8, 9],
    "isDirectPromptTauDecayProduct": [8, 9],
    "isDirectHadronDecayProduct": [12, 13, 14, 15],
    "isHardProcess": [2, 4, 5],
    "fromHardProcess": [2, 3, 4, 5, 6],
    "isHardProcessTauDecayProduct": [8, 9],
    "isDirectHardProcessTauDecayProduct": [8, 9],
    "fromHardProcessBeforeFSR": [3, 4, 5],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_flags_of_a_chain_that_can_be_checked_by_eye(decay_chain, name):
    assert EXPECTED[name] == rows_with(decay_chain, name)


def test_copies_know_whether_they_are_first_or_last(decay_chain):
    assert {3, 6}.isdisjoint(rows_with(decay_chain, "isFirstCopy"))
    assert {2, 4}.isdisjoint(rows_with(decay_chain, "isLastCopy"))
    assert {3, 6} <= set(rows_with(decay_chain, "isLastCopy"))


def test_the_last_copy_before_radiation_is_the_one_that_radiates(decay_chain):
    found = rows_with(decay_chain, "isLastCopyBeforeFSR")

    assert 4 in found
    assert 6 not in found


def test_a_hadron_that_decays_to_another_of_its_quark_does_not_decay_weakly(decay_chain):
    assert np.flatnonzero(weakly_decaying(decay_chain, 5)).tolist() == [12]
    assert np.flatnonzero(weakly_decaying(decay_chain, 4)).tolist() == [13]


def test_mothers_are_the_nearest_listed_ancestors(decay_chain):
    listed, index = gen_part(with_flags(decay_chain))
    mother = listed["genPartIdxMother"]

    assert index[12] == mother[index[13]] == mother[index[14]]
    assert index[13] == mother[index[15]]
    assert [index[0], index[1]] == [-1, -1]
    assert [listed["status"][index[row]] for row in (8, 6, 12)] == [1, 2, 2]


def test_mothers_of_simulated_events_exist(events_of):
    events = events_of("tt_dilep", n_events=120)
    mother, counts = events["GenPart_genPartIdxMother"], ak.num(events["GenPart_pdgId"])

    assert ak.all((mother >= -1) & (mother < counts))
    assert ak.all(mother != ak.local_index(mother))


def test_each_top_pair_has_two_last_tops_with_a_w_and_a_b(events_of):
    events = events_of("tt_dilep", n_events=120)
    pdg_id, flags = events["GenPart_pdgId"], events["GenPart_statusFlags"]
    last = (flags >> FLAGS.index("isLastCopy") & 1) == 1
    mother_id = pdg_id[events["GenPart_genPartIdxMother"]]

    assert ak.all(ak.sum(last & (pdg_id == 6), axis=1) == 1)
    assert ak.all(ak.sum((pdg_id == 24) & (mother_id == 6), axis=1) == 1)
    assert ak.all(ak.sum((pdg_id == 5) & (mother_id == 6), axis=1) >= 1)


def test_leptons_of_w_bosons_are_prompt_and_stable(events_of):
    events = events_of("tt_dilep", n_events=120)
    pdg_id, flags = events["GenPart_pdgId"], events["GenPart_statusFlags"]
    from_hard = (flags >> FLAGS.index("fromHardProcess") & 1) == 1
    lepton = from_hard & ((abs(pdg_id) == 11) | (abs(pdg_id) == 13)) & (events["GenPart_status"] == 1)

    assert ak.all(ak.sum(lepton, axis=1) == 2)
    assert ak.all((flags[lepton] & 1) == 1)


def test_resonances_have_their_masses(events_of):
    events = events_of("tt_dilep", n_events=120)
    mass, code = events["GenPart_mass"], abs(events["GenPart_pdgId"])

    assert np.median(ak.flatten(mass[code == 6])) == pytest.approx(172.5, abs=1.5)
    assert np.median(ak.flatten(mass[code == 24])) == pytest.approx(80.4, abs=1.0)


def test_the_stand_in_is_called_a_higgs_boson(events_of):
    events = events_of("hh_bbww", n_events=60)
    pdg_id = events["GenPart_pdgId"]
    higgs_mothers = pdg_id[events["GenPart_genPartIdxMother"]] == 25

    assert not ak.any(pdg_id == 36)
    assert ak.all(ak.sum(higgs_mothers & (abs(pdg_id) == 5), axis=1) >= 2)
    assert ak.all(ak.sum(higgs_mothers & (abs(pdg_id) == 24), axis=1) >= 2)
