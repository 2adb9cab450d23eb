"""Several trainings of one model: their spread, and that nothing else is of more than the first."""

import pytest

from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.files import read_json, write_json
from pipeline.results.figures.products import read_products
from pipeline.results.report_models import best_of, model_tables
from pipeline.results.spread import repeats, with_spread

ADDED = """
  dnn_2: {architecture: dnn, inputs: all, again: dnn}
  dnn_3: {architecture: dnn, inputs: all, again: dnn}
histograms:"""


@pytest.fixture
def again(config_path):
    """The analysis with two more trainings of its network."""
    text = config_path.read_text(encoding="utf-8")
    config_path.write_text(text.replace("\nhistograms:", ADDED), encoding="utf-8")
    return load_analysis(config_path)


def number(value, stat=0.01):
    return {"value": value, "stat": stat}


def metrics_of(*aucs):
    names = ("dnn", "bdt", "dnn_2", "dnn_3")
    entry = {"n_test": 20, "rejection": {"0.3": number(None), "0.5": number(50.0)}, "paired": {"bdt": {"auc": number(0.1)}}}
    return {name: {**entry, "auc": number(auc)} for name, auc in zip(names, aucs, strict=True)}


def test_the_spread_is_that_of_a_single_training(again):
    spread = with_spread(again, metrics_of(0.80, 0.5, 0.82, 0.84))["dnn"]["spread"]

    assert spread["auc"] == {"mean": pytest.approx(0.82), "std": pytest.approx(0.02), "n": 3}
    assert spread["rejection"]["0.5"] == {"mean": 50.0, "std": 0.0, "n": 3}


def test_a_number_that_one_training_lacks_has_no_spread_and_differences_have_none(again):
    spread = with_spread(again, metrics_of(0.80, 0.5, 0.82, None))["dnn"]["spread"]

    assert set(spread) == {"rejection"}
    assert set(spread["rejection"]) == {"0.5"}


def test_a_model_that_was_trained_once_has_no_spread(again):
    found = with_spread(again, metrics_of(0.80, 0.5, 0.82, 0.84))

    assert [name for name, entry in found.items() if "spread" in entry] == ["dnn"]
    assert repeats(again) == {"dnn": ["dnn_2", "dnn_3"]}
    assert list(again.shown().models) == ["dnn", "bdt"]


def test_figures_are_of_the_first_training(again, results_dir):
    for name in ("metrics", "roc"):
        content = read_json(results_dir / f"{name}.json", made_by="evaluate")
        write_json(results_dir / f"{name}.json", {**content, "dnn_2": content["dnn"]})

    products = read_products(again.shown(), results_dir)

    assert set(products.metrics) == set(products.rocs) == set(products.histories) == {"dnn", "bdt"}


def test_the_report_has_one_row_for_all_trainings(again):
    metrics = with_spread(again, metrics_of(0.80, 0.5, 0.82, 0.84))
    for entry in metrics.values():
        entry |= {"accuracy": number(0.8)}

    tables = dict(model_tables(again, metrics))

    assert [row.head for row in tables[""].rows] == ["DNN, Δφ", "bdt"]
    (row,) = tables["Spread over trainings"].rows
    assert tables["Spread over trainings"].columns == ("Model", "Trainings", "rejection 0.5", "auc")
    assert row.cells == ("3", "50", "0.820 ± 0.020")
    assert "2 models" in best_of(again, metrics)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dnn_2: {architecture: dnn, inputs: all, again: dmn}", "'dmn' is not defined. .*dnn"),
        ("dnn_2: {architecture: dnn, inputs: all, again: dnn, options: {units: [8]}}", "make them the same"),
        ("dnn_2: {architecture: dnn, inputs: all, again: dnn_3}", "name that one"),
    ],
    ids=["unknown", "other options", "chain"],
)
def test_another_training_is_of_a_model_that_is_the_same(config_path, line, message):
    added = ADDED.replace("dnn_2: {architecture: dnn, inputs: all, again: dnn}", line)
    text = config_path.read_text(encoding="utf-8")
    config_path.write_text(text.replace("\nhistograms:", added), encoding="utf-8")

    with pytest.raises(InputError, match=message):
        load_analysis(config_path)
