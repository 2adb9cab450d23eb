import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.config import load_analysis
from pipeline.errors import InputError
from processors.dimuon import READS, Processor, Settings

NOMINAL = {"muon": {"pt_min_gev": 20.0, "abs_eta_max": 2.4}}
NO_CUTS = {"muon": {"pt_min_gev": 0.0, "abs_eta_max": 100.0}, "n_muons_min": 0, "opposite_sign": False}


@pytest.fixture(scope="module")
def processor():
    return Processor(Settings.model_validate(NOMINAL))


def muon(pt, phi, charge, **others):
    return {"pt": pt, "phi": phi, "charge": charge, "mass": 0.0, **others}


def loop_mass(a, b):
    cosine = math.cosh(a["eta"] - b["eta"]) - math.cos(a["phi"] - b["phi"])
    return math.sqrt(2 * a["pt"] * b["pt"] * cosine)


def loop_selection(events):
    """The selection event by event, for massless muons."""
    kept = []
    for event in events.to_list():
        muons = [one for one in event["Muon"] if one["pt"] > 20 and abs(one["eta"]) < 2.4]
        pairs = [(a, b) for a, b in itertools.combinations(muons, 2) if a["charge"] != b["charge"]]
        if pairs:
            kept.append((event["event"], [one["pt"] for one in muons], [loop_mass(*pair) for pair in pairs]))
    return kept


def test_a_back_to_back_pair_has_the_mass_of_the_z(processor, made_events):
    selected = processor.process(made_events([{"Muon": [muon(45.6, 0, 1), muon(45.6, math.pi, -1)]}]))

    assert selected.observables["mass"].to_list() == [pytest.approx([91.2], rel=1e-6)]
    assert selected.observables["muon_pt"].to_list() == [pytest.approx([45.6, 45.6], rel=1e-6)]


def test_cuts_are_counted_with_their_weights(processor, made_events):
    pair = [muon(30, 0, 1), muon(30, 2, -1)]
    events = made_events(
        [
            {"Muon": pair, "genWeight": 2.0},
            {"Muon": pair, "genWeight": -1.0},
            {"Muon": [muon(30, 0, 1), muon(30, 2, 1)], "genWeight": 4.0},
            {"Muon": [muon(30, 0, 1), muon(19, 2, -1)], "genWeight": 8.0},
            {"Muon": [muon(30, 0, 1), muon(30, 2, -1, eta=2.5)], "genWeight": 16.0},
        ]
    )
    selected = processor.process(events)

    assert [(cut.name, cut.n_events, float(cut.sumw)) for cut in selected.cutflow.cuts] == [
        ("all", 5, 29.0),
        ("2 muons", 3, 5.0),
        ("opposite sign", 2, 1.0),
    ]
    assert selected.weight.tolist() == [2.0, -1.0]
    assert selected.ids.event.tolist() == [100, 101]
    assert len(selected) == 2


def test_three_muons_give_two_pairs_of_opposite_sign_and_three_momenta(processor, made_events):
    selected = processor.process(made_events([{"Muon": [muon(50, 0, 1), muon(40, 2, -1), muon(30, 1, 1)]}]))

    assert [len(event) for event in selected.observables["mass"].to_list()] == [2]
    assert selected.observables["muon_pt"].to_list() == [[50, 40, 30]]


def test_it_is_the_loop_over_events(processor, random_events):
    events = random_events(200)
    events["Muon", "mass"] = 0 * events.Muon.mass
    selected = processor.process(events)
    expected = loop_selection(events)

    assert len(expected) > 20
    assert [event for event, _, _ in expected] == selected.ids.event.tolist()
    for (_, momenta, masses), result_pt, result_mass in zip(
        expected, selected.observables["muon_pt"].to_list(), selected.observables["mass"].to_list(), strict=True
    ):
        assert momenta == result_pt
        assert masses == pytest.approx(result_mass, rel=1e-5)


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 60), max_size=4))
def test_any_chunks_give_the_same_events(cuts, processor, random_events):
    events = random_events(60)
    whole = processor.process(events)
    parts = [processor.process(events[a:b]) for a, b in itertools.pairwise([0, *sorted(cuts), 60])]

    assert whole.ids.event.tolist() == [event for part in parts for event in part.ids.event.tolist()]
    for name, values in whole.observables.items():
        assert values.to_list() == [value for part in parts for value in part.observables[name].to_list()]
    assert whole.cutflow == sum((part.cutflow for part in parts[1:]), parts[0].cutflow)


def test_an_empty_chunk_and_an_empty_selection_are_no_exceptions(processor, made_events):
    for events in (made_events([]), made_events([{}, {"Muon": [muon(30, 0, 1)]}])):
        selected = processor.process(events)

        assert len(selected) == 0
        assert [len(values) for values in selected.observables.values()] == [0, 0]
        assert selected.cutflow.names == ("all", "2 muons", "opposite sign")


def test_data_have_weight_1(processor, made_events):
    events = made_events([{"Muon": [muon(30, 0, 1), muon(30, 2, -1)]}], gen_weight=False)

    assert processor.process(events).weight.tolist() == [1.0]


def test_it_reads_its_branches_and_no_other(processor, tmp_path, random_events, written, opened):
    events = random_events(40)
    path = written(tmp_path / "nano.root", events, READS)
    from_file, accessed = opened(path)
    selected = processor.process(from_file)

    assert set(READS) == {access.branch for access in accessed}
    assert processor.reads == READS
    assert processor.process(events).observables["mass"].to_list() == selected.observables["mass"].to_list()


def test_an_unknown_variation_is_an_error(processor, made_events):
    with pytest.raises(InputError, match="Variation 'jes_up' is not known"):
        processor.process(made_events([]), "jes_up")


def test_settings_are_closed():
    with pytest.raises(ValidationError, match="pt_min"):
        Settings.model_validate({"muon": {"pt_min": 20.0, "abs_eta_max": 2.4}})


def test_the_shipped_analysis_fits(pytestconfig, processor, made_events):
    analysis = load_analysis(pytestconfig.rootpath / "config" / "dimuon.yaml")
    observables = Processor(Settings.model_validate(analysis.selection)).process(made_events([])).observables

    assert {axis.observable for axis in analysis.histograms.values()} <= set(observables)


@pytest.mark.samples
@pytest.mark.parametrize(
    ("name", "momenta", "masses"), [("nano_dy", 18, 6), ("nano_dimuon", 84, 66), ("nano_dimuon_rntuple", 84, 66)]
)
def test_without_cuts_it_finds_what_the_test_of_coffea_finds(cms_samples, opened, name, momenta, masses):
    events, _ = opened(cms_samples / f"{name}.root", READS)
    selected = Processor(Settings.model_validate(NO_CUTS)).process(events)

    assert momenta == np.sum([len(event) for event in selected.observables["muon_pt"].to_list()])
    assert masses == np.sum([len(event) for event in selected.observables["mass"].to_list()])
    assert len(selected) == 40


@pytest.mark.samples
def test_an_empty_real_file_gives_no_events(cms_samples, opened, processor):
    events, _ = opened(cms_samples / "nano_dy_empty.root", READS)

    assert len(processor.process(events)) == 0
