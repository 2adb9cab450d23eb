"""Areas and rejections in bins of an observable, as they are drawn."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.results.figures.products import read_products
from pipeline.results.figures.regressed import Curve
from pipeline.results.figures.stability import draw_in_bins, drawings
from pipeline.results.figures.style import Header

EDGES = np.array([0.0, 10.0, 30.0])
POINTS = [{"value": 0.8, "stat": 0.01}, {"value": None, "stat": None, "lower_limit": 3.0, "limit_cl": 0.95}]


def line(values, errors, label="net"):
    return Curve(label, np.array(values), np.array(errors))


def drawn(*lines, **options):
    figure = draw_in_bins(lines, edges=EDGES, x="x", y="y", header=Header(13.0), **options)
    figure.canvas.draw()
    return figure.axes[0]


def test_each_point_is_in_its_bin_and_no_two_models_are_at_one_place():
    axes = drawn(*(line([0.5 + 0.1 * i, 0.9], [0.01, 0.02], f"m{i}") for i in range(4)))
    places = np.array([container.lines[0].get_xdata() for container in axes.containers])

    assert ((places > EDGES[:-1]) & (places < EDGES[1:])).all()
    assert len(np.unique(places)) == places.size
    assert axes.get_legend_handles_labels()[1] == ["m0", "m1", "m2", "m3"]


@pytest.mark.parametrize("log", [False, True])
def test_every_error_bar_is_inside_the_figure(log):
    axes = drawn(line([10.0, 200.0], [9.0, 50.0]), line([np.nan, 3.0], [np.nan, 1.0]), log=log)
    low, high = axes.get_ylim()

    assert low < 1.0
    assert high > 250.0


def test_an_axis_of_areas_has_no_numbers_above_one():
    """Also where the legend needs the space."""
    axes = drawn(*(line([0.8, 0.99], [0.01, 0.02], f"m{i}") for i in range(4)))

    assert axes.get_ylim()[1] > 1.05
    assert max(*axes.yaxis.get_majorticklocs(), *axes.yaxis.get_minorticklocs()) == pytest.approx(1)


@pytest.mark.parametrize("log", [False, True])
def test_bins_without_any_value_are_drawn_empty(log):
    assert np.isfinite(drawn(line([np.nan, np.nan], [np.nan, np.nan]), log=log).get_ylim()).all()


def test_every_observable_has_a_figure_of_areas_and_one_of_rejections(analysis, results_dir):
    products = read_products(analysis, results_dir)
    task = type(analysis.task).model_validate({**analysis.task.model_dump(), "against": {"mass": {"edges": EDGES.tolist()}}})
    curves = {"mass": {"edges": EDGES.tolist(), "auc": POINTS, "rejection": {"0.3": POINTS, "0.5": POINTS}}}
    asking = replace(
        products,
        analysis=analysis.model_copy(update={"task": task}),
        metrics={model: {**entry, "curves": curves} for model, entry in products.metrics.items()},
    )
    found = list(drawings(asking))

    assert [drawing.name for drawing in found] == ["auc_against_mass", "rejection_against_mass"]
    assert {name for name, _ in task.names([])} >= {drawing.name for drawing in found}
    axes = found[0].draw().axes[0]
    assert axes.get_xlabel() == "$m_{\\mu\\mu}$ [GeV]"
    np.testing.assert_array_equal(axes.containers[0].lines[0].get_ydata(), [0.8, np.nan])
    assert found[1].draw().axes[0].get_yscale() == "log"
    assert list(drawings(products)) == []
