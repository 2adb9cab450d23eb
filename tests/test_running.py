"""A second run in one folder is refused, and told who has it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, replace

import pytest

from pipeline.errors import PipelineError
from pipeline.processes import birth, place
from pipeline.running import CLAIMS, LOCKS, Run, claim, is_locked, runs
from tests.toy_analysis import make_toy
from tests.workflow.conftest import copy_project

RUN = ["--cores", "2"]


@pytest.fixture
def other():
    """A process that is alive and not this one."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def held(tmp_path, other):
    """Function that lets the other process hold an analysis in `tmp_path`, changed as it is told."""
    run = Run(other.pid, birth(other.pid), place(), "lxplus901", "alice", "2026-11-21 07:53:46", "snakemake --cores 2")

    def hold(analysis="toy", **changes):
        path = tmp_path / CLAIMS / f"{analysis}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(replace(run, **changes))), encoding="utf-8")
        return run

    return hold


def lock(folder):
    (folder / LOCKS).mkdir(parents=True)
    (folder / LOCKS / "0.output.lock").touch()


def test_a_free_folder_is_claimed_for_this_process_until_it_ends(tmp_path):
    code = f"import sys; from pipeline.running import claim, runs; claim(['toy', 'other'], {RUN}, root=sys.argv[1])"
    tell = "; print(*(f'{name} {run.process} {run.state}' for name, run in runs(sys.argv[1]).items()), os.getpid(), sep='|')"
    command = [sys.executable, "-c", f"import os; {code}{tell}", tmp_path]

    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    *claims, process = done.split("|")
    assert claims == [f"other {process} running", f"toy {process} running"]
    assert runs(tmp_path) == {}


def test_who_is_running_is_refused_and_named(tmp_path, held, other):
    held()

    with pytest.raises(PipelineError) as error:
        claim(["toy"], RUN, root=tmp_path)

    assert str(error.value).startswith(
        f"Analysis 'toy' is being run in this folder by process {other.pid} of alice on lxplus901"
        " since 2026-11-21 07:53:46 (snakemake --cores 2). A second run would write the same files."
    )
    assert f"`kill {other.pid}`" in str(error.value)
    assert runs(tmp_path)["toy"].process == other.pid


def test_of_many_that_start_at_the_same_moment_one_has_it(tmp_path):
    """Each waits for the word to go, and then for the end of all, so that no claim goes before the last one has come."""
    code = f"""
import sys
from pipeline.errors import PipelineError
from pipeline.running import claim
print("ready", flush=True)
input()
try:
    claim(["toy"], {RUN}, root=sys.argv[1])
    print("mine", flush=True)
except PipelineError as error:
    print(error, flush=True)
input()
"""
    command = [sys.executable, "-c", code, tmp_path]
    with ExitStack() as stack:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        started = [stack.enter_context(subprocess.Popen(command, **pipes)) for _ in range(8)]
        assert [process.stdout.readline() for process in started] == ["ready\n"] * 8
        for process in started:
            process.stdin.write("go\n")
        answers = [process.stdout.readline() for process in started]
        for process in started:
            process.stdin.write("end\n")
    (winner,) = [process.pid for process, answer in zip(started, answers, strict=True) if answer == "mine\n"]

    assert sum(f"is being run in this folder by process {winner} " in answer for answer in answers) == 7


def test_another_analysis_may_run_beside_it(tmp_path, held, other):
    held()

    claim(["another"], RUN, root=tmp_path)

    assert {name: run.process for name, run in runs(tmp_path).items()} == {"another": os.getpid(), "toy": other.pid}


def test_a_run_on_another_machine_is_refused_since_it_cannot_be_seen(tmp_path, held):
    held(place="elsewhere-1")

    with pytest.raises(PipelineError, match=r"cannot be seen from this machine\. .* gone, type snakemake --unlock\.$"):
        claim(["toy"], RUN, root=tmp_path)


@pytest.mark.parametrize("changes", [{"process": 2**22 + 1}, {"born": "1"}], ids=["ended", "number used again"])
def test_a_run_that_has_ended_is_forgotten(changes, tmp_path, held):
    held(**changes)

    claim(["toy"], RUN, root=tmp_path)

    assert runs(tmp_path)["toy"].process == os.getpid()


def test_the_lock_of_a_run_that_was_killed_is_told_with_what_to_type(tmp_path, held):
    held(born="1")
    lock(tmp_path)

    with pytest.raises(PipelineError, match=r"has left its lock\. .* snakemake --unlock, .*--rerun-incomplete"):
        claim(["toy"], RUN, root=tmp_path)
    claim(["toy"], ["--unlock"], root=tmp_path)

    assert is_locked(tmp_path)  # that is for Snakemake to remove
    assert runs(tmp_path) == {}


def test_a_folder_is_not_unlocked_while_its_run_is_alive(tmp_path, held, other):
    held()

    with pytest.raises(PipelineError, match=rf"^Not unlocked: .* process {other.pid} of alice"):
        claim(["toy"], ["--unlock", "--cores", "1"], root=tmp_path)

    assert runs(tmp_path)["toy"].process == other.pid


@pytest.mark.parametrize("option", ["-n", "-np", "--dry-run", "--lint", "--summary", "--report", "--mode", "-S"])
def test_who_only_looks_claims_nothing_and_is_not_refused(option, tmp_path, held):
    held()

    claim(["toy", "another"], [*RUN, option], root=tmp_path)

    assert set(runs(tmp_path)) == {"toy"}


@pytest.mark.parametrize("option", ["--nolock", "--rerun-incomplete", "-F", "-k", "results/n", "--touch"])
def test_every_other_option_makes_products(option, tmp_path):
    claim(["toy"], [*RUN, option], root=tmp_path)

    assert runs(tmp_path)["toy"].command == f"snakemake --cores 2 {option}"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": 1}'])
def test_what_a_killed_process_has_half_written_holds_nothing(text, tmp_path):
    path = tmp_path / CLAIMS / "toy.json"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")

    claim(["toy"], RUN, root=tmp_path)

    assert runs(tmp_path)["toy"].process == os.getpid()


@pytest.mark.slow
def test_the_second_snakemake_is_refused_and_one_that_was_killed_can_be_followed(tmp_path, pytestconfig, make_nano):
    project = tmp_path / "project"
    project.mkdir()
    copy_project(pytestconfig.rootpath, project)
    for name in ("config", "models", "processors"):
        shutil.rmtree(project / name)
    make_toy(project, pytestconfig.rootpath, make_nano)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def snakemake(*arguments):
        command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments, "results/toy/summary.json"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=project, env=environment, **pipes)

    def ended(process):
        output = process.communicate(timeout=120)[0]
        return process.returncode, output

    first = snakemake()
    try:
        until(lambda: (project / "logs/plan/toy/plan.log").exists())
        first.send_signal(signal.SIGSTOP)  # so that it does not end before the others are refused

        code, output = ended(snakemake())
        assert code == 1
        assert f"error: Analysis 'toy' is being run in this folder by process {first.pid} of " in output
        assert "is being run" not in ended(snakemake("-n"))[1]
        code, output = ended(snakemake("--unlock"))
        assert code == 1
        assert f"Not unlocked: analysis 'toy' is being run in this folder by process {first.pid} of " in output
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()

    code, output = ended(snakemake())
    assert code == 1
    assert "which was killed and has left its lock" in output
    assert ended(snakemake("--unlock"))[0] == 0
    code, output = ended(snakemake("--rerun-incomplete"))
    assert code == 0, output
    assert runs(project) == {}


def until(condition, *, within_s=60):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
