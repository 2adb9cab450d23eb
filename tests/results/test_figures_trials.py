"""The figures of a search: what is drawn where."""

import numpy as np
import pytest

from pipeline.results.figures.style import Header
from pipeline.results.figures.trials import Searched, draw_search, draw_trials

TRIALS = [
    ("complete", {1: 0.9, 2: 0.5, 3: 0.4}),
    ("pruned", {1: 1.2}),
    ("failed", {}),
    ("complete", {1: 0.8, 2: 0.3, 3: 0.35}),
]


def searched(name="options.x", *, values, ends, log=False, choices=False):
    return Searched(name, values, [0.4, 1.2, 0.3], [True, False, True], ends, log, choices)


def test_every_trial_is_a_line_and_the_legend_counts_them():
    figure = draw_trials(TRIALS, best=3, label="DNN", header=Header(13.0))
    (axes,) = figure.axes

    drawn = [list(line.get_ydata()) for line in axes.lines if len(line.get_ydata())]
    assert drawn == [[0.9, 0.5, 0.4], [0.8, 0.3, 0.35], [1.2], [0.8, 0.3, 0.35]]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["2 complete", "1 ended early", "1 failed", "best: trial 3"]
    assert axes.get_xlabel() == "Epoch of DNN"


def test_each_setting_has_a_panel_in_which_the_best_is_marked():
    settings = [
        searched("options.dropout", values=[0.1, 0.2, 0.5], ends=(0.0, 0.5)),
        searched("training.learning_rate", values=[0.01, 0.1, 0.001], ends=(1e-3, 1e-1), log=True),
        searched("options.units", values=[[8], "wide", [4, 4]], ends=([4, 4], [8], "wide"), choices=True),
    ]

    figure = draw_search(settings, header=Header(13.0))

    assert [axes.get_xlabel() for axes in figure.axes] == [setting.name for setting in settings]
    best = [axes.lines[-1].get_xydata().tolist() for axes in figure.axes]
    assert best == [[[0.5, 0.3]], [[0.001, 0.3]], [[0.0, 0.3]]]
    assert [axes.get_xscale() for axes in figure.axes] == ["linear", "log", "linear"]
    assert [tick.get_text() for tick in figure.axes[2].get_xticklabels()] == ["[4, 4]", "[8]", "wide"]
    for axes in figure.axes:
        low, high = axes.get_xlim()
        points = np.concatenate([line.get_xdata() for line in axes.lines])
        assert ((low < points) & (points < high)).all()


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_there_are_as_many_panels_as_settings(count):
    setting = searched(values=[1, 2, 3], ends=(1, 3))

    assert len(draw_search([setting] * count, header=Header(13.0)).axes) == count


def test_equal_losses_have_a_range_around_them():
    (axes,) = draw_trials([("complete", {1: 0.5})], best=0, label="m", header=Header(13.0)).axes

    low, high = axes.get_ylim()
    assert low < 0.5 < high
