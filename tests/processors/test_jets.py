"""Jets as rows: which are kept, in which order, with which particles; on made events and on real files."""

import itertools

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.inputs import Image, Tree, source_of
from pipeline.stream.chunk import build_inputs
from pipeline.stream.flattening import FlatBins
from pipeline.stream.kinds.kind import finished_all, kind_for
from pipeline.stream.observables import histogrammed
from pipeline.stream.weights import flattening
from processors.jets import READS, Processor, Settings
from processors.parts.large_jets import SHAPES
from tests.processors.nano_jets import QUARKS, SPLIT, TOP, WINDOW, all_arrays, columns_of, draw, made, numbers


def processor(**selection):
    return Processor(Settings.model_validate({"jet": WINDOW, "truth": TOP} | selection))


def loop_selection(events, most=1):
    """Jet by jet: the name of the event, and the momenta of the jet and of its particles."""
    rows = []
    for number, event in enumerate(events):
        good = [jet for jet in event["jets"] if 500 <= np.float32(jet["pt"]) < 700 and abs(jet["eta"]) < 2]
        if event["generated"]:
            good = [jet for jet in good if all(inside(jet, eta) for eta in (0.2, 0.1, -0.1))]
        for jet in sorted(good, key=lambda jet: -jet["pt"])[:most]:
            momenta = sorted((one["pt"] for one in jet["particles"]), reverse=True)
            if momenta:
                rows.append((100 + number, jet["pt"], momenta))
    return rows


def inside(jet, eta):
    return np.hypot(jet["eta"] - eta, jet["phi"]) < 0.8


@pytest.mark.parametrize("most", [1, 3])
def test_it_is_the_loop_over_jets(most):
    events = draw(400)
    selected = processor(jet=WINDOW | {"max_per_event": most}).process(made(events))
    expected = loop_selection(events, most)

    assert len(expected) > 100
    assert [event for event, _, _ in expected] == selected.ids.event.tolist()
    assert selected.observables["pt"] == pytest.approx([pt for _, pt, _ in expected])
    momenta = [np.log(particles) for _, _, particles in expected]
    assert numbers(selected.inputs["constituents"]["log_pt"]) == [pytest.approx(one, abs=1e-5) for one in momenta]


@pytest.mark.parametrize(
    ("n_cuts", "event"),
    [
        (3, {"jets": [{}]}),
        (3, {"jets": [{}], "generated": QUARKS}),
        (0, {}),
        (0, {"jets": [{"pt": 499.0}, {"pt": 700.0}]}),
        (0, {"jets": [{"eta": -2.1}]}),
        (0, {"jets": [{"mass": 300.0}, {"mass": 9.0}]}),
        (1, {"jets": [{}], "generated": SPLIT}),
        (1, {"jets": [{"phi": 2.0}], "generated": QUARKS}),
        (2, {"jets": [{"particles": []}]}),
    ],
    ids=[
        "QCD",
        "top",
        "no jet",
        "out of the window",
        "forward",
        "too heavy and too light",
        "split top",
        "not the top jet",
        "no particles",
    ],
)
def test_an_event_passes_as_many_cuts_as_it_should(n_cuts, event):
    cuts = processor().process(made([event])).cutflow.cuts[1:]

    assert n_cuts == sum(cut.n_events for cut in cuts)
    assert [cut.name for cut in cuts] == ["jet in window", "truth", "constituents"]


def test_the_hardest_jet_that_passes_is_taken():
    jets = [{"pt": 550.0}, {"pt": 650.0, "phi": 2.0}, {"pt": 600.0, "eta": 0.3}, {"pt": 750.0}]
    selected = processor().process(made([{"jets": jets, "generated": QUARKS}, {"jets": jets}]))

    assert selected.observables["pt"].tolist() == [600, 650]
    assert selected.observables["n_quarks"].tolist() == [3, 0]


def test_jets_of_one_event_share_its_name_and_weight():
    event = {"jets": [{"pt": 510.0}, {"pt": 520.0}, {"pt": 530.0}], "genWeight": -2.5}
    selected = processor(jet=WINDOW | {"max_per_event": 2}).process(made([{}, event]))

    assert selected.observables["pt"].tolist() == [530, 520]
    assert (selected.ids.event.tolist(), selected.weight.tolist()) == ([101, 101], [-2.5, -2.5])
    assert selected.cutflow.cuts[-1].n_events == 1


