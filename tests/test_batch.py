"""A batch system is told what every rule states, on the command line as well, and more of it when a job is tried again."""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from snakemake.resources import Resources

from pipeline.batch import FLAVOURS, TOLD, flavour, tell_batch_system
from pipeline.errors import InputError
from tests.toy_analysis import make_toy


def workflow(stated, profile, *, group=None, components=1):
    """A workflow with one rule, as Snakemake has it after reading rule and profile."""
    resources = Resources.parse([f"{name}={value}" for name, value in profile.items()], allow_expressions=True)
    resources.update(Resources.from_mapping(stated))
    rule = SimpleNamespace(name="simulate", group=group, resources=resources)
    settings = SimpleNamespace(overwrite_groups={}, group_components={"together": components})
    return SimpleNamespace(rules=[rule], group_settings=settings)


def told(given, *, attempt=1):
    """The resources of the rule as a job of this attempt has them."""
    tell_batch_system(given)
    known = {"input": [], "attempt": attempt, "threads": 2, "rulename": "simulate", "async_run": None}
    resources = given.rules[0].resources
    return {name: resource.evaluate(SimpleNamespace(), **known).value for name, resource in resources.items()}


PROFILE = {"memory": "{mem_mb}", "flavour": "{flavour}", "seconds": "{runtime_s}", "gpus": "{gpu}", "getenv": "'PATH,HOME'"}


def test_what_is_in_braces_becomes_what_the_rule_states():
    given = workflow({"mem_mb": 1500, "runtime": 30, "gpu": 1}, PROFILE)

    expected = {"memory": 1500, "flavour": "microcentury", "seconds": 1800, "gpus": 1, "getenv": "PATH,HOME"}
    assert expected.items() <= told(given).items()


def test_a_job_that_is_tried_again_gets_more_memory_and_time_and_nothing_else():
    given = workflow({"mem_mb": 1500, "runtime": 30, "gpu": 1}, PROFILE)

    expected = {"mem_mb": 4500, "memory": 4500, "runtime": 90, "flavour": "longlunch", "seconds": 5400, "gpus": 1}
    assert expected.items() <= told(given, attempt=3).items()


def test_what_a_rule_does_not_state_and_nought_are_not_passed():
    assert told(workflow({}, {"gpus": "{gpu}"}))["gpus"] is None
    assert told(workflow({"gpu": 0}, {"gpus": "{gpu}"}))["gpus"] is None


def test_a_group_gets_the_time_of_all_its_jobs_where_snakemake_does_not_add_it_up_itself():
    given = workflow({"mem_mb": 100, "runtime": 20}, {**PROFILE, "minutes": "{runtime}"}, group="together", components=20)

    expected = {"memory": 100, "flavour": "workday", "seconds": 20 * 20 * 60, "minutes": 20, "runtime": 20}
    assert expected.items() <= told(given).items()


def test_a_function_of_the_rule_is_called_for_every_job():
    given = workflow({"mem_mb": lambda wildcards, attempt: 100 + attempt}, {"memory": "{mem_mb}"})

    assert told(given, attempt=2)["memory"] == 102


def test_what_cannot_be_filled_in_is_named():
    given = workflow({"mem_mb": 1}, {"memory": "{memm_mb}"})

    with pytest.raises(InputError, match=r"has memory: \{memm_mb\}\. Nearest: 'mem_mb'.* Correct config.yaml"):
        tell_batch_system(given)


@given(minutes=st.integers(1, 7 * 24 * 60))
def test_a_flavour_lasts_long_enough_and_no_shorter_one_does(minutes):
    lasts = FLAVOURS[flavour(minutes)]

    assert minutes <= lasts
    assert all(most < minutes for most in FLAVOURS.values() if most < lasts)


@pytest.mark.parametrize("site", ["lxplus", "slurm"])
def test_a_profile_names_only_what_can_be_filled_in(site, pytestconfig):
    profile = pytestconfig.rootpath / "snakemake/profiles" / site / "config.yaml"
    defaults = yaml.safe_load(profile.read_text(encoding="utf-8"))["default-resources"]

    in_braces = {value.strip("{}") for value in map(str, defaults.values()) if "{" in value}
    assert in_braces == {"lxplus": {"mem_mb", "disk_mb", "gpu", "flavour"}, "slurm": set()}[site]
    assert in_braces <= set(TOLD)


def test_every_rule_states_memory_disk_and_time_and_passes_what_the_command_line_says(tmp_path, pytestconfig, make_nano):
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    for part in ("Snakefile", "pipeline", "snakemake"):
        (tmp_path / part).symlink_to(pytestconfig.rootpath / part)
    defaults = ("--default-resources", "memory={mem_mb}", "scratch='{disk_mb}'", "time={flavour}", "gpus={gpu}")
    asked = (*defaults, "--set-resources", "train:mem_mb=7", "train:gpu=1")
    output = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--cores", "2", *asked],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    _, *parts = re.split(r"^(?:local)?rule (\w+):$", output, flags=re.MULTILINE)
    resources = {rule: re.search(r"resources: (.*)", text)[1] for rule, text in zip(parts[::2], parts[1::2], strict=True)}
    del resources["all"]
    assert set(resources) == {"plan", "summarise", "train", "score", "evaluate", "plot", "report"}
    for text in resources.values():
        assert re.search(r"\bmemory=\d+, scratch=\d+, time=[a-z]+", text), text
    assert "memory=7, " in resources["train"]
    assert "gpus=1" in resources["train"]
    assert "gpus" not in resources["score"]
