"""What the report says of a regression: tables by class of events, and differences to the reference."""

import pytest

from pipeline.config import Analysis
from pipeline.results.report_models import best_of, model_tables
from tests.toy_regression import ANALYSIS, TASK


def number(value, stat=0.01):
    return {"value": value, "stat": stat}


def entry(width, event=None):
    found = {"efficiency": {"a": number(0.9)}, "bias": {"a_pt": number(0.001)}, "sigma68": {"a_pt": number(width)}}
    if event is not None:
        found["efficiency"]["event"] = number(event)
    return found


@pytest.fixture
def analysis():
    task = {**TASK, "objects": {"a": {"mass_gev": 1, "label": "$t_{had}$"}, "b": {"mass_gev": 1}}}
    models = {**ANALYSIS["models"], "both": {**ANALYSIS["models"]["both"], "label": "the <net>"}}
    return Analysis.model_validate({"name": "toy", **ANALYSIS, "task": task, "models": models})


@pytest.fixture
def metrics():
    """The network is better by 5 σ in the events of class full, and by 1 σ in all."""
    other = {**entry(0.2), "classes": {"full": entry(0.2), "rest": entry(0.3)}}
    own = {**entry(0.1, 0.7), "classes": {"full": entry(0.1, 0.8), "rest": entry(0.2)}}
    own["paired"] = {"measured": {"efficiency": {"a": number(0.0), "event": number(0.01)}}}
    own["classes"]["full"]["paired"] = {
        "measured": {"efficiency": {"event": number(0.05)}, "sigma68": {"a_pt": number(-0.1)}}
    }
    return {"both": own, "measured": other}


def test_there_is_a_table_for_each_part_of_each_class(analysis, metrics):
    titles = [title for title, _ in model_tables(analysis, metrics)]

    assert "σ68, all selected events" in titles
    assert "Efficiency, events of class full" in titles
    assert "Paired differences, events of class full" in titles
    assert not [title for title in titles if title.startswith("Jet of")]


def test_a_number_that_is_missing_is_a_dash(analysis, metrics):
    table = dict(model_tables(analysis, metrics))["Efficiency, all selected events"]

    assert table.columns[2] == "event"
    assert [row.cells[1] for row in table.rows] == ["0.700 ± 0.010", "–"]


def test_a_difference_above_three_errors_is_marked(analysis, metrics):
    tables = dict(model_tables(analysis, metrics))

    assert tables["Paired differences, events of class full"].rows[0].marked
    assert not tables["Paired differences, all selected events"].rows[0].marked


def test_a_negative_difference_has_a_minus(analysis, metrics):
    row = dict(model_tables(analysis, metrics))["Paired differences, events of class full"].rows[0]

    assert row.cells[-1] == "−0.100 ± 0.010"


def test_labels_are_escaped(analysis, metrics):
    table = dict(model_tables(analysis, metrics))["Efficiency, all selected events"]

    assert table.rows[0].head == "the &lt;net&gt;"
    assert "<sub>had</sub>" in table.columns[1]


def test_without_a_reference_there_are_no_differences(analysis, metrics):
    alone = analysis.model_copy(update={"task": analysis.task.model_copy(update={"reference": None})})

    assert not [title for title, _ in model_tables(alone, metrics) if title.startswith("Paired")]


def test_nothing_is_said_of_no_models(analysis):
    assert model_tables(analysis, {}) == []
    assert best_of(analysis, {}) == ""


def test_a_regression_has_no_best_auc(analysis, metrics):
    assert best_of(analysis, metrics) == " 2 models, each trained 2 times."
