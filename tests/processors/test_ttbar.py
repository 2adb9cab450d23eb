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
from pipeline.physics.partons import JET_PARTONS
from pipeline.stream.observables import histogrammed
from processors.ttbar import FULL, NOT_RECONSTRUCTABLE, OTHER, PARTIAL, READS, TRUTH_READS, Processor, Settings

LEPTON_CUTS = {"pt_min_gev": 20.0, "abs_eta_max": 2.4, "iso_max": 0.15}
SELECTION = {
    "electron": {**LEPTON_CUTS, "abs_eta_max": 2.5},
    "muon": LEPTON_CUTS,
    "jet": {"pt_min_gev": 25.0, "abs_eta_max": 2.4, "lepton_delta_r_min": 0.4},
    "btag": {"min": 0.5},
}
NANOAOD_V12 = SELECTION | {"btag": {"branch": "Jet_btagDeepFlavB", "min": 0.05}}
MUON = {"Muon": [{"pt": 40.0, "phi": 3.0, "charge": -1}]}
JETS = [{"pt": 40.0 + 10 * place, "phi": float(place) - 1, "btagTracks": 0.9 - 0.3 * (place % 3)} for place in range(4)]
PARTONS = ("top_had", "top_lep", "w_had", "w_lep", "b_had", "b_lep")


def top_pair(quarks):
    """GenPart of an event with quarks at the places (pt, phi), as b_had, q1, q2, b_lep; the anti-top decays to quarks."""
    b_had, q1, q2, b_lep = ({"pt": pt, "phi": phi} for pt, phi in quarks)
    return [
        {"pdgId": 6, "pt": 101.0, "eta": 0.5, "mass": 172.0},
        {"pdgId": -6, "pt": 102.0, "eta": -0.5, "phi": 3.0, "mass": 173.0},
        {"pdgId": 24, "genPartIdxMother": 0, "pt": 61.0, "mass": 80.0},
        {"pdgId": 5, "genPartIdxMother": 0, **b_lep},
        {"pdgId": -24, "genPartIdxMother": 1, "pt": 62.0, "mass": 81.0},
        {"pdgId": -5, "genPartIdxMother": 1, "mass": 4.8, **b_had},
        {"pdgId": -13, "genPartIdxMother": 2},
        {"pdgId": 14, "genPartIdxMother": 2},
        {"pdgId": 3, "genPartIdxMother": 4, **q2},
        {"pdgId": -4, "genPartIdxMother": 4, **q1},
    ]


# The jets by falling pt are at φ = 2, 1, 0 and -1.
QUARKS = [(50.0, 1.1), (49.0, -1.1), (30.0, 2.1), (60.0, 0.1)]
GOOD = {**MUON, "Jet": JETS, "GenPart": top_pair(QUARKS)}


@pytest.fixture(scope="module")
def processor():
    return Processor(Settings.model_validate(SELECTION))


@pytest.fixture(scope="module")
def drawn(made_events):
    """Function that makes *n* events from a seed, of which more than half pass, with truth near the jets or far away."""

    def draw(n, *, seed=1):
        rng = np.random.default_rng(seed)
        return made_events([draw_event(rng) for _ in range(n)])

    return draw


def draw_event(rng):
    def momentum_of(pt_min):
        return {"pt": pt_min + rng.exponential(40), "eta": rng.normal(0, 1), "phi": rng.uniform(-np.pi, np.pi)}

    jets = [momentum_of(20) | {"mass": rng.uniform(0, 20), "btagTracks": rng.choice([0.0, 0.5, 0.9])} for _ in range(7)]
    near = [(jets[place]["pt"], jets[place]["phi"] + rng.normal(0, 0.2)) for place in rng.permutation(7)[:4]]
    return {
        rng.choice(["Electron", "Muon"]): [momentum_of(15) for _ in range(rng.choice([0, 1, 1, 1, 2]))],
        "Jet": jets[: rng.integers(3, 8)],
        "GenPart": top_pair(near)[: rng.choice([10, 10, 10, 8])],
        "MET": (rng.exponential(60), rng.uniform(-np.pi, np.pi)),
        "genWeight": rng.choice([1.0, 2.5, -1.0]),
    }


