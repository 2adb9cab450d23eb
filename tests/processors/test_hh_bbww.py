import itertools
import math

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.physics.kinematics import delta_phi
from pipeline.stream.observables import histogrammed
from processors.hh_bbww import EVENT_INPUTS, READS, Processor, Settings

LEPTON_CUTS = {"pt_min_gev": 15.0, "abs_eta_max": 2.4, "iso_max": 0.15}
SELECTION = {
    "electron": {**LEPTON_CUTS, "abs_eta_max": 2.5},
    "muon": LEPTON_CUTS,
    "jet": {"pt_min_gev": 25.0, "abs_eta_max": 2.4, "lepton_delta_r_min": 0.4},
    "btag": {"min": 0.1},
    "mt2_invisible_mass_gev": 80.4,
}
# What has to be said for CMS NanoAOD v15 instead of the embedded simulation; loose, because the file has few dileptons.
LOOSE = {"pt_min_gev": 5.0, "abs_eta_max": 2.4, "iso_max": 5.0}
NANOAOD_V15 = {
    **{"electron": LOOSE, "muon": LOOSE, "mt2_invisible_mass_gev": 80.4, "met": "PuppiMET"},
    "jet": SELECTION["jet"] | {"n_charged_branch": "Jet_chMultiplicity", "n_neutral_branch": "Jet_neMultiplicity"},
    "btag": {"branch": "Jet_btagDeepFlavB", "min": 0.02},
}
CUTS = ("all", "two leptons", "opposite sign", "two jets", "two b jets")
PAIR = {"Electron": [{"pt": 40.0, "phi": 1.0, "charge": -1}], "Muon": [{"pt": 30.0, "phi": 2.0, "charge": 1}]}
B_JETS = [{"pt": 60.0, "phi": -1.0}, {"pt": 90.0, "phi": -2.0}]
GOOD = {**PAIR, "Jet": B_JETS}


@pytest.fixture(scope="module")
def processor():
    return Processor(Settings.model_validate(SELECTION))


@pytest.fixture(scope="module")
def passed(processor, made_events):
    """Function that says after how many of the cuts one event is still there."""

    def count(event):
        return sum(cut.n_events for cut in processor.process(made_events([event])).cutflow.cuts) - 1

    return count


def distance(a, b):
    return math.hypot(a["eta"] - b["eta"], math.remainder(a["phi"] - b["phi"], 2 * math.pi))


def loop_selection(events, selection=SELECTION, *, tag="btagTracks"):
    """The selection event by event: number, leptons with their types, and b jets of those that pass."""
    jet_cuts = selection["jet"]
    kept = []
    for event in events.to_list():
        leptons = []
        for kind, name in enumerate(("electron", "muon")):
            cuts = selection[name]
            for one in event[name.capitalize()]:
                in_acceptance = one["pt"] > cuts["pt_min_gev"] and abs(one["eta"]) < cuts["abs_eta_max"]
                if in_acceptance and one["pfRelIso03_all"] < cuts["iso_max"]:
                    leptons.append(one | {"type": kind})
        leptons.sort(key=lambda one: -one["pt"])
        if len(leptons) < 2 or leptons[0]["charge"] == leptons[1]["charge"]:
            continue
        jets = [
            one for one in event["Jet"] if one["pt"] > jet_cuts["pt_min_gev"] and abs(one["eta"]) < jet_cuts["abs_eta_max"]
        ]
        jets = [jet for jet in jets if all(distance(jet, one) >= jet_cuts["lepton_delta_r_min"] for one in leptons)]
        tagged = sorted(
            (jet for jet in jets if jet[tag] >= selection["btag"]["min"]), key=lambda jet: (-jet[tag], -jet["pt"])
        )
        if len(tagged) >= 2:
            kept.append((event["event"], leptons[:2], sorted(tagged[:2], key=lambda jet: -jet["pt"])))
    return kept


