from __future__ import annotations

import json
import math

import numpy as np
import pytest
import uproot

from pipeline.config import Analysis
from pipeline.errors import InputError
from pipeline.files import write_json
from pipeline.results.evaluate import evaluate
from pipeline.results.products import read_uhi, write_dataset_histograms
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.hashing import mix64
from pipeline.statistics.sums import Quantum
from pipeline.tasks.score_entries import Seen

DATASETS = {
    "tt_a": {"process": "tt", "files": ["a.root"], "xsec_pb": 20.0},
    "tt_b": {"process": "tt", "files": ["b.root"], "xsec_pb": 5.0},
    "hh": {"process": "hh", "files": ["c.root"], "xsec_pb": 0.1},
    "other": {"process": "other", "files": ["d.root"], "xsec_pb": 1.0},
    "data": {"process": "data", "files": ["e.root"], "is_mc": False},
}
SELECTED = {"tt_a": 800, "tt_b": 300, "hh": 600, "other": 50, "data": 70}
# How many standard deviations the score of a dataset's events is shifted by.
SHIFT = {"tt_a": 0.0, "tt_b": 0.5, "hh": 2.0, "other": 1.0, "data": 0.3}
SUMW = {name: 4.0 * n for name, n in SELECTED.items()}
SUMW2 = {name: 5.0 * n for name, n in SELECTED.items()}
PRODUCTS = ("metrics.json", "roc.json", "yields.json", "histograms.json", "histograms.root")


def analysis_of(**changes) -> Analysis:
    model = {"architecture": "dnn", "inputs": "all"}
    content = {
        "name": "made",
        "title": "Made",
        "processor": "made",
        "energy_tev": 13,
        "lumi_inv_fb": 2.0,
        "bootstrap_replicas": 50,
        "processes": {name: {"label": name} for name in ("tt", "hh", "other", "data")},
        "datasets": DATASETS,
        "histograms": {
            "mass": {"observable": "mass", "label": "m", "unit": "GeV", "bins": 10, "start": 0, "stop": 2},
            "pt": {"observable": "pt", "label": "p", "edges": [0, 0.5, 3]},
        },
        "inputs": {"all": {"event": ["mass"]}},
        "task": {"kind": "classification", "classes": {"tt": ["tt"], "hh": ["hh"]}, "signal": "hh"},
        "models": {"good": {**model, "label": "Good"}, "poor": model},
    }
    return Analysis.model_validate({**content, **changes})


def softmax(logits):
    return np.stack([1 / (1 + np.exp(logits)), 1 / (1 + np.exp(-logits))], axis=1).astype(np.float32)


def write_counts(analysis: Analysis, folder, selected=SELECTED, *, overtrained=0.0) -> None:
    """What the stage `score` leaves: one number an event in `mass`, from no to two in `pt`."""
    for number, (name, n) in enumerate(selected.items()):
        rng = np.random.default_rng(number)
        weights = np.ones(n) if name == "data" else rng.choice([1.0, 2.0, -0.5], n, p=[0.6, 0.3, 0.1])
        quantum = Quantum.of_typical_weight(1.2)
        histograms = DatasetHistograms.for_analysis(analysis, quantum)
        histograms.fill({"mass": rng.exponential(1, n), "pt": rng.exponential(1, n)}, weights)
        histograms.save(folder / "histograms" / f"{name}.npz")
        if not analysis.models:
            continue
        truth = rng.normal(SHIFT[name], 1, n)
        is_trained = name in analysis.trained_datasets()
        better = overtrained * (1 if name == "hh" else -1)
        test = {model: softmax(2 * truth - 2 + rng.normal(0, noise, n)) for model, noise in (("good", 0.5), ("poor", 3))}
        train = {
            model: softmax(2 * truth - 2 + better + rng.normal(0, noise, n)) for model, noise in (("good", 0.5), ("poor", 3))
        }
        counts = analysis.task.counts_for(analysis, name, quantum)
        true_class = list(analysis.task.classes).index(analysis.class_of(name)) if is_trained else None
        every = np.arange(n)
        seen = {model: Seen(every, scores) for model, scores in train.items()} if is_trained else {}
        counts.fill(test, seen, weights, mix64(every), true_class)
        counts.save(folder / "evaluations" / f"{name}.npz")