def distance(a, b):
    return math.hypot(a["eta"] - b["eta"], math.remainder(a["phi"] - b["phi"], 2 * math.pi))


def loop_selection(events, selection=SELECTION, *, tag="btagTracks"):
    """The selection event by event: number, lepton and ordered jets of those that pass."""
    cuts, kept = selection["jet"], []
    for event in events.to_list():
        leptons = [
            one | {"type": kind}
            for kind, name in enumerate(("electron", "muon"))
            for one in event[name.capitalize()]
            if one["pt"] > selection[name]["pt_min_gev"]
            and abs(one["eta"]) < selection[name]["abs_eta_max"]
            and one["pfRelIso03_all"] < selection[name]["iso_max"]
        ]
        jets = [
            one
            for one in event["Jet"]
            if one["pt"] > cuts["pt_min_gev"]
            and abs(one["eta"]) < cuts["abs_eta_max"]
            and all(distance(one, lepton) >= cuts["lepton_delta_r_min"] for lepton in leptons)
        ]
        if len(leptons) == 1 and len(jets) >= 4:
            jets.sort(key=lambda jet: -jet["pt"])
            kept.append((event["event"], leptons[0], [jet | {"btag": jet[tag]} for jet in jets]))
    return kept


def components(one):
    px, py, pz = one["pt"] * math.cos(one["phi"]), one["pt"] * math.sin(one["phi"]), one["pt"] * math.sinh(one["eta"])
    return {"px": px, "py": py, "pz": pz, "energy": math.sqrt(px**2 + py**2 + pz**2 + one["mass"] ** 2)}


def check_inputs(expected, inputs):
    inputs = {name: {key: values.tolist() for key, values in features.items()} for name, features in inputs.items()}
    for row, (_, lepton, jets) in enumerate(expected):
        for name, value in (
            components(lepton) | {key: lepton[key] for key in ("pt", "eta", "phi", "charge", "type")}
        ).items():
            assert inputs["lepton"][name][row] == pytest.approx(value, rel=1e-5, abs=1e-4), name
        for place, jet in enumerate(jets):
            for name, value in (components(jet) | {key: jet[key] for key in ("pt", "eta", "phi", "mass", "btag")}).items():
                assert inputs["jets"][name][row][place] == pytest.approx(value, rel=1e-5, abs=1e-4), name
        assert len(jets) == len(inputs["jets"]["pt"][row])


def loop_places(event, jets, *, reach=0.4):
    """The place of the jet of each quark, nearest pairs first, and the class."""
    by_code = {one["pdgId"]: one for one in event["GenPart"]}
    if len(event["GenPart"]) < 10:
        return (-1, -1, -1, -1), OTHER
    light = sorted((by_code[3], by_code[-4]), key=lambda one: -one["pt"])
    quarks = [by_code[-5], *light, by_code[5]]
    places = [-1] * 4
    for d, quark, place in sorted((distance(q, jet), a, b) for a, q in enumerate(quarks) for b, jet in enumerate(jets)):
        if d < reach and places[quark] < 0 and place not in places:
            places[quark] = place
    n_matched = sum(place >= 0 for place in places)
    return tuple(places), {4: FULL, 3: PARTIAL}.get(n_matched, NOT_RECONSTRUCTABLE)


def places_of(selected):
    return list(zip(*(selected.targets[f"jet_of_{name}"].tolist() for name in JET_PARTONS), strict=True))


def all_arrays(selected):
    """Every array of the selected events, by a readable name; jagged ones flat."""
    ids = selected.ids
    arrays = {"run": ids.run, "block": ids.luminosity_block, "event": ids.event, "weight": selected.weight}
    arrays |= selected.observables
    for collection, features in selected.inputs.items():
        arrays |= {f"{collection}.{name}": np.asarray(ak.flatten(values, axis=None)) for name, values in features.items()}
    return arrays | {f"target.{name}": values for name, values in selected.targets.items()}


