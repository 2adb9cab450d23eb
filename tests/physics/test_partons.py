import awkward as ak
import numpy as np
import pytest
import uproot

from pipeline.physics.partons import BOSONS_AND_TOPS, JET_PARTONS, read_top_pair

HARD, LAST = 1 << 7, 1 << 13


def gen_part(*events):
    """GenPart of events, lists of (pdgId, mother, is the last copy, pt); with pt < 10 one is not of the hard process."""
    rows = [
        [
            {
                **{"pdgId": code, "genPartIdxMother": mother, "statusFlags": LAST * last + HARD * (pt >= 10), "pt": pt},
                **{"mass": 1000.0 + place, "eta": 0.1 * place, "phi": 0.01 * place},
            }
            for place, (code, mother, last, pt) in enumerate(event)
        ]
        for event in events
    ]
    fields = ("pdgId", "genPartIdxMother", "statusFlags", "pt", "mass", "eta", "phi")
    return ak.zip({field: ak.Array([[one[field] for one in event] for event in rows]) for field in fields})


def event(*, charge=1, copies=True, tau=False):
    """A pair whose top quark of this *charge* decays to a lepton; with radiating top quarks, W bosons and b quarks."""
    sign, lepton = charge, 15 if tau else 13
    return [
        (21, -1, True, 0.0),
        (6 * sign, 0, not copies, 100.0),  # 1
        (-6 * sign, 0, not copies, 101.0),  # 2
        (6 * sign, 1 if copies else -1, copies, 90.0) if copies else (22, 0, True, 5.0),  # 3
        (-6 * sign, 2, copies, 91.0) if copies else (22, 0, True, 5.0),  # 4
        (24 * sign, 3 if copies else 1, True, 60.0),  # 5
        (5 * sign, 3 if copies else 1, False, 50.0),  # 6
        (-24 * sign, 4 if copies else 2, False, 61.0),  # 7
        (-5 * sign, 4 if copies else 2, False, 51.0),  # 8
        (-24 * sign, 7, True, 62.0),  # 9
        (5 * sign, 6, True, 40.0),  # 10
        (-5 * sign, 8, True, 41.0),  # 11
        (-lepton * sign, 5, True, 30.0),  # 12
        ((lepton + 1) * sign, 5, True, 31.0),  # 13
        (3, 9, False, 20.0),  # 14
        (-4, 9, True, 25.0),  # 15
        (3, 14, True, 15.0),  # 16
    ]


def found_rows(pair):
    return {name: int(pair.rows[name][0]) for name in (*BOSONS_AND_TOPS, *JET_PARTONS)}


EXPECTED = {
    **{"top_had": 4, "top_lep": 3, "w_had": 9, "w_lep": 5},  # the last copies
    **{"b_had": 8, "b_lep": 6, "q1": 15, "q2": 14},  # as the decays made them
}


@pytest.mark.parametrize("charge", [1, -1])
@pytest.mark.parametrize("tau", [False, True], ids=["muon", "tau"])
def test_each_particle_is_found_for_either_charge(charge, tau):
    pair = read_top_pair(gen_part(event(charge=charge, tau=tau)))

    assert pair.found.tolist() == [True]
    assert found_rows(pair) == EXPECTED


def test_particles_without_copies_are_found():
    assert found_rows(read_top_pair(gen_part(event(copies=False)))) == EXPECTED | {"top_had": 2, "top_lep": 1}


@pytest.mark.parametrize(
    "radiated",
    [[(11, 7, True, 4.0), (-11, 7, True, 3.0)], [(3, 2, True, 4.0), (-3, 2, True, 4.0)], [(1, 5, True, 4.0)]],
    ids=["a pair of electrons from a W", "quarks from a top", "a quark from a W"],
)
def test_what_is_radiated_is_no_decay(radiated):
    """As in real files, in which the photon or gluon between is left out."""
    assert found_rows(read_top_pair(gen_part([*event(), *radiated]))) == EXPECTED


def test_events_are_kept_apart_and_those_of_another_kind_have_no_momenta():
    other = [(23, -1, True, 90.0), (13, 0, True, 45.0), (-13, 0, True, 45.0)]
    pair = read_top_pair(gen_part(other, event(), [], event(charge=-1)))
    every = np.ones(4, dtype=bool)

    assert pair.found.tolist() == [False, True, False, True]
    assert pair.rows["w_had"].tolist() == [-1, 3 + 9, -1, 3 + 17 + 9]
    assert pair.columns("w_had", every)["pt"].tolist() == pytest.approx([np.nan, 62, np.nan, 62], nan_ok=True)
    assert np.isnan(pair.momentum("top_lep", every).energy).tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("place", "changed"),
    [
        (12, (22, 5, True, 3.0)),  # no lepton
        (14, (13, 9, True, 20.0)),  # two leptonic W bosons, one with a quark
        (16, (1, 9, True, 20.0)),  # three quarks
        (6, (21, 3, False, 50.0)),  # no b quark
        (5, (23, 3, True, 60.0)),  # no W boson
        (3, (6, 1, False, 90.0)),  # no last copy
        (7, (-24, 0, False, 61.0)),  # a W boson from elsewhere
    ],
    ids=["no lepton", "half a W", "three quarks", "no b", "no W", "no last copy", "not from a top"],
)
def test_an_event_in_which_something_is_missing_is_not_found(place, changed):
    particles = event()
    particles[place] = changed
    pair = read_top_pair(gen_part(particles))

    assert pair.found.tolist() == [False]
    assert set(found_rows(pair).values()) == {-1}


def test_quarks_are_objects_of_the_chosen_events_in_their_order():
    pair = read_top_pair(gen_part([], event(), event()))
    quarks = pair.quarks(np.array([True, False, True]))

    assert (quarks.n_events, quarks.event.tolist()) == (2, [1, 1, 1, 1])
    assert quarks["pt"].tolist() == [51, 25, 20, 50]


def test_order_of_the_list_does_not_matter():
    """The same particles listed the other way round."""
    particles = event()
    last = len(particles) - 1
    turned = [(code, last - mother if mother >= 0 else -1, flag, pt) for code, mother, flag, pt in reversed(particles)]

    assert found_rows(read_top_pair(gen_part(turned))) == {name: last - row for name, row in EXPECTED.items()}


@pytest.mark.samples
def test_real_cms_events_decay_to_what_they_are_made_of(cms_samples):
    """In CMS simulation a top quark is the sum of its W boson and b quark, and the W boson that of its quarks."""
    arrays = uproot.open(f"{cms_samples}/nano_tt_v12.root:Events").arrays(filter_name="GenPart_*")
    fields = {name.removeprefix("GenPart_"): arrays[name] for name in arrays.fields if name != "nGenPart"}
    pair = read_top_pair(ak.zip(fields))
    whole = pair.found
    p = {name: pair.momentum(name, whole) for name in pair.rows}

    assert whole.all()
    for top, w, b in (("top_had", "w_had", "b_had"), ("top_lep", "w_lep", "b_lep")):
        assert np.percentile(np.abs((p[w] + p[b]).mass - p[top].mass), 90) < 10
        assert np.median(p[top].mass) == pytest.approx(172.5, abs=1)
    assert (p["q1"] + p["q2"]).mass == pytest.approx(p["w_had"].mass, rel=0.03)
    assert (p["q1"].pt >= p["q2"].pt).all()
