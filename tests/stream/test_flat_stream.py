"""What the networks are given after flattening: from ROOT files through `summarise` and the stream, however they are cut."""

import csv
import json
import logging
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import uproot
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.events.planning import make_plan
from pipeline.learning.summarise import summarise
from pipeline.learning.train import train
from pipeline.results.flatness import flatness
from pipeline.stream.cache import ChunkCache
from pipeline.stream.spectra import spectra_of
from pipeline.stream.summary import Summary
from pipeline.stream.training_stream import TrainingStream
from pipeline.stream.weights import flat_factors, training_factors
from tests.toy_analysis import ANALYSIS, make_toy

PROCESSOR = """
import numpy as np
from coffea.processor import ProcessorABC
from pipeline.config import Section
from pipeline.physics.selected import Selected, count_cuts, event_ids
from pipeline.physics.weights import generator_weights

READS = ("MET_pt", "MET_phi", "run", "luminosityBlock", "event")

class Settings(Section):
    pass

class Processor(ProcessorABC):
    reads = READS
    def __init__(self, settings):
        self.settings = settings
    def process(self, events, variation="nominal"):
        weights = generator_weights(events)
        everything = np.ones(len(events), dtype=bool)
        pt, eta = np.asarray(events.MET.pt), np.asarray(events.MET.phi)
        return Selected(
            ids=event_ids(events, everything), weight=weights, observables={"pt": pt},
            cutflow=count_cuts({"all of them": everything}, weights), inputs={"jet": {"pt": pt, "eta": eta}},
        )
    def postprocess(self, accumulator):
        return accumulator
"""

N_EVENTS = 1200
XSEC = {"s": 1.0, "b": 30.0, "c": 5.0}
PT = {"edges": [20.0, 30.0, 40.0, 60.0, 100.0]}
ETA = {"bins": 3, "start": -2.4, "stop": 2.4}
SECTIONS = {
    "one": {"variables": {"pt": PT}},
    "two": {"variables": {"pt": PT, "jet.eta": ETA}},
    "limited": {"variables": {"pt": PT}, "max_weight": 1.5},
    "none": None,
}
POLICIES = ("keep", "absolute", "zero")
MODELS = {
    f"{section}_{policy}": {
        "architecture": "bdt",
        "inputs": "all",
        "training": {"flatten": flatten, "negative_weights": policy, "epochs": 40, "learning_rate": 0.1},
    }
    for section, flatten in SECTIONS.items()
    for policy in POLICIES
}
CONFIG = {
    **ANALYSIS,
    "processor": "flat",
    "datasets": {
        name: {"process": "sig" if name == "s" else "bkg", "xsec_pb": xsec, "files": [f"{name}.root"]}
        for name, xsec in XSEC.items()
    },
    "inputs": {"all": {"jet": ["pt", "eta"]}},
    "models": MODELS,
    "folds": 3,
    "histograms": {},
}