def content(folder, name):
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analysis_of()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, analysis):
    folder = tmp_path_factory.mktemp("made")
    write_counts(analysis, folder)
    evaluate(analysis, folder, sumw=SUMW, sumw2=SUMW2)
    return folder


def test_every_product_is_there_and_nothing_temporary(folder):
    assert sorted([*PRODUCTS, "evaluations", "histograms"]) == sorted(path.name for path in folder.iterdir())


def test_the_same_counts_give_the_same_bytes(folder, analysis, tmp_path):
    write_counts(analysis, tmp_path)
    evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)

    for name in PRODUCTS[:-1]:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("histogram", ["mass", "pt", "good_score", "poor_score"])
def test_integral_of_one_number_an_event_is_xsec_times_lumi_times_efficiency(folder, analysis, histogram):
    histograms = read_uhi(folder / "histograms.json")
    for name, row in content(folder, "yields")["datasets"].items():
        expected = row["yield"] if name == "data" else row["xsec_pb"] * 1000 * row["lumi_inv_fb"] * row["efficiency"]
        total = histograms[f"datasets/{name}/{histogram}"].sum(flow=True)

        assert expected == pytest.approx(total.value, rel=1e-9)
        assert row["yield"] == pytest.approx(total.value, rel=1e-9)
        assert row["yield_stat"] == pytest.approx(math.sqrt(total.variance), rel=1e-9)


def test_groups_are_sums_of_their_datasets(folder):
    histograms = read_uhi(folder / "histograms.json")
    groups = {
        "processes/tt": ["tt_a", "tt_b"],
        "classes/tt": ["tt_a", "tt_b"],
        "classes/hh": ["hh"],
        "mc": ["tt_a", "tt_b", "hh", "other"],
        "data": ["data"],
    }
    for group, members in groups.items():
        for histogram in ("mass", "pt", "good_score"):
            parts = [histograms[f"datasets/{name}/{histogram}"] for name in members]

            np.testing.assert_allclose(
                sum(h.values(flow=True) for h in parts), histograms[f"{group}/{histogram}"].values(flow=True)
            )
            np.testing.assert_allclose(
                sum(h.variances(flow=True) for h in parts), histograms[f"{group}/{histogram}"].variances(flow=True)
            )


def test_keys_are_those_of_the_groups(folder):
    keys = read_uhi(folder / "histograms.json").keys()
    groups = {key.rpartition("/")[0] for key in keys}

    assert groups == {
        *(f"datasets/{name}" for name in DATASETS),
        *(f"processes/{name}" for name in ("tt", "hh", "other", "data")),
        *("classes/tt", "classes/hh", "mc", "data"),
    }
    assert {key for key in keys if key.endswith("_train")} == {
        f"classes/{c}/{m}_score_train" for c in ("tt", "hh") for m in ("good", "poor")
    }


def test_root_file_and_json_hold_the_same_histograms(folder):
    histograms = read_uhi(folder / "histograms.json")
    with uproot.open(folder / "histograms.root") as file:
        names = {key for key, kind in file.classnames(cycle=False).items() if kind == "TH1D"}

        assert names == histograms.keys()
        for key, histogram in histograms.items():
            assert file[key].values(flow=True).tolist() == histogram.values(flow=True).tolist()
            assert file[key].variances(flow=True).tolist() == histogram.variances(flow=True).tolist()
        assert file["mc/mass"].member("fXaxis").member("fTitle") == "m [GeV]"


