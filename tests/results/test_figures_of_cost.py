"""Accuracy against cost, and against the number of training events: in figures and in the report."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.config import Analysis
from pipeline.results.figures import cost, roc, sizes
from pipeline.results.figures.products import read_products
from pipeline.results.report_models import model_tables
from pipeline.results.report_tables import flattening_table, metrics_table
from tests.results.conftest import made_metrics


def number(value, stat=0.01):
    return {"value": value, "stat": stat}


def with_curve(analysis):
    """The analysis with a learning curve of one model, and costs."""
    content = analysis.model_dump()
    content["task"] |= {"costs": "jets"}
    return Analysis.model_validate({**content, "learning_curve": {"models": ["dnn"], "percent": [10]}})


def entries(analysis):
    found = {}
    for place, model in enumerate(analysis.models):
        costs = {"parameters": 1000 * (place + 1), "train_seconds": number(60.0 + place, 1.0)}
        costs |= {"jets_per_second": number(5000.0 / (place + 1), 100.0), "n_train": [100 * (place + 1), 102 * (place + 1)]}
        aucs = {"before": [0.66412, 0.6649], "after": [0.50002, 0.49998]}
        found[model] = {**made_metrics("bdt", 0.9 - 0.02 * place), **costs, "flattening": {"mass": aucs}, "paired": {}}
    return found


@pytest.fixture
def products(analysis, results_dir):
    one = with_curve(analysis)
    read = read_products(analysis, results_dir)
    rocs = {**read.rocs, "dnn_10pct": replace(read.rocs["dnn"], label="small")}
    return replace(read, analysis=one, metrics=entries(one), rocs=rocs)


def points(axes):
    return [(c.lines[0].get_xdata().tolist(), c.lines[0].get_ydata().tolist()) for c in axes.containers]


def test_each_model_is_a_point_against_its_size_and_its_speed(products):
    drawings = list(cost.drawings(products))
    left, right = drawings[0].draw().axes

    assert [drawing.name for drawing in drawings] == ["cost_auc", "cost_rejection"]
    assert points(left) == [([1000.0], [0.9]), ([2000.0], [0.88])]
    assert [x for (x,), _ in points(right)] == [5000.0, 2500.0]
    assert (left.get_xscale(), right.get_xscale(), right.get_xlabel()) == ("log", "log", "Jets per second and core")
    assert right.get_legend_handles_labels()[1] == ["DNN, $\\Delta\\phi$", "bdt"]
    assert drawings[1].draw().axes[0].get_yscale() == "log"


def test_a_learning_curve_goes_from_few_events_to_all(products):
    drawings = list(sizes.drawings(products))
    axes = drawings[0].draw().axes[0]

    assert [drawing.name for drawing in drawings] == ["learning_curve_auc", "learning_curve_rejection"]
    # 10 % has made-up numbers of the third model here, all of it those of the first.
    assert points(axes) == [([303.0, 101.0], [pytest.approx(0.86), 0.9])]
    assert axes.get_xlabel() == "Training events"


def test_models_of_a_learning_curve_are_left_out_of_the_comparison_of_models(products):
    axes = next(roc.drawings(products)).draw().axes[0]

    assert len(axes.get_legend_handles_labels()[1]) == 2
    assert set(products.whole()) == {"dnn", "bdt"}
    paired = dict(model_tables(products.analysis, products.metrics))["Paired differences of AUC"]
    assert len(paired.rows) == 2


def test_without_costs_and_curve_there_are_no_such_figures(analysis, results_dir):
    products = read_products(analysis, results_dir)

    assert list(cost.drawings(products)) == list(sizes.drawings(products)) == []


def test_names_of_the_figures_are_kept_from_histograms(products):
    found = {drawing.name for kind in (cost, sizes) for drawing in kind.drawings(products)}

    assert found <= {name for name, _ in products.analysis.task.names([])}


def test_one_table_has_accuracy_and_cost(products):
    table = metrics_table(products.analysis, products.metrics)
    cells = dict(zip(table.columns[1:], table.rows[1].cells, strict=True))

    assert cells["AUC"] == "0.880 ± 0.011"
    assert (cells["Training events"], cells["Parameters"]) == ("202", "2,000")
    assert (cells["Training [s]"], cells["Jets / s"]) == ("61.0 ± 1.0", "2,500 ± 100")
    assert "one thread" in table.caption


def test_the_table_has_no_columns_of_costs_that_nobody_measured(analysis):
    plain = metrics_table(analysis, {"dnn": made_metrics("bdt", 0.9), "bdt": made_metrics("dnn", 0.88)})

    assert plain.columns[-1] == "Test events"
    assert "thread" not in plain.caption


def test_what_flattened_variables_tell_is_told_once_for_all_models_that_agree(products):
    table = flattening_table(products.analysis, products.metrics)

    assert [(row.head, *row.cells[:2]) for row in table.rows] == [("mass", "0.664 – 0.665", "0.500")]
    assert table.rows[0].cells[2].count(",") >= 2


def test_a_model_without_a_measured_rejection_is_drawn_without_a_point(products):
    limit = {"value": None, "stat": None, "lower_limit": 9.0, "limit_cl": 0.95}
    metrics = {m: {**e, "rejection": {**e["rejection"], "0.5": limit}} for m, e in products.metrics.items()}
    figure = list(cost.drawings(replace(products, metrics=metrics)))[1].draw()
    figure.canvas.draw()

    assert np.isnan(points(figure.axes[0])[0][1]).all()