def test_shapes_of_a_jet_by_hand():
    particles = [{"pt": 300.0, "eta": 0.3, "phi": 0.4}, {"pt": 100.0, "eta": 0.0, "phi": -0.1}]
    selected = processor().process(made([{"jets": [{"particles": particles, "msoftdrop": -1.0}]}]))

    assert {name: float(values[0]) for name, values in selected.observables.items()} == pytest.approx(
        {
            **{"pt": 600, "eta": 0, "mass": 170, "msoftdrop": 0, "tau21": 0.5, "tau32": 0.25, "multiplicity": 2},
            **{"width": 160 / 400, "pt_d": 100 * np.sqrt(10) / 400, "n_quarks": 0},
        }
    )
    assert {name: float(values[0]) for name, values in selected.inputs["jet"].items()} == pytest.approx(
        {name: float(selected.observables[name][0]) for name in SHAPES}
    )


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 60), max_size=4), most=st.integers(1, 2))
def test_any_chunks_give_the_same_numbers(cuts, most):
    events, one = made(draw(60)), processor(jet=WINDOW | {"max_per_event": most})
    whole = one.process(events)
    parts = [one.process(events[a:b]) for a, b in itertools.pairwise([0, *sorted(cuts), 60])]

    assert len(whole) > 10
    for name, values in all_arrays(whole).items():
        assert numbers(values) == [value for part in parts for value in numbers(all_arrays(part)[name])], name
    assert whole.cutflow == sum((part.cutflow for part in parts[1:]), parts[0].cutflow)


def test_an_empty_chunk_and_an_empty_selection_are_no_exceptions():
    for events in (made([]), made([{}, {"jets": [{"pt": 10.0}]}])):
        selected = processor().process(events)

        assert {0} == {len(values) for values in all_arrays(selected).values()}


def test_data_need_no_generator():
    events = made([{"jets": [{}]}], gen_weight=False)
    selected = processor(truth=None).process(events[[name for name in events.fields if name != "GenPart"]])

    assert selected.weight.tolist() == [1.0]
    assert "n_quarks" not in selected.observables


def test_files_without_tracks_give_no_track_features():
    features = set(processor().process(made([])).inputs["constituents"])
    fewer = set(processor(candidates={"impact_parameters": False}).process(made([])).inputs["constituents"])

    assert features - fewer == {"d0", "d0_sig", "dz", "dz_sig"}


def test_it_reads_its_branches_and_no_other(tmp_path, opened):
    events = draw(60)
    columns = columns_of(events)
    with uproot.recreate(tmp_path / "nano.root") as file:
        types = {
            name: v.dtype if isinstance(v, np.ndarray) else ak.type(only_read(name, v)).content
            for name, v in columns.items()
        }
        tree = file.mktree("Events", types)
        for start in range(0, 60, 7):
            part = slice(start, start + 7)
            tree.extend(
                {name: (v if isinstance(v, np.ndarray) else only_read(name, v))[part] for name, v in columns.items()}
            )
    from_file, accessed = opened(tmp_path / "nano.root", READS)
    selected = processor().process(from_file)
    expected = all_arrays(processor().process(made(events))) | {"weight": np.ones(len(selected))}

    assert len(selected) > 10
    # coffea wants a whole momentum for GenPart, and reads none of it by itself.
    assert set(READS) - {"GenPart_pt", "GenPart_mass"} == {access.branch for access in accessed}
    assert {name: numbers(v) for name, v in expected.items()} == {n: numbers(v) for n, v in all_arrays(selected).items()}


def only_read(name, column):
    return ak.zip({field: column[field] for field in column.fields if f"{name}_{field}" in READS})


def test_inputs_are_float32_and_observables_float64():
    selected = processor().process(made([{"jets": [{}]}]))
    kinds = {ak.to_numpy(ak.flatten(v, axis=None)).dtype for group in selected.inputs.values() for v in group.values()}

    assert kinds == {np.dtype(np.float32)}
    assert {np.dtype(np.float64)} == {values.dtype for values in selected.observables.values()}


def test_an_unknown_variation_is_an_error():
    with pytest.raises(InputError, match="Variation 'jes_up' is not known"):
        processor().process(made([]), "jes_up")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"jets": WINDOW}, "jets"),
        ({"jet": WINDOW | {"pt_min": 1.0}}, "pt_min"),
        ({"jet": WINDOW | {"max_per_event": 0}}, "max_per_event"),
        ({"truth": {"resonance": "z", "delta_r_max": 0.8}}, "resonance"),
        ({"candidates": {"links": "FatJetPFCands_jetIdx"}}, "links"),
    ],
    ids=["section", "key", "no jet", "resonance", "a branch that is no collection"],
)
def test_settings_are_closed(change, place):
    with pytest.raises(ValidationError, match=place):
        processor(**change)