def expected_inputs(leptons, b_jets, *, charged="nCharged", neutral="nNeutral"):
    row = {}
    for place, jet in enumerate(b_jets, start=1):
        hadronic, electromagnetic = jet["chHEF"] + jet["neHEF"], jet["chEmEF"] + jet["neEmEF"]
        row |= {f"bjet{place}_{name}": jet[name] for name in ("pt", "eta", "phi", "mass")}
        row |= {f"bjet{place}_ncharged": jet[charged], f"bjet{place}_nneutrals": jet[neutral]}
        row[f"bjet{place}_eratio"] = hadronic / (hadronic + electromagnetic)
    for place, lepton in enumerate(leptons, start=1):
        row |= {f"lept{place}_{name}": lepton[name] for name in ("pt", "eta", "phi", "charge", "type")}
    return row


def check_rows(expected, inputs, **branches):
    for row, (_, leptons, b_jets) in enumerate(expected):
        for name, value in expected_inputs(leptons, b_jets, **branches).items():
            assert inputs[name][row] == pytest.approx(value, rel=1e-5, abs=1e-6), name


def in_turn(events, angle):
    """*events* turned around the beam by *angle*."""
    turned = ak.copy(events)
    for name in ("Electron", "Muon", "Jet", "MET"):
        phi = turned[name].phi + angle
        turned[name, "phi"] = ak.values_astype(phi - 2 * np.pi * np.ceil((phi - np.pi) / (2 * np.pi)), np.float32)
    return turned


def all_arrays(selected):
    """Every array of the selected events, by a readable name."""
    ids = selected.ids
    arrays = {"run": ids.run, "block": ids.luminosity_block, "event": ids.event, "weight": selected.weight}
    arrays |= selected.observables
    for collection, features in selected.inputs.items():
        arrays |= {f"{collection}.{name}": values for name, values in features.items()}
    return arrays


def test_the_inputs_are_the_26_of_the_tutorial_in_its_order(processor, made_events):
    jet, lepton = ("pt", "eta", "phi", "eratio", "mass", "ncharged", "nneutrals"), ("pt", "phi", "eta", "charge", "type")
    expected = [f"bjet{n}_{name}" for n in (1, 2) for name in jet] + [f"lept{n}_{name}" for n in (1, 2) for name in lepton]
    inputs = processor.process(made_events([GOOD])).inputs

    assert len(EVENT_INPUTS) == 26
    assert [*expected, "met", "met_phi"] == list(EVENT_INPUTS) == list(inputs["event"]) == list(inputs["relative"])


def test_one_event_is_described_as_by_hand(processor, made_events):
    selected = processor.process(made_events([GOOD | {"MET": (70.0, 0.5), "genWeight": -2.0}]))
    inputs = {name: float(values[0]) for name, values in selected.inputs["event"].items()}
    relative = {name: float(values[0]) for name, values in selected.inputs["relative"].items()}

    assert (inputs["bjet1_pt"], inputs["bjet2_pt"]) == (90, 60)
    assert (inputs["lept1_pt"], inputs["lept1_type"], inputs["lept1_charge"]) == (40, 0, -1)
    assert (inputs["lept2_pt"], inputs["lept2_type"], inputs["lept2_charge"]) == (30, 1, 1)
    assert (inputs["met"], inputs["met_phi"], inputs["bjet1_eratio"]) == (70, 0.5, 0.75)
    assert (inputs["bjet1_ncharged"], inputs["bjet1_nneutrals"], inputs["bjet1_mass"]) == (9, 6, 8)
    assert (relative["lept1_phi"], relative["lept2_phi"], relative["met_phi"]) == (0, 1, -0.5)
    assert (relative["bjet1_phi"], relative["bjet2_phi"]) == (-3, -2)
    assert relative["bjet1_pt"] == 90
    assert selected.weight.tolist() == [-2.0]


