"""What docs/troubleshooting.md names is there."""

import re

import click
import pytest

from pipeline.cli import main


@pytest.fixture
def text(pytestconfig):
    return (pytestconfig.rootpath / "docs/troubleshooting.md").read_text(encoding="utf-8")


def test_every_command_that_is_named_exists_with_its_options(text):
    named = re.findall(r"python -m pipeline (\w+)((?: --\w+)*)", text)
    assert {name for name, _ in named} >= {"doctor", "explain", "plan", "check"}

    for name, options in named:
        known = {option for parameter in main.commands[name].params for option in parameter.opts}
        assert set(options.split()) <= known, name
    both = [
        {option for parameter in main.commands[name].params for option in parameter.opts} for name in ("doctor", "explain")
    ]
    assert all("--json" in options for options in both)
    assert {"--config"} <= both[0]
    assert {"--logs"} <= both[1]
    assert all(isinstance(command, click.Command) for command in main.commands.values())


def test_every_row_has_a_symptom_a_command_and_a_remedy(text):
    rows = [line for line in text.splitlines() if line.startswith("| ")]

    assert len(rows) > 10
    assert {line.replace("\\|", "").count("|") for line in rows} == {4}


@pytest.mark.parametrize(
    "words",
    [
        " is being run in this folder by ",
        "which was killed and has left its lock",
        "which cannot be seen from this machine",
        "Not unlocked: ",
        ".snakemake/running",
    ],
)
def test_the_words_that_it_quotes_are_those_of_the_code(words, text, pytestconfig):
    assert words in text
    assert words in (pytestconfig.rootpath / "pipeline/running.py").read_text(encoding="utf-8")
