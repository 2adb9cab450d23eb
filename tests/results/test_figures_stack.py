import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.results.figures.binned import Binned, Layer
from pipeline.results.figures.stack import draw_stack, garwood, magnification, ratio_range
from pipeline.results.figures.style import Header

EDGES = np.array([0.0, 10.0, 20.0, 30.0])
MC = Header(13.0, 138.0)
DATA = Header(13.0, 138.0, has_data=True)


def layer(label, values, edges=EDGES):
    return Layer(label, "#3f90da", Binned(edges, np.array(values, dtype=float), np.array(values, dtype=float)))


def stack(*layers, header=MC, **options):
    return draw_stack(layers, x="mass [GeV]", y="Events / 10 GeV", header=header, **options)


def steps(axes):
    return {patch.get_label(): patch.get_data() for patch in axes.patches}


def points(axes):
    """x, y, lower and upper end of each error bar."""
    (container,) = axes.containers
    line, _, (bars,) = container.lines
    return [(x, y, *segment[:, 1]) for x, y, segment in zip(*line.get_data(), bars.get_segments(), strict=True)]


def test_layers_lie_on_each_other_with_the_smallest_at_the_bottom():
    drawn = steps(stack(layer("large", [10, 20, 30]), layer("small", [1, 2, 3])).axes[0])

    assert drawn["small"].values.tolist() == [1, 2, 3]
    assert drawn["large"].values.tolist() == [11, 22, 33]
    assert drawn["large"].baseline.tolist() == [1, 2, 3]


def test_the_band_is_the_error_of_the_sum():
    band = steps(stack(layer("a", [9, 0, 4]), layer("b", [7, 0, 5])).axes[0])["MC stat. unc."]

    assert band.values.tolist() == [16 + 4, 0, 9 + 3]
    assert band.baseline.tolist() == [16 - 4, 0, 9 - 3]


def test_a_rare_signal_is_enlarged_and_says_so():
    figure = stack(layer("background", [1000, 2000, 500]), signals=[layer("signal", [0, 0, 2])])
    drawn = steps(figure.axes[0])

    assert drawn["signal $\\times$ 100"].values.tolist() == [0, 0, 200]
    assert drawn["background"].values.tolist() == [1000, 2000, 500]


def test_a_signal_on_a_log_axis_keeps_its_size():
    drawn = steps(stack(layer("background", [1000, 2000, 500]), signals=[layer("signal", [0, 0, 2])], log=True).axes[0])

    assert drawn["signal"].values.tolist() == [0, 0, 2]


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_an_enlarged_signal_stays_below_its_target_within_a_factor_of_ten(peak, target):
    factor = magnification(peak, target)

    assert factor == 1 or peak * factor <= target * (1 + 1e-6)
    assert peak * factor * 10 > target * (1 - 1e-6)


def test_data_points_carry_the_known_garwood_intervals():
    data = Binned(EDGES, np.array([0.0, 4.0, 10.0]), np.array([0.0, 4.0, 10.0]))

    # F. Garwood's intervals at 68.27 % as they are tabulated, for example by the CMS statistics committee.
    np.testing.assert_allclose(garwood(data), [[0, 1.914, 3.109], [1.841, 3.163, 4.267]], atol=6e-4)


def test_the_ratio_is_data_over_the_sum_bin_by_bin():
    data = Binned(EDGES, np.array([12.0, 9.0, 4.0]), np.array([12.0, 9.0, 4.0]))
    layers = [layer("a", [4, 6, 0]), layer("b", [6, 4, 0])]
    main, ratio = stack(*layers, header=DATA, data=data).axes

    down, up = garwood(data) / 10
    assert points(ratio)[0] == pytest.approx((5.0, 1.2, 1.2 - down[0], 1.2 + up[0]))
    assert points(ratio)[1] == pytest.approx((15.0, 0.9, 0.9 - down[1], 0.9 + up[1]))
    assert len(points(ratio)) == 2  # where nothing is expected there is no ratio
    assert main.get_xlabel() == ""
    assert (ratio.get_xlabel(), ratio.get_ylabel()) == ("mass [GeV]", "Data / MC")


def test_a_point_beyond_the_ratio_panel_becomes_a_triangle():
    edges = np.arange(7.0)
    data = Binned(edges, np.array([100.0, 100, 100, 100, 100, 900]), np.full(6, 100.0))
    ratio = stack(layer("a", [100.0] * 6, edges), header=DATA, data=data).axes[1]

    triangles = [line for line in ratio.lines if line.get_marker() == "^"]
    assert ratio.get_ylim() == (0.5, 1.5)
    assert [line.get_xdata().tolist() for line in triangles] == [[5.5]]
    assert triangles[0].get_ydata().tolist() == [1.5]


def test_an_empty_count_is_shown_where_events_were_expected_and_only_there():
    data = Binned(EDGES, np.array([0.0, 3.0, 0.0]), np.array([0.0, 3.0, 0.0]))
    main = stack(layer("a", [2, 2, 0]), header=DATA, data=data).axes[0]

    assert [point[0] for point in points(main)] == [5.0, 15.0]


def test_data_alone_have_no_ratio_panel():
    data = Binned(EDGES, np.array([1.0, 3.0, 2.0]), np.array([1.0, 3.0, 2.0]))

    assert len(stack(header=DATA, data=data).axes) == 1


def test_bins_of_different_widths_are_drawn_per_width():
    edges = np.array([0.0, 10.0, 20.0, 40.0])
    data = Binned(edges, np.array([10.0, 10.0, 20.0]), np.array([10.0, 10.0, 20.0]))
    main = stack(layer("a", [10, 10, 20], edges), header=DATA, data=data).axes[0]

    assert steps(main)["a"].values.tolist() == [1, 1, 1]
    assert [point[1] for point in points(main)] == [1, 1, 1]


@pytest.mark.parametrize("log", [False, True], ids=["linear", "log"])
@pytest.mark.parametrize("values", [[0, 0, 0], [-1, 5, -2]], ids=["empty", "negative"])
def test_empty_and_negative_bins_are_drawn_without_warnings(values, log):
    negative = Layer("a", "red", Binned(EDGES, np.array(values, dtype=float), np.full(3, 4.0)))
    figure = stack(negative, log=log)
    figure.canvas.draw()

    low, high = figure.axes[0].get_ylim()
    assert low < high


def test_drawing_leaves_nothing_behind():
    before = dict(matplotlib.rcParams)
    stack(layer("a", [1, 2, 3]))

    assert before == dict(matplotlib.rcParams)
    assert plt.get_fignums() == []


def test_a_note_tells_how_much_lies_outside_the_axis():
    outside = Layer("a", "red", Binned(EDGES, np.array([90.0, 0, 0]), np.array([90.0, 0, 0]), outside=10.0))
    texts = [text.get_text() for text in stack(outside).axes[0].texts]

    assert "up to 10.0% of a process outside the axis" in texts


def test_without_data_the_figure_is_marked_as_simulation():
    texts = [text.get_text() for text in stack(layer("a", [1, 2, 3])).axes[0].texts]

    assert texts == ["nanoloom", "Simulation", "138 fb$^{-1}$ (13 TeV)"]


def test_the_ratio_range_holds_four_points_in_five():
    assert ratio_range(np.array([1.0, 1.1, 0.9, 1.2, 7.0])) == (0.5, 1.5)
    assert ratio_range(np.array([1.0, 1.1, 0.9, 6.0, 7.0])) == (0.0, 20.0)
    assert ratio_range(np.array([np.nan])) == (0.5, 1.5)
