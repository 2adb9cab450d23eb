"""All checks are made, none can stop another, and all of it is bounded in time."""

import json
import subprocess
import sys
import time

import pytest

from pipeline.errors import InputError
from pipeline.operations.doctor import check_names, examine, examine_by, has_fault, this_machine, to_json, to_text
from pipeline.operations.finding import fault, ok, warning
from pipeline.operations.machine import Machine
from tests.toy_analysis import make_toy, write_toy


def good(machine):
    yield ok("disk", "large")


def bad(machine):
    yield fault("disk", "full", "rm -r .scratch")


def broken(machine):
    yield warning("queue", "long", "wait")
    raise ZeroDivisionError("oops")


def hanging(machine):
    time.sleep(60)
    yield ok("server", "answers")


def test_faults_come_first_and_what_is_in_order_last():
    checks = {"a": good, "b": broken, "c": bad}

    assert [finding.status for finding in examine_by(checks, Machine(), seconds=5)] == ["fault", "warning", "warning", "ok"]


def test_a_check_that_breaks_is_told_beside_what_it_found_and_the_others():
    findings = examine_by({"my_queue": broken, "disk": good}, Machine(), seconds=5)

    assert [(finding.what, finding.found) for finding in findings] == [
        ("queue", "long"),
        ("my queue", "the check itself failed: ZeroDivisionError: oops"),
        ("disk", "large"),
    ]


def test_a_check_that_hangs_is_given_up_and_told():
    start = time.monotonic()

    late, fine = examine_by({"server": hanging, "disk": good}, Machine(), seconds=0.3)

    assert time.monotonic() - start < 5
    assert (late.status, late.what, late.found) == ("warning", "server", "no answer within 0.3 s")
    assert fine.found == "large"


def test_a_check_that_is_no_python_is_told(monkeypatch):
    (finding,) = examine(Machine(), names=["no_such_check"])

    assert finding.status == "warning"
    assert "ModuleNotFoundError" in finding.found


def test_only_a_fault_counts_as_one():
    assert has_fault(examine_by({"a": bad, "b": good}, Machine(), seconds=5))
    assert not has_fault(examine_by({"a": broken, "b": good}, Machine(), seconds=5))


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ({"a": good}, "All is in order."),
        ({"a": broken, "b": good}, "No fault, warnings: 2."),
        ({"a": broken, "b": bad}, "Faults: 1, warnings: 2. Mend the faults before a run."),
    ],
    ids=["good", "warnings", "fault"],
)
def test_the_table_ends_with_a_verdict(checks, verdict):
    findings = examine_by(checks, Machine(), seconds=5)

    assert to_text(findings).splitlines()[-1] == verdict
    assert [entry["what"] for entry in json.loads(json.dumps(to_json(findings)))] == [finding.what for finding in findings]


def test_every_check_answers_on_a_machine_that_has_nothing(tmp_path):
    """Without commands, without /proc and /sys, in an empty folder."""
    machine = Machine(folder=tmp_path, root=tmp_path / "nothing", environment={"PATH": str(tmp_path), "HOME": str(tmp_path)})
    names = [name for name in check_names() if name not in ("tensorflow", "onnxruntime", "xgboost")]

    findings = examine(machine, names=names, seconds=30)

    assert [finding for finding in findings if "itself failed" in finding.found or "no answer" in finding.found] == []
    assert [finding.what for finding in findings if finding.status == "fault"] == ["config"]


@pytest.fixture
def toy(tmp_path, monkeypatch, make_nano, pytestconfig):
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_analyses_of_the_folder_are_looked_at_or_that_which_is_named(toy):
    (toy / "config/broken.yaml").write_text("lumi: 1", encoding="utf-8")

    for config in (None, toy / "config/toy.yaml"):
        assert [analysis.name for analysis in this_machine(config, toy).analyses] == ["toy"]
    with pytest.raises(InputError, match="lumi"):
        this_machine(toy / "config/broken.yaml", toy)


@pytest.mark.slow
def test_a_real_examination_takes_less_than_fifteen_seconds_and_ends_with_1_for_a_fault(toy, pytestconfig):
    def doctor():
        command = [sys.executable, "-m", "pipeline", "doctor", "--json"]
        environment = {**Machine().environment, "PYTHONPATH": str(pytestconfig.rootpath)}
        start = time.monotonic()
        done = subprocess.run(command, cwd=toy, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert time.monotonic() - start < 15
        return done.returncode, json.loads(done.stdout)

    code, findings = doctor()
    faults = [finding for finding in findings if finding["status"] == "fault"]
    assert code == (1 if faults else 0)
    assert not [finding for finding in findings if "itself failed" in finding["found"]]
    assert {"TensorFlow", "memory", "Python", "config/toy.yaml", "room for results, .scratch, /tmp"} & {
        finding["what"] for finding in findings
    } >= {"TensorFlow", "memory", "Python", "config/toy.yaml"}

    write_toy(toy, lumi_inv_fb=-1)
    code, findings = doctor()
    assert code == 1
    assert "lumi_inv_fb: Input should be greater than 0" in findings[0]["found"]