def test_observables_of_one_event_are_those_by_hand(processor, made_events):
    """Massless jets and leptons at η = 0 make every number a matter of two dimensions."""
    massless = {"Jet": [one | {"mass": 0.0} for one in B_JETS], "MET": (70.0, 0.5)}
    for name in ("Electron", "Muon"):
        massless[name] = [one | {"mass": 0.0} for one in PAIR[name]]
    seen = processor.process(made_events([massless])).observables
    bb = 60 * np.exp(-1j) + 90 * np.exp(-2j)
    ll = 40 * np.exp(1j) + 30 * np.exp(2j)

    assert seen["m_bb"] == pytest.approx([math.sqrt(2 * 60 * 90 * (1 - math.cos(1)))], rel=1e-6)
    assert seen["m_ll"] == pytest.approx([math.sqrt(2 * 40 * 30 * (1 - math.cos(1)))], rel=1e-6)
    assert seen["delta_r_bb"] == pytest.approx([1])
    assert seen["delta_r_ll"] == pytest.approx([1])
    assert seen["delta_phi_bb_ll"] == pytest.approx([abs(np.angle(bb / ll))])
    assert seen["pt_bb"] == pytest.approx([abs(bb)], rel=1e-6)
    assert seen["pt_ll"] == pytest.approx([abs(ll)], rel=1e-6)
    assert (seen["met"], seen["lept1_pt"], seen["bjet1_pt"]) == ([70], [40], [90])


def test_m_t2_of_top_pairs_ends_at_the_mass_of_the_top(processor, made_events):
    """Two tops at rest, both b jets of 67.5 GeV to one side and both W bosons of 80.4 GeV to the other."""
    b_pt = (172.5**2 - 80.4**2) / (2 * 172.5)
    event = {
        "Electron": [{"pt": 30.0, "phi": 1.5, "charge": -1}],
        "Muon": [{"pt": 30.0, "phi": -1.5, "charge": 1}],
        "Jet": [{"pt": b_pt, "phi": 0.0, "mass": 0.0}] * 2,
        "MET": (2 * b_pt + 2 * 30 * math.cos(1.5), math.pi),
    }
    m_t2 = processor.process(made_events([event])).observables["m_t2"]

    assert m_t2 == pytest.approx([172.5], abs=1e-3)


@pytest.mark.parametrize(
    ("n_cuts", "event"),
    [
        (4, GOOD),
        (0, {"Jet": B_JETS}),
        (0, GOOD | {"Muon": []}),
        (0, GOOD | {"Muon": [{"pt": 15.0, "phi": 2.0, "charge": 1}]}),
        (0, GOOD | {"Muon": [{"pt": 30.0, "phi": 2.0, "charge": 1, "eta": 2.45}]}),
        (0, GOOD | {"Muon": [{"pt": 30.0, "phi": 2.0, "charge": 1, "pfRelIso03_all": 0.2}]}),
        (1, GOOD | {"Muon": [{"pt": 30.0, "phi": 2.0, "charge": -1}]}),
        (1, GOOD | {"Muon": [{"pt": 35.0, "phi": 3.0, "charge": -1}, {"pt": 30.0, "phi": 2.0, "charge": 1}]}),
        (2, PAIR),
        (2, GOOD | {"Jet": [*B_JETS[:1], {"pt": 90.0, "phi": 1.3}]}),
        (2, GOOD | {"Jet": [*B_JETS[:1], {"pt": 25.0, "phi": -2.0}]}),
        (2, GOOD | {"Jet": [*B_JETS[:1], {"pt": 90.0, "phi": -2.0, "eta": -2.41}]}),
        (3, GOOD | {"Jet": [*B_JETS[:1], {"pt": 90.0, "phi": -2.0, "btagTracks": 0.09}]}),
    ],
    ids=[
        "good",
        "no lepton",
        "one lepton",
        "soft muon",
        "forward muon",
        "muon in a jet",
        "same sign",
        "leading two of the same sign",
        "no jets",
        "a jet that is a lepton",
        "soft jet",
        "forward jet",
        "light jet",
    ],
)
def test_an_event_passes_as_many_cuts_as_it_should(passed, n_cuts, event):
    assert n_cuts == passed(event)


