"""What is said by a summary of another configuration or processor, and how it gives the scales out."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.learning.train import train
from pipeline.stream.summary import Summary, made_for
from tests.toy_analysis import ANALYSIS, PROCESSOR, make_toy, write_toy

# A second feature, a thousand times the first.
TWO = PROCESSOR.replace('{"met": value}', '{"met": value, "high": 1000 * value}')
INPUTS = {"all": {"event": ["met", "high"]}}


def run(*command):
    return CliRunner().invoke(main, [*command, "--config", "config/toy.yaml"], catch_exceptions=False)


@pytest.fixture
def toy(tmp_path, monkeypatch, make_nano, pytestconfig):
    """A folder with plan and summary of an analysis with two inputs."""
    monkeypatch.chdir(tmp_path)
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    (tmp_path / "processors/toy.py").write_text(TWO, encoding="utf-8")
    write_toy(tmp_path, inputs=INPUTS)
    for stage in ("plan", "summarise"):
        assert run(stage).exit_code == 0
    return tmp_path


def refused(result, what):
    assert result.exit_code == 2, result.output
    assert f"summary.json of 'toy' was made with other {what}. Expected those of config/toy.yaml" in result.output
    assert "Run the stage 'summarise' again." in result.output


CHANGES = {
    "swapped features": ({"inputs": {"all": {"event": ["high", "met"]}}}, "inputs"),
    "another input set": ({"inputs": {**INPUTS, "more": {"event": ["met"]}}}, "inputs"),
    "validation_fraction": ({"training": {"validation_fraction": 0.31}}, "validation fractions or flattening"),
    "flatten": (
        {"training": {"flatten": {"variables": {"met": {"bins": 2, "start": 0.0, "stop": 90.0}}}}},
        "validation fractions or flattening",
    ),
    "folds": ({"folds": 3}, "folds"),
    "selection": ({"selection": {"met_min_gev": 12.0}}, "selection"),
    "a dataset's repeated_events": (
        {"datasets": {**ANALYSIS["datasets"], "b": {**ANALYSIS["datasets"]["b"], "repeated_events": "keep"}}},
        "datasets",
    ),
    "two changes": ({"folds": 3, "selection": {"met_min_gev": 12.0}}, "folds, selection"),
}


@pytest.mark.parametrize("changes", CHANGES)
def test_the_summary_of_another_configuration_is_refused_by_every_stage_that_reads_it(changes, toy):
    edit, what = CHANGES[changes]
    write_toy(toy, **{"inputs": INPUTS, **edit})

    for command in (["train", "--model", "m", "--fold", "0"], ["score", "--dataset", "s"], ["evaluate"]):
        refused(run(*command), what)


def test_the_summary_of_another_processor_is_refused(toy):
    (toy / "processors/toy.py").write_text(TWO.replace("1000 *", "100 *"), encoding="utf-8")

    refused(run("train", "--model", "m", "--fold", "0"), "processor code")


@pytest.mark.parametrize(
    "edit",
    [
        {"title": "Other"},
        {"training": {"epochs": 3, "batch_size": 7}},
        {"models": {**ANALYSIS["models"], "n": ANALYSIS["models"]["m"]}},
        {"datasets": {**ANALYSIS["datasets"], "b": {**ANALYSIS["datasets"]["b"], "xsec_pb": 7.0}}},
        {"seed": 5},
    ],
    ids=["title", "training", "another model", "cross section", "seed"],
)
def test_what_the_summary_does_not_depend_on_may_change(edit, toy):
    before = made_for(load_analysis("config/toy.yaml"))
    write_toy(toy, **{"inputs": INPUTS, **edit})

    assert made_for(load_analysis("config/toy.yaml")) == before


def test_a_training_that_is_called_from_python_refuses_as_well(toy):
    summary = Summary.load("results/toy/summary.json")
    write_toy(toy, inputs={"all": {"event": ["high", "met"]}})

    with pytest.raises(InputError, match=r"^summary\.json of 'toy' was made with other inputs\."):
        train(load_analysis("config/toy.yaml"), SimpleNamespace(), summary, model="m", fold=0, out=toy / "out")


def test_a_summary_that_does_not_say_what_it_was_made_for_is_refused(toy):
    path = toy / "results/toy/summary.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["made_for"]

    with pytest.raises(InputError, match=r"made with other folds, selection, inputs, datasets, .*, processor code\."):
        Summary(content).check_made_for(load_analysis("config/toy.yaml"))


def test_scales_are_found_by_the_name_of_the_feature(toy):
    summary = Summary.load("results/toy/summary.json")
    write_toy(toy, inputs={"all": {"event": ["high", "met"]}})

    spec = summary.input_specs(load_analysis("config/toy.yaml"), "all", 0)["event"]

    assert spec.features == ("high", "met")
    np.testing.assert_allclose(spec.mean[0], 1000 * spec.mean[1], rtol=1e-6)
    np.testing.assert_allclose(spec.spread[0], 1000 * spec.spread[1], rtol=1e-6)


def test_the_parts_of_the_training_folds_add_up_to_what_was_selected(toy):
    content = Summary.load("results/toy/summary.json").content

    for dataset in "sb":
        for key in ("n_events", "sumw", "sumw_absolute", "sumw_positive", "sumw2"):
            for fold in content["folds"].values():
                parts = [fold["training"]["0.2"], fold["validation"]["0.2"], fold["test"]]
                total = sum(part[dataset][key] for part in parts)

                assert total == content["selected"][dataset][key]
                assert all(part[dataset]["n_events"] > 0 for part in parts)
