"""The command line: help for everything, and one line for what a user can mend."""

import json
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from pipeline import cli
from pipeline.cli import main
from pipeline.config_schema import json_schema
from pipeline.errors import InputError, PipelineError
from tests.toy_analysis import make_toy, write_toy


@pytest.fixture
def toy(tmp_path, monkeypatch, make_nano, pytestconfig):
    """The folder of the analysis `toy`, as the working directory."""
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help_for_itself_and_each_option(command):
    result = run(command, "--help")

    assert result.exit_code == 0
    assert main.commands[command].help
    for parameter in main.commands[command].params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


def test_help_names_every_stage():
    output = run("--help").output

    stages = ("simulate", "fetch", "plan", "summarise", "tune", "train", "score", "evaluate", "plot", "report")
    for command in (*stages, "check"):
        assert f"\n  {command} " in output


@pytest.mark.parametrize(("error", "code"), [(InputError, 2), (PipelineError, 1)])
def test_an_error_of_the_pipeline_is_one_line(error, code, monkeypatch):
    def fail(config):
        raise error(f"Something is wrong with {config}. Expected better. Mend it.")

    monkeypatch.setattr(cli, "_analysis", fail)

    result = run("check", "toy.yaml")

    assert result.exit_code == code
    assert result.stderr == "error: Something is wrong with toy.yaml. Expected better. Mend it.\n"
    assert result.stdout == ""


def test_a_bug_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(cli, "_analysis", lambda config: config.no_such_attribute)

    result = run("check", "toy.yaml")

    assert result.exit_code == 1
    assert isinstance(result.exception, AttributeError)


def test_check_says_that_all_is_in_order(toy):
    result = run("check", "config/toy.yaml")

    assert result.output == "config/toy.yaml is in order: 2 datasets, 1 models.\n"
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"processor": "tyo"}, "No processors/tyo.py. Nearest: 'toy'"),
        ({"selection": {"met_min": 1.0}}, "selection.met_min: Extra inputs are not permitted"),
        ({"models": {"m": {"architecture": "bdt", "inputs": "all", "options": {"depth": 2}}}}, "models.m.options.depth"),
        ({"lumi_inv_fb": 0}, "lumi_inv_fb: Input should be greater than 0"),
    ],
    ids=["processor", "setting", "option", "value"],
)
def test_check_finds_what_would_stop_a_run(changes, message, toy):
    write_toy(toy, **changes)

    result = run("check", "config/toy.yaml")

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_configuration_is_told_with_the_nearest(toy):
    result = run("check", "config/tyo.yaml")

    assert (result.exit_code, result.stderr) == (
        2,
        "error: No config/tyo.yaml. Nearest: 'toy'. To add an analysis, write that file.\n",
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["score", "--dataset", "ss"], "Analysis 'toy' has no dataset 'ss'. Nearest: 's'."),
        (
            ["simulate", "--dataset", "ss", "--index", "0", "--output", "x"],
            "Analysis 'toy' has no dataset 'ss'. Nearest: 's'.",
        ),
        (["simulate", "--dataset", "s", "--index", "0", "--output", "x"], "Dataset 's' is not simulated."),
        (["simulate", "--dataset", "s", "--index", "0", "--events", "9", "--output", "x"], "Dataset 's' is not simulated."),
        (["fetch", "--dataset", "ss", "--output", "x"], "Analysis 'toy' has no dataset 'ss'. Nearest: 's'."),
        (["fetch", "--dataset", "s", "--output", "x"], "Dataset 's' is not fetched."),
        (["train", "--model", "mm", "--fold", "0"], "Analysis 'toy' has no model 'mm'. Nearest: 'm'."),
        (["train", "--model", "m", "--fold", "2"], "Fold 2 of 2 does not exist. Expected 0 to 1."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_name_that_does_not_exist_is_told(command, message, toy):
    for stage in ("plan", "summarise"):
        assert run(stage, "--config", "config/toy.yaml").exit_code == 0

    result = run(*command, "--config", "config/toy.yaml")

    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan"], "Missing option '--config'"),
        (["plan", "--config", "x", "--workers", "0"], "0 is not in the range x>=1"),
        (["train", "--config", "x", "--model", "m", "--fold", "-1"], "-1 is not in the range x>=0"),
        (["pln"], "No such command 'pln'"),
    ],
    ids=["no config", "no worker", "negative fold", "no command"],
)
def test_a_wrong_option_is_refused_before_anything_runs(arguments, message):
    result = run(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_schema_prints_the_json_schema():
    assert json.loads(run("schema").stdout) == json_schema()


def test_the_version_is_that_of_the_package():
    assert run("--version").output.split()[-1] == version("nanoloom")
