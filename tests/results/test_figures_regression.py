"""What the figures of a regression show: the arrays behind spectra, residuals, responses, efficiencies and resolutions."""

import hist
import numpy as np
import pytest

from pipeline.results.figures.answers import draw_spectra
from pipeline.results.figures.binned import Binned
from pipeline.results.figures.performance import draw_efficiency, draw_resolution
from pipeline.results.figures.products import Matrix
from pipeline.results.figures.regressed import Curve
from pipeline.results.figures.residuals import draw_residuals, shown_range
from pipeline.results.figures.response import draw_responses
from pipeline.results.figures.style import Header

HEADER = Header(13.0)
EDGES = np.array([0.0, 0.5, 2.0])


def binned(values, edges=EDGES):
    array = np.array(values, dtype=float)
    return Binned(np.asarray(edges), array, array)


def labels(axes):
    return axes.get_legend_handles_labels()[1]


def test_the_ratio_is_answers_over_truth_and_open_where_there_is_no_truth():
    upper, lower = draw_spectra(binned([4, 0]), {"net": binned([6, 1])}, x="x", y="y", header=HEADER).axes
    (points,) = lower.containers

    assert labels(upper) == ["Truth", "net"]
    assert points.lines[0].get_ydata()[0] == 1.5
    assert np.isnan(points.lines[0].get_ydata()[1])
    # Bins of two widths: heights are per unit of the axis.
    assert upper.patches[0].get_data().values.tolist() == [8, 0]


def test_residuals_are_densities_of_unit_area():
    (axes,) = draw_residuals({"net": binned([30, 60]), "χ²": binned([1, 0])}, x="x", header=HEADER).axes
    drawn = {patch.get_label(): patch.get_data() for patch in axes.patches}

    for steps in drawn.values():
        assert (steps.values * np.diff(steps.edges)).sum() == pytest.approx(1)


def test_the_middle_of_the_residuals_is_shown():
    edges = np.linspace(-10, 10, 101)
    one = binned(np.where(np.abs(edges[:-1] + 0.1) < 1, 100, 0.001), edges)
    low, high = shown_range(one)

    assert -1.3 < low < -0.7
    assert 0.7 < high < 1.3


def test_each_true_value_s_answers_add_up_to_what_lies_on_the_axis():
    values = np.array(
        [[0, 0, 0, 0], [0, 3, 0, 0], [0, 1, 0, 0], [0, 4, 0, 1]], dtype=float
    )  # a row beyond, a column without truth
    shares = Matrix(EDGES, values).by_truth()

    assert shares[:, 0].tolist() == [3 / 8, 1 / 8]
    assert np.isnan(shares[:, 1]).all()


def test_a_response_has_a_panel_for_each_method():
    matrix = Matrix(EDGES, np.ones((4, 4)))
    figure = draw_responses({"net": matrix, "χ²": matrix, "trijet": matrix}, x="x", y="y", header=HEADER)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]

    assert [name for name in texts if name in ("net", "χ²", "trijet")] == ["net", "χ²", "trijet"]


def test_efficiencies_are_points_over_their_bins():
    lines = [
        Curve("net", np.array([0.5, np.nan]), np.array([0.1, np.nan])),
        Curve("χ²", np.array([0.4, 0.3]), np.full(2, 0.1)),
    ]
    (axes,) = draw_efficiency(lines, edges=EDGES, x="x", y="y", header=HEADER).axes

    assert labels(axes) == ["net", "χ²"]
    assert axes.containers[1].lines[0].get_xdata().tolist() == [0.25, 1.25]
    assert axes.containers[1].lines[0].get_ydata().tolist() == [0.4, 0.3]


def test_widths_lie_above_their_biases():
    width, bias = (Curve("net", np.array(values), np.full(2, 0.01)) for values in ([0.2, 0.3], [-0.05, 0.0]))
    upper, lower = draw_resolution([width], [bias], edges=EDGES, x="x", y="y", header=HEADER).axes

    assert upper.containers[0].lines[0].get_ydata().tolist() == [0.2, 0.3]
    assert lower.containers[0].lines[0].get_ydata().tolist() == [-0.05, 0.0]
    assert upper.get_ylim()[0] == 0


def test_a_curve_without_any_value_can_be_drawn():
    empty = Curve("net", np.full(2, np.nan), np.full(2, np.nan))
    figure = draw_resolution([empty], [empty], edges=EDGES, x="x", y="y", header=HEADER)
    figure.canvas.draw()

    assert figure.axes[0].get_ylim()[1] > 0


def test_a_histogram_in_two_dimensions_is_written_and_read(tmp_path):
    import uproot

    from pipeline.results.products import read_uhi, write_root, write_uhi

    filled = hist.Hist(hist.axis.Variable(EDGES), hist.axis.Variable(EDGES), storage=hist.storage.Weight())
    filled.fill([0.1, 1.0, 5.0], [0.1, 0.2, 0.3], weight=[1.0, 2.0, 4.0])
    write_root(tmp_path / "h.root", {"response/all/net": filled})
    write_uhi(tmp_path / "h.json", {"response/all/net": filled})

    with uproot.open(tmp_path / "h.root") as file:
        np.testing.assert_array_equal(file["response/all/net"].values(flow=True), filled.values(flow=True))
        np.testing.assert_array_equal(file["response/all/net"].variances(flow=True), filled.variances(flow=True))
    again = read_uhi(tmp_path / "h.json")["response/all/net"]
    np.testing.assert_array_equal(again.values(flow=True), filled.values(flow=True))