def write_events(path, seed, mean_pt_gev, n=N_EVENTS, part=100):
    """Falling pt from 20 GeV on, uniform eta, and one weight in eight negative."""
    rng = np.random.default_rng(seed)
    number = np.arange(n)
    columns = {
        "run": np.ones(n, np.uint32),
        "luminosityBlock": np.full(n, seed, np.uint32),
        "event": number.astype(np.uint64),
        "MET_pt": (20 + rng.exponential(mean_pt_gev - 20, n)).astype(np.float32),
        "MET_phi": rng.uniform(-3, 3, n).astype(np.float32),
        "genWeight": (np.where(number % 8 == 7, -1, 1) * rng.uniform(0.5, 2, n)).astype(np.float32),
    }
    with uproot.recreate(path) as file:
        tree = file.mktree("Events", {name: values.dtype for name, values in columns.items()})
        for start in range(0, n, part):
            tree.extend({name: values[start : start + part] for name, values in columns.items()})


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Analysis, plan, and the summary's path."""
    folder = tmp_path_factory.mktemp("flat")
    for name in ("config", "processors"):
        (folder / name).mkdir()
    (folder / "processors/flat.py").write_text(PROCESSOR, encoding="utf-8")
    (folder / "config/flat.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False), encoding="utf-8")
    for seed, (name, mean) in enumerate({"s": 60.0, "b": 40.0, "c": 45.0}.items()):
        write_events(folder / f"{name}.root", seed, mean)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        analysis = load_analysis("config/flat.yaml")
        plan = make_plan(analysis, {name: [str(folder / f"{name}.root")] for name in XSEC}, reads=["MET_pt"])
        summarise(analysis, plan, folder / "summary.json")
        yield SimpleNamespace(analysis=analysis, plan=plan, summary=Summary.load(folder / "summary.json"), folder=folder)


def recut(plan, edges):
    """The same files, cut into ranges at *edges*."""
    cut = tuple(sorted({0, *edges, N_EVENTS}))
    datasets = (replace(d, files=tuple(replace(file, edges=cut) for file in d.files)) for d in plan.datasets)
    return replace(plan, datasets=tuple(datasets))


def streamed(toy, model, fold, *, epoch=0, scratch=None, plan=None, part="training", **changes):
    """All that the model of *fold* learns from in an epoch, or is stopped by: arrays of class, pt, eta and weight."""
    analysis, plan, summary = toy.analysis, plan or toy.plan, toy.summary
    training = analysis.training_of(model).model_copy(update={"batch_size": 100, **changes})
    sumw = {name: plan.sumw(name) for name in XSEC}
    counts = summary.counts(fold, "training", training.validation_fraction)
    spectra = spectra_of(summary, fold, "training", training)
    stream = TrainingStream(
        analysis,
        plan,
        "all",
        fold,
        training,
        training_factors(analysis, training, sumw, counts),
        summary.epoch_counts(fold, training.validation_fraction),
        flat=flat_factors(analysis, training, sumw, counts, spectra),
        scratch=ChunkCache(scratch or toy.folder / "chunks", 1e9),
    )
    batches = list(stream.epoch(epoch, part))
    jets = np.concatenate([batch.tensors["jet"] for batch in batches]).astype(np.float64)
    targets = np.concatenate([batch.targets for batch in batches])
    weight = np.concatenate([batch.weight for batch in batches]).astype(np.float64)
    return {"is_signal": targets[:, 1] > 0, "pt": jets[:, 0], "eta": jets[:, 1], "weight": weight}


def spectrum(seen, is_signal, section):
    """Sums of weights of a class in the bins of *section*, filled by hand."""
    rows = seen["is_signal"] == is_signal
    edges = [PT["edges"]] + ([np.linspace(-2.4, 2.4, 4)] if section == "two" else [])
    values = [np.clip(seen[name][rows], e[0], np.nextafter(e[-1], 0)) for name, e in zip(("pt", "eta"), edges, strict=False)]
    return np.histogramdd(values, bins=edges, weights=seen["weight"][rows])[0].ravel()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("section", ["one", "two"])
@pytest.mark.parametrize("balance", [True, False], ids=["balanced", "by cross section"])
def test_each_class_is_flat_in_the_events_of_every_fold_and_epoch(section, policy, balance, toy):
    for fold in range(3):
        for epoch in range(2):
            seen = streamed(toy, f"{section}_{policy}", fold, epoch=epoch, class_balance=balance)
            for is_signal in (True, False):
                heights = spectrum(seen, is_signal, section)

                np.testing.assert_allclose(heights, heights.mean(), rtol=1e-5)


def auc_alone(seen, name, edges):
    """Of one number, every signal event against every background event; those of one part of a bin are a tie."""
    parts = np.concatenate([np.linspace(low, high, 25, endpoint=False) for low, high in pairwise(edges)])
    place = np.searchsorted(parts[1:], seen[name], side="right")
    (sig, w_sig), (bkg, w_bkg) = ((place[rows], seen["weight"][rows]) for rows in (seen["is_signal"], ~seen["is_signal"]))
    above = (sig[:, np.newaxis] > bkg) + 0.5 * (sig[:, np.newaxis] == bkg)
    return w_sig @ above @ w_bkg / w_sig.sum() / w_bkg.sum()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("section", ["one", "two", "limited"])
def test_what_a_variable_alone_tells_is_what_the_weighted_events_of_the_stream_say(section, policy, toy):
    sumw = {name: toy.plan.sumw(name) for name in XSEC}
    found = flatness(toy.analysis, toy.summary, sumw)[f"{section}_{policy}"]["flattening"]
    axes = {"pt": ("pt", PT["edges"]), "jet.eta": ("eta", np.linspace(-2.4, 2.4, 4))}

    assert set(found) == set(SECTIONS[section]["variables"])
    for fold in range(3):
        for when, model in (("before", f"none_{policy}"), ("after", f"{section}_{policy}")):
            seen = streamed(toy, model, fold)
            for variable, measured in found.items():
                assert measured[when][fold] == pytest.approx(auc_alone(seen, *axes[variable]), abs=2e-6)


def test_flattening_leaves_a_variable_nothing_to_tell(toy):
    sumw = {name: toy.plan.sumw(name) for name in XSEC}
    found = flatness(toy.analysis, toy.summary, sumw)

    assert set(found) == {model for model in MODELS if not model.startswith("none")}
    assert all(value > 0.55 for value in found["one_absolute"]["flattening"]["pt"]["before"])
    # Half a bin of the toy is wide: within it the signal is the harder one still.
    assert found["one_absolute"]["flattening"]["pt"]["after"] == pytest.approx([0.5] * 3, abs=0.03)
    # The classes have the same spectrum of eta, flattened or not.
    assert found["two_absolute"]["flattening"]["jet.eta"]["before"] == pytest.approx([0.5] * 3, abs=0.05)


def generated(toy):
    """By pt, which is different for each event, its dataset and its generator weight."""
    found = {}
    for name in XSEC:
        with uproot.open(toy.folder / f"{name}.root") as file:
            pt, weight = (file["Events"][branch].array(library="np") for branch in ("MET_pt", "genWeight"))
            found |= {float(p): (name, float(w)) for p, w in zip(pt, weight, strict=True)}
    return found


@pytest.mark.parametrize("section", SECTIONS)
def test_a_validation_event_weighs_as_much_as_a_training_event_of_its_dataset_and_bin(section, toy):
    origin, factors = generated(toy), {}
    for part in ("training", "validation"):
        seen = streamed(toy, f"{section}_keep", 0, part=part)
        for pt, eta, weight in zip(seen["pt"], seen["eta"], seen["weight"], strict=True):
            dataset, generator_weight = origin[pt]
            where = (dataset, np.searchsorted(PT["edges"], pt), np.searchsorted([-0.8, 0.8], eta))
            factors.setdefault(where, {})[part] = weight / generator_weight
    shared = [found for found in factors.values() if len(found) == 2]

    assert len(shared) > 10
    np.testing.assert_allclose([f["training"] for f in shared], [f["validation"] for f in shared], rtol=1e-5)


@pytest.mark.parametrize("policy", POLICIES)
def test_without_flattening_classes_are_not_flat(policy, toy):
    heights = spectrum(streamed(toy, f"none_{policy}", 0), True, "one")

    assert heights.max() > 1.5 * heights.min()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edges=st.lists(st.integers(1, N_EVENTS - 1), max_size=5))