def test_metrics_of_both_models(folder):
    metrics = content(folder, "metrics")

    assert list(metrics) == ["good", "poor"]
    good = metrics["good"]
    assert good["n_test_by_class"] == {"tt": 1100, "hh": 600}
    assert good["n_test"] == 1700
    assert list(good["rejection"]) == ["0.3", "0.5", "0.7"]
    assert good["auc"]["value"] > metrics["poor"]["auc"]["value"] > 0.6
    assert 0 < good["auc"]["stat"] < 0.05
    assert 0.5 < metrics["poor"]["accuracy"]["value"] < good["accuracy"]["value"] < 1
    assert good["paired"]["poor"]["auc"]["value"] == good["auc"]["value"] - metrics["poor"]["auc"]["value"]
    assert good["paired"]["poor"]["auc"]["stat"] < math.hypot(good["auc"]["stat"], metrics["poor"]["auc"]["stat"])


def test_auc_weighs_datasets_by_cross_section(folder, analysis):
    counts = {name: np.load(folder / "evaluations" / f"{name}.npz") for name in ("tt_a", "tt_b", "hh")}
    table = {name: file["own/replicas"][:2000, 0].astype(float) for name, file in counts.items()}
    bkg = table["tt_a"] * 20 / SUMW["tt_a"] + table["tt_b"] * 5 / SUMW["tt_b"]
    below = np.cumsum(bkg) - bkg / 2
    expected = (table["hh"] * below).sum() / (table["hh"].sum() * bkg.sum())

    assert expected == pytest.approx(content(folder, "metrics")["good"]["auc"]["value"], abs=1e-12)


def test_accuracy_gives_each_class_the_same_weight(folder):
    accuracy = []
    for members in (("tt_a", "tt_b"), ("hh",)):
        files = {name: np.load(folder / "evaluations" / f"{name}.npz")["own/replicas"] for name in members}
        scales = {name: DATASETS[name]["xsec_pb"] / SUMW[name] for name in members}
        right = sum(scales[name] * files[name][2000, 0] for name in members)
        accuracy.append(right / sum(scales[name] * files[name][:2000, 0].sum() for name in members))

    assert np.mean(accuracy) == pytest.approx(content(folder, "metrics")["good"]["accuracy"]["value"], abs=1e-12)


def test_curve_rises_inside_its_band(folder):
    roc = content(folder, "roc")["good"]
    columns = {name: np.array(roc[name]) for name in ("sig_eff", "bkg_eff", "bkg_eff_low", "bkg_eff_high", "threshold")}

    assert (roc["label"], roc["signal"]) == ("Good", "hh")
    assert {len(column) for column in columns.values()} == {200}
    assert ((columns["bkg_eff_low"] <= columns["bkg_eff"]) & (columns["bkg_eff"] <= columns["bkg_eff_high"])).mean() > 0.95
    assert (np.diff(columns["threshold"]) <= 0).all()
    assert content(folder, "roc")["poor"]["label"] == "poor"


def test_scores_of_an_honest_model_are_compatible_and_those_of_an_overtrained_one_are_not(folder, analysis, tmp_path):
    write_counts(analysis, tmp_path, overtrained=1.0)
    evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)
    honest, overtrained = (content(place, "metrics")["good"]["overtraining"] for place in (folder, tmp_path))

    assert abs(honest["auc_difference"]["value"]) < 4 * honest["auc_difference"]["stat"]
    assert overtrained["auc_difference"]["value"] > 5 * overtrained["auc_difference"]["stat"]
    assert honest["ks"]["tt"]["p_value"] > 0.2
    assert overtrained["ks"]["tt"]["p_value"] < 1e-3
    assert overtrained["ks"]["tt"]["p_value_replicas"] == pytest.approx(1 / 51)


