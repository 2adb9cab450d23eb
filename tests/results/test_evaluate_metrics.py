"""What `evaluate` says of models: areas, accuracy, curves, overtraining and costs."""

import math

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.files import write_json
from pipeline.results.evaluate import evaluate
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.hashing import mix64
from pipeline.statistics.sums import Quantum
from pipeline.tasks.score_entries import Seen
from tests.results.made_counts import DATASETS, SELECTED, SUMW, SUMW2, analysis_of, content, softmax, write_counts


@pytest.fixture(scope="module")
def analysis():
    return analysis_of()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, analysis):
    folder = tmp_path_factory.mktemp("made")
    write_counts(analysis, folder)
    evaluate(analysis, folder, sumw=SUMW, sumw2=SUMW2)
    return folder


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


def asking_for_costs(rows):
    return analysis_of(
        task={"kind": "classification", "classes": {"tt": ["tt"], "hh": ["hh"]}, "signal": "hh", "costs": rows}
    )


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


def test_one_event_a_class_is_enough_to_be_honest(analysis, tmp_path):
    write_counts(analysis, tmp_path, {**SELECTED, "tt_a": 1, "tt_b": 0, "hh": 1})
    evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)

    rejection = content(tmp_path, "metrics")["good"]["rejection"]["0.5"]
    assert rejection["value"] is None
    assert rejection["lower_limit"] == pytest.approx(1 / 2.996, rel=1e-3)