def test_any_cutting_into_ranges_gives_the_same_spectra_and_weights(edges, toy, tmp_path_factory):
    folder, cut = tmp_path_factory.mktemp("cut"), recut(toy.plan, edges)
    summarise(toy.analysis, cut, folder / "summary.json")

    again = SimpleNamespace(**{**vars(toy), "summary": Summary.load(folder / "summary.json"), "plan": cut})
    seen, expected = (streamed(one, "two_keep", 1, scratch=folder / "chunks") for one in (again, toy))

    folds = toy.summary.content["folds"]
    assert [fold["spectra"] for fold in again.summary.content["folds"].values()] == [f["spectra"] for f in folds.values()]
    for name in ("pt", "weight"):
        np.testing.assert_array_equal(np.sort(seen[name]), np.sort(expected[name]))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("balance", [True, False], ids=["balanced", "by cross section"])
def test_the_weights_of_an_epoch_add_up_to_its_number_of_events(model, balance, toy):
    for fold in range(3):
        seen = streamed(toy, model, fold, class_balance=balance)

        assert seen["weight"].sum() == pytest.approx(len(seen["weight"]), rel=1e-5)
        if balance:
            assert seen["weight"][seen["is_signal"]].sum() == pytest.approx(len(seen["weight"]) / 2, rel=1e-5)


def test_no_bin_has_more_than_the_largest_weight(toy):
    seen = streamed(toy, "limited_absolute", 0)
    plain = streamed(toy, "none_absolute", 0)
    order, plain_order = np.argsort(seen["pt"]), np.argsort(plain["pt"])

    factor = seen["weight"][order] / plain["weight"][plain_order]

    assert factor.max() == pytest.approx(1.5, rel=1e-5)
    heights = spectrum(seen, True, "one")
    limited = heights < 0.999 * heights.max()
    assert limited.any()
    np.testing.assert_allclose(heights[~limited], heights.max(), rtol=1e-5)