def test_one_event_is_described_as_by_hand(processor, made_events):
    selected = processor.process(made_events([GOOD | {"MET": (70.0, 0.5), "genWeight": -2.0}]))
    jets, lepton, met = (selected.inputs[name] for name in ("jets", "lepton", "met"))

    assert jets["pt"].to_list() == [[70, 60, 50, 40]]
    assert jets["btag"].to_list() == [pytest.approx([0.9, 0.3, 0.6, 0.9])]
    assert jets["px"][0, 0] == pytest.approx(70 * math.cos(2))
    assert jets["energy"][0, 0] == pytest.approx(math.sqrt(70**2 + 8**2))
    assert jets["log_mass"][0, 0] == pytest.approx(math.log(9))
    assert (lepton["pt"][0], lepton["charge"][0], lepton["type"][0]) == (40, -1, 1)
    assert (met["met"][0], met["phi"][0]) == (70, 0.5)
    assert met["py"][0] == pytest.approx(70 * math.sin(0.5))
    assert selected.weight.tolist() == [-2.0]
    seen = {name: values.tolist() for name, values in selected.observables.items()}
    assert (seen["n_jets"], seen["n_b_tags"], seen["ht"], seen["met"]) == ([4], [3], [220], [70])
    assert seen["w_transverse_mass"] == pytest.approx([math.sqrt(2 * 40 * 70 * (1 - math.cos(2.5)))])
    assert [seen[f"jet{place}_pt"][0] for place in (1, 2, 3, 4)] == [70, 60, 50, 40]


def test_truth_of_one_event_is_that_by_hand(processor, made_events):
    targets = processor.process(made_events([GOOD])).targets

    assert targets["top_had"].tolist() == [[102, -0.5, 3, 173]]
    assert targets["top_lep"].tolist() == [[101, 0.5, 0, 172]]
    assert (targets["w_had"][0, 0], targets["w_lep"][0, 0]) == (62, 61)
    assert targets["b_had"].tolist() == [pytest.approx([50, 0, 1.1, 4.8])]
    assert targets["b_lep"].tolist() == [pytest.approx([60, 0, 0.1, 0])]
    # The jets of b_had, q1, q2 and b_lep are at φ = 1, -1, 2 and 0.
    assert [int(targets[f"jet_of_{name}"][0]) for name in JET_PARTONS] == [1, 3, 0, 2]
    assert targets["event_class"].tolist() == [FULL]


@pytest.mark.parametrize(
    ("truth", "places", "event_class"),
    [
        (top_pair([*QUARKS[:3], (60.0, 0.45)]), [1, 3, 0, -1], PARTIAL),
        (top_pair([*QUARKS[:2], (30.0, -1.2), (60.0, 0.1)]), [1, 3, -1, 2], PARTIAL),
        (top_pair([(50.0, 3.0)] * 3 + QUARKS[3:]), [-1, -1, -1, 2], NOT_RECONSTRUCTABLE),
        (top_pair(QUARKS)[:7], [-1] * 4, OTHER),
        ([], [-1] * 4, OTHER),
    ],
    ids=["far quark", "two quarks at one jet", "three lost", "no quarks of the W", "no truth"],
)
def test_classes_are_by_the_number_of_quarks_with_a_jet(processor, made_events, truth, places, event_class):
    targets = processor.process(made_events([GOOD | {"GenPart": truth}])).targets

    assert places == [int(targets[f"jet_of_{name}"][0]) for name in JET_PARTONS]
    assert targets["event_class"].tolist() == [event_class]
    assert {bool(np.isnan(targets[name]).all()) for name in PARTONS} == {event_class == OTHER}