def test_small_jets_of_hard_partons_have_no_substructure():
    """The hardest jet that holds a quark or gluon of the hard process, of a collection without soft-drop mass."""
    events = made(
        [{"jets": [{"pt": 650.0, "phi": 2.0}, {"pt": 600.0}], "generated": [(21, -1, 0.1)]}, {"jets": [{}], "generated": []}]
    )
    events["GenPart", "status"] = ak.values_astype(events.GenPart.pdgId * 0 + 23, np.int32)
    selection = {"jet": WINDOW | {"substructure": False}, "truth": {"resonance": "parton", "delta_r_max": 0.3}}
    one = processor(**selection)
    selected = one.process(events)

    assert selected.observables["pt"].tolist() == [600]
    assert set(SHAPES) - set(selected.inputs["jet"]) == {"msoftdrop", "tau21", "tau32"}
    assert {"GenPart_status", "FatJet_pt"} <= set(one.reads)
    assert not {"FatJet_tau1", "FatJet_msoftdrop"} & set(one.reads)


def test_a_window_in_mass_has_its_lower_edge_and_not_its_upper_one():
    events = made([{"jets": [{"mass": mass}]} for mass in (49.0, 50.0, 109.0, 110.0)])
    window = processor(jet=WINDOW | {"mass_min_gev": 50.0, "mass_max_gev": 110.0}).process(events)

    assert window.observables["mass"].tolist() == [50, 109]
    assert processor(jet=WINDOW | {"mass_min_gev": 50.0}).process(events).observables["mass"].tolist() == [50, 109, 110]


@pytest.mark.parametrize("name", ["top_tagging", "jet_trees"])
def test_the_shipped_analyses_fit(name, pytestconfig):
    analysis = load_analysis(pytestconfig.rootpath / "config" / f"{name}.yaml")
    one = Processor(Settings.model_validate(analysis.selection))
    selected = one.process(made([]))

    assert one.reads == READS
    assert {axis.observable for axis in analysis.histograms.values()} <= set(histogrammed(selected))
    for collections in analysis.inputs.values():
        for name, collection in collections.items():
            assert set(kind_for(collection).reads(collection)) <= set(selected.inputs[source_of(name, collection)])


@pytest.mark.parametrize(("name", "pixels"), [("w_images", 25), ("qg_images", 33)], ids=str)
def test_the_shipped_images_are_made_of_the_particles_of_the_jet(name, pixels, pytestconfig):
    analysis = load_analysis(pytestconfig.rootpath / "config" / f"{name}.yaml")
    particles = [{"pt": 100.0}, {"pt": 90.0, "eta": 0.25}, {"pt": 60.0, "pdgId": 22}]
    jets = [{"pt": 270.0, "mass": 80.0, "particles": particles}]
    columns = columns_of([{"jets": jets, "generated": QUARKS}])
    columns["GenPart"]["status"] = ak.values_astype(columns["GenPart"].pdgId * 0 + 23, np.int32)
    small = {"Jet": columns["FatJet"], "JetPFCands": columns["FatJetPFCands"]}
    one = Processor(Settings.model_validate(analysis.selection))
    selected = one.process(ak.zip({**columns, **small}, depth_limit=1))

    assert len(selected) == 1
    assert {axis.observable for axis in analysis.histograms.values()} <= set(histogrammed(selected))
    for collections in analysis.inputs.values():
        for image in finished_all(collections, build_inputs(selected, collections, place="made")).values():
            if image.ndim == 4:
                assert image.shape[1:3] == (pixels, pixels)
                assert (image > 0).any(axis=-1).sum() == 2


def area_below_roc(values, is_signal, weight):
    """Of weighted *values*: the probability that that of the signal is larger."""
    order = np.argsort(values)
    signal, background = weight[order] * is_signal[order], weight[order] * ~is_signal[order]
    return (signal * (np.cumsum(background) - background / 2)).sum() / signal.sum() / background.sum()