def test_the_best_tagged_jets_are_taken_and_ordered_by_pt(processor, made_events):
    tags = [(50.0, 0.9), (200.0, 0.5), (60.0, 0.95), (70.0, 0.9)]
    jets = [{"pt": pt, "phi": -1.0 - number / 2, "btagTracks": tag} for number, (pt, tag) in enumerate(tags)]
    inputs = processor.process(made_events([GOOD | {"Jet": jets}])).inputs["event"]

    assert (inputs["bjet1_pt"], inputs["bjet2_pt"]) == (70, 60)


def test_a_jet_of_muons_alone_has_ratio_0(processor, made_events):
    empty = {"chHEF": 0.0, "neHEF": 0.0, "chEmEF": 0.0, "neEmEF": 0.0}
    inputs = processor.process(made_events([GOOD | {"Jet": [B_JETS[0] | empty, B_JETS[1]]}])).inputs["event"]

    assert (inputs["bjet1_eratio"], inputs["bjet2_eratio"]) == (0.75, 0)


def test_it_is_the_loop_over_events(processor, random_events):
    events = random_events(600)
    selected = processor.process(events)
    expected = loop_selection(events)

    assert len(expected) > 60
    assert [event for event, _, _ in expected] == selected.ids.event.tolist()
    check_rows(expected, selected.inputs["event"])


def test_the_cutflow_adds_generator_weights(processor, made_events):
    selected = processor.process(
        made_events([GOOD | {"genWeight": 2.0}, GOOD | {"genWeight": -1.0}, PAIR | {"genWeight": 4.0}, {"genWeight": 8.0}])
    )

    assert [(cut.name, cut.n_events, float(cut.sumw), float(cut.sumw2)) for cut in selected.cutflow.cuts[:3]] == [
        ("all", 4, 13.0, 85.0),
        ("two leptons", 3, 5.0, 21.0),
        ("opposite sign", 3, 5.0, 21.0),
    ]
    assert [(cut.name, cut.n_events, float(cut.sumw), float(cut.sumw2)) for cut in selected.cutflow.cuts[3:]] == [
        ("two jets", 2, 1.0, 5.0),
        ("two b jets", 2, 1.0, 5.0),
    ]


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 150), max_size=4))
def test_any_chunks_give_the_same_bits(cuts, processor, random_events):
    events = random_events(150)
    whole = processor.process(events)
    parts = [processor.process(events[a:b]) for a, b in itertools.pairwise([0, *sorted(cuts), 150])]

    assert len(whole) > 10
    for name, values in all_arrays(whole).items():
        joined = np.concatenate([all_arrays(part)[name] for part in parts])
        assert (values.dtype, values.tobytes()) == (joined.dtype, joined.tobytes()), name
    assert whole.cutflow == sum((part.cutflow for part in parts[1:]), parts[0].cutflow)


@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_permuted_events_give_permuted_results(seed, processor, random_events):
    events = random_events(150)
    order = np.random.default_rng(seed).permutation(150)
    expected = all_arrays(processor.process(events))
    result = all_arrays(processor.process(events[order]))
    back, forth = np.argsort(result["event"]), np.argsort(expected["event"])

    for name, values in expected.items():
        assert values[forth].tobytes() == result[name][back].tobytes(), name


@settings(max_examples=20)
@given(angle=st.floats(-math.pi, math.pi))
def test_turning_the_events_changes_neither_relative_inputs_nor_observables(angle, processor, random_events):
    events = random_events(150)
    expected, result = processor.process(events), processor.process(in_turn(events, angle))

    assert expected.ids.event.tolist() == result.ids.event.tolist()
    for name, values in expected.observables.items():
        assert values == pytest.approx(result.observables[name], rel=1e-5, abs=1e-3), name
    for name, values in expected.inputs["relative"].items():
        difference = delta_phi(values, result.inputs["relative"][name]) if name.endswith("_phi") else values
        other = 0 if name.endswith("_phi") else result.inputs["relative"][name]
        assert np.abs(difference - other).max() < 1e-5, name