@pytest.mark.parametrize(
    ("n_cuts", "event"),
    [
        (2, GOOD),
        (2, GOOD | {"Muon": [], "Electron": [{"pt": 40.0, "phi": 3.0}]}),
        (0, GOOD | {"Muon": []}),
        (0, GOOD | {"Electron": [{"pt": 40.0, "phi": -3.0}]}),
        (0, GOOD | {"Muon": [{"pt": 20.0, "phi": 3.0}]}),
        (0, GOOD | {"Muon": [{"pt": 40.0, "phi": 3.0, "pfRelIso03_all": 0.2}]}),
        (1, GOOD | {"Jet": JETS[:3]}),
        (1, GOOD | {"Jet": [*JETS[:3], {"pt": 90.0, "phi": 2.8}]}),
        (1, GOOD | {"Jet": [*JETS[:3], {"pt": 25.0, "phi": 2.0}]}),
        (1, GOOD | {"Jet": [*JETS[:3], {"pt": 90.0, "phi": 2.0, "eta": -2.41}]}),
    ],
    ids=["muon", "electron", "none", "two", "soft", "in a jet", "three jets", "the lepton's jet", "soft jet", "forward jet"],
)
def test_an_event_passes_as_many_cuts_as_it_should(processor, made_events, n_cuts, event):
    cutflow = processor.process(made_events([event])).cutflow

    assert cutflow.names == ("all", "one lepton", "4 jets")
    assert n_cuts == sum(cut.n_events for cut in cutflow.cuts) - 1


def test_b_tags_are_a_cut_where_they_are_asked_for(made_events):
    jets = [
        [jet | {"btagTracks": tag} for jet, tag in zip(JETS, tags, strict=True)]
        for tags in ([0.5, 0, 0, 0.9], [0.4, 0, 0, 0.9])
    ]
    events = made_events([GOOD | {"Jet": one} for one in jets])
    selected = Processor(Settings.model_validate(SELECTION | {"btag": {"min": 0.5, "at_least": 2}})).process(events)

    assert [(cut.name, cut.n_events) for cut in selected.cutflow.cuts[2:]] == [("4 jets", 2), ("2 b tags", 1)]
    assert selected.ids.event.tolist() == [100]


@pytest.mark.parametrize(
    ("key", "first"), [("pt", [70, 60, 50, 40]), ("btag", [70, 40, 50, 60]), ("mass", [40, 50, 60, 70])]
)
def test_jets_are_ordered_by_the_named_key_and_places_go_with_them(made_events, key, first):
    """Tags are 0.9, 0.3, 0.6, 0.9 from the hardest jet on; masses fall with pt. Ties go by pt."""
    jets = [jet | {"mass": 100 - jet["pt"]} for jet in JETS]
    chosen = SELECTION | {"jet": SELECTION["jet"] | {"order_by": key}}
    selected = Processor(Settings.model_validate(chosen)).process(made_events([GOOD | {"Jet": jets}]))
    pt_of = dict(zip(JET_PARTONS, (60, 40, 70, 50), strict=True))

    assert selected.inputs["jets"]["pt"].to_list() == [first]
    assert {name: first[int(selected.targets[f"jet_of_{name}"][0])] for name in JET_PARTONS} == pt_of


def test_it_is_the_loop_over_events(processor, drawn):
    events = drawn(400)
    selected = processor.process(events)
    expected = loop_selection(events)

    assert len(expected) > 60
    assert [event for event, _, _ in expected] == selected.ids.event.tolist()
    check_inputs(expected, selected.inputs)
    truth = {event["event"]: event for event in events.to_list()}
    found = [loop_places(truth[event], jets) for event, _, jets in expected]
    assert [places for places, _ in found] == places_of(selected)
    assert [event_class for _, event_class in found] == selected.targets["event_class"].tolist()
    assert {FULL, PARTIAL, NOT_RECONSTRUCTABLE, OTHER} == set(selected.targets["event_class"].tolist())


def test_no_truth_leaks_into_what_is_not_a_target(processor, drawn):
    """With another truth, or none, every input, observable and weight has the same bits, and the same events pass."""
    events = drawn(150)
    other = ak.with_field(events, drawn(150, seed=2).GenPart, "GenPart")
    without = Processor(Settings.model_validate(SELECTION | {"truth": False}))
    expected = {name: v.tobytes() for name, v in all_arrays(processor.process(events)).items() if "target" not in name}

    for selected in (processor.process(other), without.process(events)):
        arrays = {name: values.tobytes() for name, values in all_arrays(selected).items() if "target" not in name}
        assert arrays == expected
    assert without.process(events).targets == {}
    assert not set(TRUTH_READS) & set(without.reads)


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 100), max_size=4))
def test_any_chunks_give_the_same_bits(cuts, processor, drawn):
    events = drawn(100)
    whole = processor.process(events)
    parts = [processor.process(events[a:b]) for a, b in itertools.pairwise([0, *sorted(cuts), 100])]
    arrays = [all_arrays(part) for part in parts]

    assert len(whole) > 10
    for name, values in all_arrays(whole).items():
        joined = np.concatenate([one[name] for one in arrays])
        assert (values.dtype, values.tobytes()) == (joined.dtype, joined.tobytes()), name
    assert whole.cutflow == sum((part.cutflow for part in parts[1:]), parts[0].cutflow)