def test_both_samples_of_the_comparison_are_the_same_events(folder, tmp_path):
    analysis = analysis_of(models={"good": {"architecture": "dnn", "inputs": "all"}})
    rng = np.random.default_rng(1)
    for number, (name, n) in enumerate({**SELECTED, "tt_b": 0}.items()):
        quantum = Quantum.of_typical_weight(1.0)
        histograms = DatasetHistograms.for_analysis(analysis, quantum)
        histograms.fill({"mass": np.zeros(n), "pt": np.zeros(n)}, np.ones(n))
        histograms.save(tmp_path / "histograms" / f"{name}.npz")
        scores = softmax(rng.normal(number, 1, n))
        rows = np.arange(0, n, 4)
        seen = {"good": Seen(rows, scores[rows])} if name in analysis.trained_datasets() else {}
        counts = analysis.task.counts_for(analysis, name, quantum)
        counts.fill({"good": scores}, seen, np.ones(n), mix64(np.arange(n)), 0 if seen else None)
        counts.save(tmp_path / "evaluations" / f"{name}.npz")
    evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)

    metrics = content(tmp_path, "metrics")["good"]

    # The very same answers: neither the share of the events that is compared, nor who they are, makes a difference.
    assert metrics["overtraining"]["auc_train"] == metrics["overtraining"]["auc_test"] != metrics["auc"]
    assert metrics["overtraining"]["auc_difference"] == {"value": 0.0, "stat": 0.0}
    assert [test["statistic"] for test in metrics["overtraining"]["ks"].values()] == [0.0, 0.0]


def test_without_compared_events_in_a_class_there_is_no_comparison(tmp_path):
    analysis = analysis_of()
    write_counts(analysis, tmp_path)
    bare = analysis.task.counts_for(analysis, "hh", Quantum.of_typical_weight(1.2))
    scores = {model: softmax(np.linspace(-1, 3, 50)) for model in analysis.models}
    bare.fill(scores, {}, np.ones(50), mix64(np.arange(50)), 1)
    bare.save(tmp_path / "evaluations" / "hh.npz")
    evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)

    assert content(tmp_path, "metrics")["good"]["overtraining"] is None


def test_yields_of_processes_are_sums(folder):
    yields = content(folder, "yields")
    first, second = (yields["datasets"][name] for name in ("tt_a", "tt_b"))
    tt = yields["processes"]["tt"]

    assert tt["n_selected"] == 1100
    assert tt["yield"] == pytest.approx(first["yield"] + second["yield"])
    assert tt["yield_stat"] == pytest.approx(math.hypot(first["yield_stat"], second["yield_stat"]))
    assert yields["datasets"]["data"]["yield"] == 70.0
    assert yields["datasets"]["data"]["yield_stat"] == pytest.approx(math.sqrt(70))


def asking_for_costs(rows) -> Analysis:
    return analysis_of(task={"kind": "classification", "classes": {"tt": ["tt"], "hh": ["hh"]}, "signal": "hh", "costs": rows})


@pytest.mark.parametrize("rows", ["events", "jets"])
def test_costs_are_added_where_they_are_asked_for_and_change_nothing_else(rows, folder, tmp_path):
    """Times are never the same twice: without the word, `metrics.json` is the same bit by bit."""
    asking = asking_for_costs(rows)
    write_counts(asking, tmp_path)
    for model in asking.models:
        for fold, (seconds, speed) in enumerate([(10.0, 500.0), (12.0, 700.0)]):
            cost = {"n_parameters": 40 + fold, "train_seconds": seconds, "rows_per_second": speed}
            write_json(tmp_path / f"models/{model}/fold{fold}/cost.json", cost)
    evaluate(asking, tmp_path, sumw=SUMW, sumw2=SUMW2)

    expected = {
        "parameters": 40,
        "train_seconds": {"value": 11.0, "stat": pytest.approx(1.0)},
        f"{rows}_per_second": {"value": 600.0, "stat": pytest.approx(100.0)},
    }
    without = content(folder, "metrics")
    assert content(tmp_path, "metrics") == {model: entry | expected for model, entry in without.items()}


def test_costs_of_a_model_that_are_missing_are_named(tmp_path):
    asking = asking_for_costs("jets")
    write_counts(asking, tmp_path)

    with pytest.raises(InputError, match=r"models/good/fold0/cost\.json"):
        evaluate(asking, tmp_path, sumw=SUMW, sumw2=SUMW2)