def test_flattened_momentum_tells_nothing_of_the_class(pytestconfig):
    """With the bins of the shipped analysis, on spectra as different as those of its samples."""
    analysis = load_analysis(pytestconfig.rootpath / "config" / "top_tagging.yaml")
    bins, rng = FlatBins.of(analysis.training.flatten), np.random.default_rng(4)
    # QCD falls from 470 GeV on; top quarks rise until 600 GeV and fall then.
    spectra = {False: 450 + rng.exponential(80, 2500), True: rng.normal(605, 50, 2000)}
    pt, weight = {}, {}
    for is_top, drawn in spectra.items():
        selected = processor().process(made([{"jets": [{"pt": one}]} for one in drawn]))
        index = bins.index(selected, place="made")
        pt[is_top] = selected.observables["pt"]
        weight[is_top] = flattening(np.bincount(index, minlength=bins.n_bins).astype(float))[index]
    values, is_signal = np.concatenate(list(pt.values())), np.repeat(list(pt), [len(one) for one in pt.values()])

    assert area_below_roc(values, is_signal, np.ones(len(values))) > 0.6
    assert area_below_roc(values, is_signal, np.concatenate(list(weight.values()))) == pytest.approx(0.5, abs=0.01)


CMS_FILES = {
    "PFNano": ("pfnano.root", {}),
    "NanoAODv15": (
        "nano_tt_v15.root",
        {
            "collection": "PFCand",
            "links": "FatJetPFCand",
            "candidate_index": "pfCandIdx",
            "impact_parameters": False,
        },
    ),
}


@pytest.mark.samples
@pytest.mark.parametrize(("name", "candidates"), CMS_FILES.values(), ids=CMS_FILES)
def test_cms_files_need_other_settings_and_no_other_code(name, candidates, cms_samples, opened):
    wide = {"pt_min_gev": 200.0, "pt_max_gev": 5000.0, "abs_eta_max": 2.4}
    one = processor(jet=wide, truth=TOP | {"resonance": "w"}, candidates=candidates)
    events, _ = opened(cms_samples / name, {*one.reads, "genWeight"})
    selected = one.process(events)

    assert len(selected) > 5
    for feature, values in selected.inputs["constituents"].items():
        assert np.isfinite(ak.flatten(values).to_numpy()).all(), feature
    # The particles make up the jet: within what its correction changes.
    shares = ak.sum(selected.inputs["constituents"]["pt_fraction"], axis=1)
    assert np.median(shares) == pytest.approx(1, abs=0.15)
    assert ak.min(shares) > 0.7
    check_images_and_trees(selected)


def check_images_and_trees(selected):
    """Both hold all of a jet: an image that is wide enough its transverse momentum, a tree its energy."""
    inputs = {
        "image": Image(kind="image", of="constituents", pixels=60, half_width=3.0, steps=(), max_pixels=900),
        "tree": Tree(kind="tree", of="constituents", algorithm="kt", max_leaves=40, features=("energy",), frame="detector"),
    }
    tensors = finished_all(inputs, build_inputs(selected, inputs, place="a file of CMS"))
    constituents = selected.inputs["constituents"]

    assert tensors["image"].sum(axis=(1, 2, 3)) == pytest.approx(ak.sum(constituents["pt"], axis=1).to_numpy(), rel=1e-4)
    n_merges = (tensors["tree_steps"][:, :, 2] >= 0).sum(axis=1)
    # The last merge is the jet; the leaves come first.
    root = tensors["tree"][np.arange(len(selected)), np.where(n_merges > 0, 40 + n_merges - 1, 0), 0]
    assert root == pytest.approx(ak.sum(constituents["energy"], axis=1).to_numpy(), rel=1e-4)


@pytest.mark.samples
def test_cms_counts_the_same_particles(cms_samples, opened):
    """NanoAODv15 has the number of constituents of its jets, as the jet itself counted them."""
    _, candidates = CMS_FILES["NanoAODv15"]
    one = processor(jet={"pt_min_gev": 200.0, "pt_max_gev": 5000.0, "abs_eta_max": 2.4}, truth=None, candidates=candidates)
    selected = one.process(opened(cms_samples / "nano_tt_v15.root", {*one.reads})[0])
    jets = uproot.open(cms_samples / "nano_tt_v15.root")["Events"].arrays(
        ["FatJet_pt", "FatJet_eta", "FatJet_nConstituents"]
    )
    good = (jets.FatJet_pt >= 200) & (abs(jets.FatJet_eta) < 2.4)
    counts = ak.drop_none(ak.firsts(jets.FatJet_nConstituents[good]))

    assert selected.observables["multiplicity"].tolist() == counts.to_list()