def test_an_empty_chunk_and_an_empty_selection_are_no_exceptions(processor, made_events):
    for events in (made_events([]), made_events([{}, MUON])):
        selected = processor.process(events)

        assert {0} == {len(values) for values in all_arrays(selected).values()}
        assert dict.fromkeys(PARTONS, (0, 4)) == {name: selected.targets[name].shape for name in PARTONS}


def test_it_reads_its_branches_and_no_other(processor, tmp_path, drawn, written, opened):
    events = drawn(60)
    from_file, accessed = opened(written(tmp_path / "nano.root", events, READS))
    selected = processor.process(from_file)
    expected = all_arrays(processor.process(events)) | {"weight": np.ones(len(selected))}

    assert set(READS) == {access.branch for access in accessed}
    assert set(processor.reads) == set(READS)
    for name, values in all_arrays(selected).items():
        assert expected[name].tobytes() == values.tobytes(), name


def test_inputs_and_momenta_are_float32_and_observables_float64(processor, made_events):
    selected = processor.process(made_events([GOOD]))
    flat = [ak.to_numpy(ak.flatten(v, axis=None)) for features in selected.inputs.values() for v in features.values()]

    assert {np.dtype(np.float32)} == {values.dtype for values in flat} | {selected.targets[name].dtype for name in PARTONS}
    assert {np.dtype(np.float64)} == {values.dtype for values in selected.observables.values()}


def test_an_unknown_variation_is_an_error(processor, made_events):
    with pytest.raises(InputError, match="Variation 'jes_up' is not known"):
        processor.process(made_events([]), "jes_up")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"btag": {"minimum": 0.1}}, "btag.minimum"),
        ({"jet": SELECTION["jet"] | {"order_by": "eta"}}, "jet.order_by"),
        ({"jet": SELECTION["jet"] | {"at_least": 3}}, "jet.at_least"),
    ],
    ids=["key", "order", "too few jets"],
)
def test_settings_are_closed(change, place):
    with pytest.raises(ValidationError, match=place):
        Settings.model_validate(SELECTION | change)


def test_the_shipped_analysis_fits(pytestconfig, made_events):
    analysis = load_analysis(pytestconfig.rootpath / "config" / "ttbar.yaml")
    selected = Processor(Settings.model_validate(analysis.selection)).process(made_events([GOOD]))

    assert {axis.observable for axis in analysis.histograms.values()} <= set(histogrammed(selected))
    for collections in analysis.inputs.values():
        for name, collection in collections.items():
            assert set(getattr(collection, "features", collection)) <= set(selected.inputs[name])


@pytest.mark.samples
def test_cms_nanoaod_needs_another_b_tag_and_no_other_code(cms_samples, opened):
    """Semileptonic tt̄ of CMS: partons have jets, and jets of b quarks have higher b tags."""
    processor = Processor(Settings.model_validate(NANOAOD_V12))
    events, _ = opened(cms_samples / "nano_tt_v12.root", {*processor.reads, "genWeight"})
    selected = processor.process(events)
    expected = loop_selection(events, NANOAOD_V12, tag="btagDeepFlavB")
    tags, targets = selected.inputs["jets"]["btag"], selected.targets
    tag_of = {
        name: [tags[row][place] for row, place in enumerate(targets[f"jet_of_{name}"]) if place >= 0] for name in JET_PARTONS
    }

    assert [event for event, _, _ in expected] == selected.ids.event.tolist()
    check_inputs(expected, selected.inputs)
    assert np.mean(targets["event_class"] == FULL) > 0.2
    assert (
        min(np.mean(tag_of[name]) for name in ("b_had", "b_lep")) > 0.5 > max(np.mean(tag_of[name]) for name in ("q1", "q2"))
    )
