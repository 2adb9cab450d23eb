"""All that models are compared by, from files to metrics and figures: costs, curves, sizes, and what flattening leaves."""

import json
from types import SimpleNamespace

import pytest

from pipeline.config import load_analysis
from pipeline.events.planning import make_plan
from pipeline.learning.score import score
from pipeline.learning.summarise import summarise
from pipeline.learning.train import train
from pipeline.results.evaluate import evaluate
from pipeline.results.figures.products import read_products
from pipeline.results.plot import list_drawings
from pipeline.results.report_models import model_tables
from pipeline.stream.summary import Summary
from tests.toy_analysis import ANALYSIS, make_toy, write_toy

MET = {"edges": [0.0, 200.0, 400.0, 700.0]}
CHANGES = {
    "task": {**ANALYSIS["task"], "costs": "events", "against": {"met": {"edges": [0, 200, 400, 700]}}},
    "training": {
        "epochs": 3,
        "learning_rate": 0.3,
        "flatten": {"variables": {"met": {"edges": [0.0, 200.0, 400.0, 700.0]}}},
    },
    "learning_curve": {"models": ["m"], "percent": [50]},
    "bootstrap_replicas": 10,
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory, make_nano, pytestconfig):
    """The analysis, its folder of results with everything up to `evaluate`, and the metrics."""
    folder = tmp_path_factory.mktemp("toy")
    make_toy(folder, pytestconfig.rootpath, make_nano, n_events=600, cluster_entries=200)
    write_toy(folder, **CHANGES)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        analysis = load_analysis("config/toy.yaml")
        plan = make_plan(analysis, {name: [f"{name}.root"] for name in "sb"}, reads=["MET_pt"])
        out = folder / "results/toy"
        summarise(analysis, plan, out / "summary.json")
        summary = Summary.load(out / "summary.json")
        for model in analysis.models:
            for fold in range(2):
                train(analysis, plan, summary, model=model, fold=fold, out=out / f"models/{model}/fold{fold}")
        for dataset in "sb":
            score(analysis, plan, dataset, out)
        sums = {"sumw": {n: plan.sumw(n) for n in "sb"}, "sumw2": {n: plan.dataset(n).sumw2 for n in "sb"}}
        evaluate(analysis, out, **sums, summary=summary)
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
        yield SimpleNamespace(analysis=analysis, out=out, metrics=metrics, summary=summary)


def test_each_model_has_its_size_its_time_and_its_speed(toy):
    assert set(toy.metrics) == {"m", "m_50pct"}
    for entry in toy.metrics.values():
        assert entry["parameters"] > 0
        assert entry["train_seconds"]["value"] > 0
        assert entry["events_per_second"]["value"] > 1000


def test_each_model_has_learned_from_as_many_events_as_it_says(toy):
    for model, entry in toy.metrics.items():
        for fold, n_train in enumerate(entry["n_train"]):
            record = json.loads((toy.out / f"models/{model}/fold{fold}/model.json").read_text(encoding="utf-8"))
            assert sum(record["events_seen"].values()) == n_train
    sizes = [sum(toy.metrics[model]["n_train"]) for model in ("m_50pct", "m")]
    assert sizes[0] / sizes[1] == pytest.approx(0.5, abs=0.1)


def test_both_sizes_are_tested_on_the_same_events(toy):
    assert toy.metrics["m"]["n_test"] == toy.metrics["m_50pct"]["n_test"] == 1200


def test_every_bin_has_an_area_and_flattened_variables_tell_nothing(toy):
    for entry in toy.metrics.values():
        assert [point["value"] is not None for point in entry["curves"]["met"]["auc"]] == [True] * 3
        assert entry["flattening"]["met"]["after"] == pytest.approx([0.5, 0.5], abs=0.02)


def test_the_figures_and_the_table_are_there(toy):
    names = [drawing.name for drawing in list_drawings(read_products(toy.analysis, toy.out))]
    table = model_tables(toy.analysis, toy.metrics)[0][1]

    assert {"cost_auc", "cost_rejection", "learning_curve_auc", "learning_curve_rejection"} <= set(names)
    assert {"auc_against_met", "rejection_against_met"} <= set(names)
    assert {"Training events", "Parameters", "Training [s]", "Events / s"} <= set(table.columns)