def test_spectra_are_kept_once_for_the_same_bins_and_not_at_all_without(toy):
    spectra = toy.summary.content["folds"]["0"]["spectra"]

    # And cut finer: the one along pt, the other along each of its variables.
    shapes = [dict(zip(s["variables"], (len(edges) - 1 for edges in s["edges"]), strict=True)) for s in spectra.values()]
    assert shapes == [{"pt": 4}, {"jet.eta": 3, "pt": 4}, {"pt": 100}, {"jet.eta": 75, "pt": 4}, {"jet.eta": 3, "pt": 100}]
    assert all(set(section["sums"]) == set(POLICIES) for section in spectra.values())
    assert all(set(sums) == {"0.2"} for section in spectra.values() for sums in section["sums"].values())


def test_the_analysis_without_flattening_keeps_no_spectra(tmp_path, pytestconfig, make_nano, monkeypatch):
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    monkeypatch.chdir(tmp_path)
    analysis = load_analysis("config/toy.yaml")

    summarise(analysis, make_plan(analysis, {n: [f"{n}.root"] for n in "sb"}, reads=["MET_pt"]), tmp_path / "summary.json")

    content = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert "spectra" not in content["folds"]["0"]


def changed(toy, **flatten):
    return toy.analysis.model_copy(
        update={
            "models": {"m": toy.analysis.models["one_keep"].model_copy(update={"training": {"negative_weights": "keep"}})},
            "training": toy.analysis.training.model_validate({"flatten": flatten}),
        }
    )


def test_an_unknown_variable_is_told_before_anything_is_trained(toy, tmp_path):
    with pytest.raises(InputError, match=r"gives no observable or input 'jet\.pr'\. Nearest: 'jet\.pt'.*training\.flatten"):
        summarise(changed(toy, variables={"jet.pr": PT}), toy.plan, tmp_path / "summary.json")

    assert [path.name for path in tmp_path.iterdir()] == ["failed"]  # no summary, and why


def test_a_bin_of_negative_sum_is_told_before_anything_is_trained(toy, tmp_path):
    # Bins of about one event each: in one of eight the weight is negative.
    fine = {"bins": 1000, "start": 20.0, "stop": 60.0}

    with pytest.raises(
        InputError, match=r"^Model 'm', fold 0: Class '[sb]' has sum of weights -.* pb in bin pt .* of training\.flatten"
    ):
        summarise(changed(toy, variables={"pt": fine}), toy.plan, tmp_path / "summary.json")

    assert [path.name for path in tmp_path.iterdir()] == ["failed"]  # no summary, and why


def test_bins_that_only_one_class_fills_are_warned_of(toy, tmp_path, caplog):
    with uproot.open(toy.folder / "b.root") as b, uproot.open(toy.folder / "c.root") as c:
        hardest = max(float(file["Events"]["MET_pt"].array(library="np").max()) for file in (b, c))
    edges = [20.0, 30.0, 40.0, 60.0, hardest + 1, hardest + 2]

    with caplog.at_level(logging.WARNING):
        summarise(changed(toy, variables={"pt": {"edges": edges}}), toy.plan, tmp_path / "summary.json")

    assert "1 of 5 bins of training.flatten have training events of some classes only" in caplog.text
    assert "without 'b'" in caplog.text


def test_a_model_learns_less_from_what_was_flattened(toy, pytestconfig, monkeypatch):
    monkeypatch.chdir(toy.folder)
    (toy.folder / "models").symlink_to(pytestconfig.rootpath / "models")
    losses = {}

    for model in ("one_absolute", "none_absolute"):
        out = toy.folder / f"results/flat/models/{model}/fold0"
        train(toy.analysis, toy.plan, toy.summary, model=model, fold=0, out=out)
        with (out / "history.csv").open(encoding="utf-8") as file:
            losses[model] = min(float(row["val_loss"]) for row in csv.DictReader(file))

    # ln 2 is that of a guess. What is left is the spectrum within the wide bins.
    gain = {model: np.log(2) - loss for model, loss in losses.items()}
    assert gain["none_absolute"] > 0.03
    assert gain["one_absolute"] < 0.3 * gain["none_absolute"]