def test_an_analysis_without_models_has_histograms_and_empty_metrics(tmp_path):
    plain = analysis_of(task=None, models={}, inputs={})
    write_counts(plain, tmp_path)
    evaluate(plain, tmp_path, sumw=SUMW, sumw2=SUMW2)

    assert (content(tmp_path, "metrics"), content(tmp_path, "roc")) == ({}, {})
    assert not any(key.startswith("classes/") for key in read_uhi(tmp_path / "histograms.json"))


def test_only_data_makes_no_group_of_simulation(tmp_path):
    plain = analysis_of(task=None, models={}, inputs={}, datasets={"data": DATASETS["data"]})
    write_counts(plain, tmp_path, {"data": 5})
    evaluate(plain, tmp_path, sumw=SUMW, sumw2=SUMW2)

    keys = read_uhi(tmp_path / "histograms.json").keys()
    assert {key.rpartition("/")[0] for key in keys} == {"datasets/data", "processes/data", "data"}


def test_a_class_without_selected_events_is_named(analysis, tmp_path):
    write_counts(analysis, tmp_path, {**SELECTED, "tt_a": 0, "tt_b": 0})

    with pytest.raises(InputError, match=r"Class 'tt' has 0 selected events .* in tt_a, tt_b\. .* config/made\.yaml\."):
        evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)


def test_one_event_a_class_is_enough_to_be_honest(analysis, tmp_path):
    write_counts(analysis, tmp_path, {**SELECTED, "tt_a": 1, "tt_b": 0, "hh": 1})
    evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)

    rejection = content(tmp_path, "metrics")["good"]["rejection"]["0.5"]
    assert rejection["value"] is None
    assert rejection["lower_limit"] == pytest.approx(1 / 2.996, rel=1e-3)


def test_scores_of_other_classes_ask_for_a_new_score(folder, analysis, tmp_path):
    three = analysis_of(
        task={"kind": "classification", "classes": {"tt": ["tt"], "hh": ["hh"], "o": ["other"]}, "signal": "hh"}
    )

    with pytest.raises(
        InputError, match=r"counted for classes \('tt', 'hh'\), but config/made\.yaml has .*Run the stage `score`"
    ):
        evaluate(three, folder, sumw=SUMW, sumw2=SUMW2)


def test_another_binning_asks_for_a_new_score(folder, analysis):
    axes = {name: axis.model_dump() for name, axis in analysis.histograms.items()}
    other = analysis_of(histograms={**axes, "mass": {**axes["mass"], "bins": 11}})

    with pytest.raises(
        InputError, match=r"Histogram 'mass' in .* is not the one of config/made\.yaml.*Run the stage `score` again\."
    ):
        evaluate(other, folder, sumw=SUMW, sumw2=SUMW2)


def test_a_missing_dataset_names_its_file(analysis, tmp_path):
    write_counts(analysis, tmp_path)
    (tmp_path / "evaluations" / "hh.npz").unlink()

    with pytest.raises(InputError, match=r"No .*evaluations/hh\.npz\."):
        evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)


def test_a_sum_of_weights_of_zero_is_an_error(folder, analysis):
    with pytest.raises(InputError, match=r"Sum of weights of dataset 'hh' is 0\."):
        evaluate(analysis, folder, sumw={**SUMW, "hh": 0.0}, sumw2=SUMW2)


def test_a_sum_of_weights_that_is_missing_is_an_error(folder, analysis):
    with pytest.raises(InputError, match=r"No sum of weights of dataset 'hh'\."):
        evaluate(analysis, folder, sumw={"tt_a": 1.0, "tt_b": 1.0}, sumw2=SUMW2)


def test_histograms_of_one_dataset_are_not_scaled(folder, analysis, tmp_path):
    histograms = DatasetHistograms.load(folder / "histograms" / "data.npz")
    write_dataset_histograms(tmp_path / "data.root", histograms, None)
    with uproot.open(tmp_path / "data.root") as file:
        assert file.keys(cycle=False) == ["mass", "pt"]
        assert file["mass"].values(flow=True).sum() == 70