def test_relative_angles_are_in_range_and_absolute_ones_are_untouched(processor, random_events):
    events = random_events(600)
    inputs = processor.process(events).inputs

    for name in (name for name in EVENT_INPUTS if name.endswith("_phi")):
        relative, absolute = inputs["relative"][name], inputs["event"][name]
        assert (np.abs(relative) <= np.float32(np.pi)).all()
        assert np.abs(delta_phi(relative + inputs["event"]["lept1_phi"], absolute)).max() < 1e-5
    assert (inputs["relative"]["lept1_phi"] == 0).all()


def test_an_empty_chunk_and_an_empty_selection_are_no_exceptions(processor, made_events):
    for events in (made_events([]), made_events([{}, PAIR])):
        selected = processor.process(events)

        assert len(selected) == 0
        assert {0} == {len(values) for values in all_arrays(selected).values()}
        assert selected.cutflow.names == CUTS


def test_data_have_weight_1(processor, made_events):
    assert processor.process(made_events([GOOD], gen_weight=False)).weight.tolist() == [1.0]


def test_it_reads_its_branches_and_no_other(processor, tmp_path, random_events, written, opened):
    events = random_events(60)
    from_file, accessed = opened(written(tmp_path / "nano.root", events, READS))
    selected = processor.process(from_file)
    expected = all_arrays(processor.process(events)) | {"weight": np.ones(len(selected))}

    assert set(READS) == {access.branch for access in accessed}
    assert processor.reads == READS
    for name, values in all_arrays(selected).items():
        assert expected[name].tobytes() == values.tobytes(), name


def test_inputs_are_float32_and_observables_float64(processor, made_events):
    selected = processor.process(made_events([GOOD]))

    assert {np.dtype(np.float32)} == {v.dtype for features in selected.inputs.values() for v in features.values()}
    assert {np.dtype(np.float64)} == {values.dtype for values in selected.observables.values()}


def test_an_unknown_variation_is_an_error(processor, made_events):
    with pytest.raises(InputError, match="Variation 'jes_up' is not known"):
        processor.process(made_events([]), "jes_up")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"muons": LEPTON_CUTS}, "muons"),
        ({"muon": {"pt_min": 15.0}}, "pt_min"),
        ({"btag": {"branch": "btagTracks", "min": 0.1}}, "branch"),
    ],
    ids=["section", "key", "a branch that is none of the jet's"],
)
def test_settings_are_closed(change, place):
    with pytest.raises(ValidationError, match=place):
        Settings.model_validate(SELECTION | change)


def test_the_shipped_analysis_fits(pytestconfig, made_events):
    analysis = load_analysis(pytestconfig.rootpath / "config" / "hh_bbww.yaml")
    selected = Processor(Settings.model_validate(analysis.selection)).process(made_events([]))

    assert {axis.observable for axis in analysis.histograms.values()} <= set(histogrammed(selected))
    for collections in analysis.inputs.values():
        for name, features in collections.items():
            assert list(features) == list(EVENT_INPUTS) == list(selected.inputs[name])


@pytest.mark.samples
def test_cms_nanoaod_needs_other_settings_and_no_other_code(cms_samples, opened):
    processor = Processor(Settings.model_validate(NANOAOD_V15))
    events, accessed = opened(cms_samples / "nano_tt_v15.root", {*processor.reads, "genWeight"})
    selected = processor.process(events)
    expected = loop_selection(events, NANOAOD_V15, tag="btagDeepFlavB")

    assert {*processor.reads, "genWeight"} == {access.branch for access in accessed[: len(processor.reads) + 1]}
    assert len(expected) > 0
    assert [event for event, _, _ in expected] == selected.ids.event.tolist()
    check_rows(expected, selected.inputs["event"], charged="chMultiplicity", neutral="neMultiplicity")


def test_every_input_of_a_network_is_histogrammed(pytestconfig):
    analysis = load_analysis(pytestconfig.rootpath / "config" / "hh_bbww.yaml")
    shown = {axis.observable.rpartition(".")[2] for axis in analysis.histograms.values()}

    assert set(EVENT_INPUTS) <= shown
