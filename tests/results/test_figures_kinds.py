import numpy as np
import pytest

from pipeline.results.figures.binned import Binned, Layer
from pipeline.results.figures.losses import draw_losses
from pipeline.results.figures.products import History, RocLine
from pipeline.results.figures.roc import draw_efficiency, draw_rejection, rejection
from pipeline.results.figures.scores import draw_overtraining
from pipeline.results.figures.shape import draw_shape
from pipeline.results.figures.style import Header

HEADER = Header(13.0)
EDGES = np.array([0.0, 0.5, 1.0])


def layer(label, values):
    return Layer(label, "#3f90da", Binned(EDGES, np.array(values, dtype=float), np.array(values, dtype=float)))


def labels(axes):
    return axes.get_legend_handles_labels()[1]


def test_shapes_have_unit_area_whatever_their_yields():
    axes = draw_shape([layer("signal", [1, 3]), layer("background", [300, 100])], x="x", y="y", header=HEADER).axes[0]
    drawn = {patch.get_label(): patch.get_data().values.tolist() for patch in axes.patches}

    assert drawn["signal"] == [0.25, 0.75]
    assert drawn["background"] == [0.75, 0.25]


def test_an_empty_class_is_drawn_as_an_empty_shape():
    figure = draw_shape([layer("signal", [0, 0])], x="x", y="y", header=HEADER)
    figure.canvas.draw()

    assert figure.axes[0].get_ylim()[1] > 0


def test_test_points_lie_over_training_steps_with_their_p_value():
    axes = draw_overtraining(
        {"s": layer("signal", [10, 30])},
        {"s": layer("signal", [100, 300])},
        p_values={"s": 0.4321},
        x="score",
        y="y",
        header=HEADER,
    ).axes[0]
    (container,) = axes.containers

    assert container.lines[0].get_ydata().tolist() == [0.25, 0.75]
    assert axes.patches[0].get_data().values.tolist() == [0.25, 0.75]
    assert labels(axes) == ["signal (train)", "signal (test), p = 0.43"]
    assert axes.get_yscale() == "log"


def test_a_tiny_p_value_is_a_bound_and_a_missing_one_is_left_out():
    tests = {"s": layer("signal", [1, 3]), "b": layer("background", [3, 1])}
    axes = draw_overtraining(tests, {}, p_values={"s": 1e-8, "b": None}, x="score", y="y", header=HEADER).axes[0]

    assert labels(axes) == ["signal (test), p < 0.001", "background (test)"]


def roc_line(bkg_eff, low, high):
    return RocLine("DNN", np.linspace(0, 1, len(bkg_eff)), *(np.array(a) for a in (bkg_eff, low, high)), 0.92685, 0.00827)


def test_rejection_is_one_over_the_background_efficiency():
    axes = draw_rejection([roc_line([0.01, 0.1, 1.0], [0.005, 0.08, 1.0], [0.02, 0.12, 1.0])], header=HEADER).axes[0]

    assert axes.lines[0].get_ydata().tolist() == pytest.approx([100, 10, 1])
    assert labels(axes) == ["DNN (AUC 0.927 ± 0.008)"]


def test_where_no_background_is_left_the_curve_ends_and_its_band_runs_out_of_the_figure():
    figure = draw_rejection([roc_line([0.0, 0.1, 1.0], [0.0, 0.0, 1.0], [0.05, 0.2, 1.0])], header=HEADER)
    axes = figure.axes[0]
    figure.canvas.draw()

    assert np.isnan(axes.lines[0].get_ydata()[0])
    assert axes.collections[0].get_datalim(axes.transData).ymax == pytest.approx(1.5 / 0.05)


def test_unknown_background_efficiencies_are_left_out():
    assert np.isnan(rejection(np.array([np.nan, 0.0]))).all()
    assert rejection(np.array([0.0]), limit=7.0).tolist() == [7.0]


def test_background_efficiency_is_drawn_as_it_is():
    axes = draw_efficiency([roc_line([0.01, 0.1, 1.0], [0.0, 0.1, 1.0], [0.02, 0.2, 1.0])], header=HEADER).axes[0]

    assert axes.lines[0].get_ydata().tolist() == [0.01, 0.1, 1.0]


def test_a_dot_marks_the_lowest_validation_loss_of_each_fold():
    history = History(np.array([1.0, 2, 3]), np.array([0.7, 0.5, 0.4]), np.array([0.7, 0.55, 0.6]))
    axes = draw_losses({0: history, 1: history}, x="Epoch", header=HEADER).axes[0]
    dots = [line for line in axes.lines if line.get_marker() == "o"]

    assert [(dot.get_xdata().tolist(), dot.get_ydata().tolist()) for dot in dots] == [([2.0], [0.55])] * 2
    assert labels(axes) == ["fold 0, training", "fold 0, validation", "fold 1, training", "fold 1, validation"]


def test_losses_that_are_not_finite_do_not_break_the_figure():
    history = History(np.array([1.0, 2]), np.array([np.nan, 0.5]), np.array([np.inf, np.nan]))
    figure = draw_losses({0: history}, x="Epoch", header=HEADER)
    figure.canvas.draw()

    assert np.isfinite(figure.axes[0].get_ylim()).all()
