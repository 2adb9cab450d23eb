"""A failed run is explained: by the samples in `samples/`, and by real runs that fail."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipeline.operations.explain import explain
from pipeline.running import CLAIMS, Run, runs
from tests.operations.test_run_log import GROUP
from tests.toy_analysis import make_toy, write_toy
from tests.workflow.conftest import copy_project

SAMPLES = Path(__file__).parent / "samples"
NOW = datetime(2026, 11, 21, 9)


@pytest.fixture
def folder(tmp_path):
    """Function that makes a folder in which those runs were, and in which these logs of jobs are."""

    def make(*samples, **logs):
        for number, name in enumerate(samples):
            path = tmp_path / f".snakemake/log/2026-11-21T0{number}.snakemake.log"
            path.parent.mkdir(parents=True, exist_ok=True)
            text = "" if name == "refused" else (SAMPLES / f"{name}.log").read_text(encoding="utf-8")
            path.write_text(text, encoding="utf-8")
        for name, text in logs.items():
            path = tmp_path / "logs" / name / "toy" / ("m_fold0.log" if name == "train" else f"{name}.log")
            path.parent.mkdir(parents=True)
            path.write_text(text, encoding="utf-8")
            os.utime(path, (NOW.timestamp(), NOW.timestamp()))
        return tmp_path

    return make


def only(explanation):
    (failure,) = explanation.failures
    return failure


def test_a_folder_without_runs_is_told():
    explanation = explain(Path("/nonexistent"))

    assert explanation.summary.startswith("Nothing has run here")
    assert explanation.failures == ()


@pytest.mark.parametrize("last", ["done", "nothing_to_do"])
def test_after_a_good_run_nothing_has_failed_whatever_came_before(last, folder):
    explanation = explain(folder("failed", "job_killed", last))

    assert explanation.failures == ()
    assert explanation.summary.startswith("Nothing has failed. Last run: 2026-11-21 07:5")


def test_of_a_run_on_another_machine_it_says_that_it_cannot_be_seen(folder):
    root = folder("snakemake_killed")
    run = Run(7, "1", "elsewhere-1", "lxplus901", "alice", "2026-11-21 07:53:46", "snakemake --cores 2")
    path = root / CLAIMS / "toy.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(asdict(run)), encoding="utf-8")

    summary = explain(root, now=NOW).summary

    assert "process 7 of alice on lxplus901" in summary
    assert "cannot be seen from this machine; if it is gone there, see that none of its jobs is left in a batch" in summary


def test_a_failed_job_is_told_with_its_last_words_and_its_range(folder):
    text = "plan: 2 files\nerror: b.root, entries 20 to 40 cannot be read: it is damaged. Expected 5. Bring it back.\n"

    failure = only(explain(folder("done", "failed", plan=text)))

    assert (failure.job, failure.rule, failure.range, failure.end) == ("2", "plan toy", "b.root [20, 40)", "exit code 2")
    assert failure.last == (text.splitlines()[1],)
    assert failure.log.endswith("logs/plan/toy/plan.log")
    assert (failure.cause, failure.remedy) == (
        "told by the command",
        "As the last sentence of the message says. Then start again.",
    )


def test_a_job_that_was_killed_is_told_with_its_rule_in_the_remedy(folder):
    failure = only(explain(folder("job_killed", train="train m fold 0: 3 of 30 epochs")))

    assert (failure.rule, failure.end, failure.cause) == ("train toy m 0", "signal 9 (SIGKILL)", "killed")
    assert "--set-resources train:mem_mb=" in failure.remedy


def test_the_log_of_an_earlier_run_is_not_taken_for_that_of_this_one(folder):
    root = folder("failed", plan="error: That was yesterday.")
    then = datetime(2026, 11, 21, 7, 53, 46)
    for seconds, last in ((-3600, ()), (-5, ("error: That was yesterday.",))):
        changed = (then + timedelta(seconds=seconds)).timestamp()
        os.utime(root / "logs/plan/toy/plan.log", (changed, changed))

        assert only(explain(root)).last == last


def test_a_job_whose_snakemake_was_killed_is_told(folder):
    failure = only(explain(folder("done", "snakemake_killed")))

    assert (failure.rule, failure.end) == ("train toy m 1", "Snakemake was killed")
    assert failure.remedy == "snakemake --unlock, then again with --rerun-incomplete."


def test_a_snakemake_that_was_killed_between_two_jobs_is_told(folder):
    root = folder("snakemake_killed")
    path = root / ".snakemake/log/2026-11-21T00.snakemake.log"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    ended = [number for number, line in enumerate(lines) if line.startswith("Finished jobid")]
    path.write_text("".join(lines[: ended[0] + 1]), encoding="utf-8")

    failure = only(explain(root))

    assert (failure.rule, failure.end) == ("(workflow)", "Snakemake was killed")
    assert failure.remedy == "snakemake --unlock, then again with --rerun-incomplete."


def test_a_lock_is_told_beside_the_run_that_has_left_it(folder):
    lock, job = explain(folder("snakemake_killed", "locked", "locked")).failures

    assert (lock.rule, lock.cause) == ("(workflow)", "folder is locked")
    assert (job.rule, job.end) == ("train toy m 1", "Snakemake was killed")


def test_a_start_that_was_refused_is_told_with_what_is_wrong_in_the_yaml(folder):
    failure = only(explain(folder("done", "refused")))

    assert (failure.rule, failure.end) == ("(start)", "refused")
    assert failure.last[0].startswith("error: No analysis: there is no config/*.yaml")


def held(tmp_path, cluster, last):
    """The sample of events up to *last*, for the job 2 of the failed run, which is then the job of that *cluster*."""
    path = tmp_path / ".snakemake/log/2026-11-21T00.snakemake.log"
    text = path.read_text(encoding="utf-8")
    sent = (
        f"Job 2 submitted to HTCondor Cluster ID {cluster} with batch name plan-2\nThe logs are there\n[Sat Nov 21 07:53:50"
    )
    path.write_text(text.replace("[Sat Nov 21 07:53:50", sent), encoding="utf-8")
    events = (SAMPLES / "condor_events.log").read_text(encoding="utf-8")
    target = tmp_path / "logs/htcondor/snakemake-rules.log"
    target.parent.mkdir(parents=True)
    target.write_text(events[: events.index("...\n", events.index(last))], encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("cluster", "last", "end", "remedy"),
    [
        ("2", "012 (002.004", "held: Job has gone over memory limit of 100 megabytes (Code 3 Subcode 0)", "plan:mem_mb="),
        ("3", "012 (003.000", "held: Error from slot1_1@node7.example.org: Failed to execute", "condor_rm 3,"),
        ("4", "009 (004.000", "removed: via condor_rm (by user alice)", "Start again."),
        ("4", "012 (003.000", "never started, waits since 2026-11-21 08:02:41", "condor_q -better-analyze 4:"),
        ("5", "005 (005.000", "signal 9", "Most often out of memory"),
    ],
    ids=["memory", "held", "removed", "never started", "signal"],
)
def test_what_htcondor_says_of_a_job_is_told(cluster, last, end, remedy, folder):
    failure = only(explain(held(folder("failed"), cluster, last), now=NOW))

    assert failure.end.startswith(end)
    assert remedy in failure.remedy
    assert failure.job == f"2, {cluster} in the batch system"


def test_what_htcondor_says_of_jobs_that_are_one_to_it_is_told_with_their_rule(tmp_path, folder):
    root = held(folder("failed"), "2", "012 (002.004")
    (root / ".snakemake/log/2026-11-21T00.snakemake.log").write_text(GROUP, encoding="utf-8")

    failure = only(explain(root, now=NOW))

    assert (failure.job, failure.rule) == ("2 in the batch system", "simulate (2 jobs)")
    assert failure.end.startswith("held: Job has gone over memory limit of 100 megabytes")
    assert "--set-resources simulate:mem_mb=" in failure.remedy


def test_a_job_that_waits_for_a_moment_only_has_not_failed(folder):
    root = held(folder("failed"), "4", "012 (003.000")
    path = root / ".snakemake/log/2026-11-21T00.snakemake.log"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text[: text.index("RuleException:")] + "Job 2 submitted to HTCondor Cluster ID 4 with batch\n", encoding="utf-8"
    )
    submitted = datetime(2026, 11, 21, 8, 2, 41)

    ends = [
        [failure.end.partition(",")[0] for failure in explain(root, now=submitted + timedelta(seconds=seconds)).failures]
        for seconds in (30, 61)
    ]

    # Its Snakemake is no more, which is told until HTCondor has more to say.
    assert ends == [["Snakemake was killed"], ["never started"]]


@pytest.mark.parametrize(
    ("sample", "last", "ends"),
    [
        ("snakemake_killed", "012 (003.000", ["held", "held", "never started"]),
        ("snakemake_killed", "009 (002.004", []),
        ("failed", "012 (003.000", ["held", "held", "never started"]),
    ],
    ids=["waiting", "removed", "failed"],
)
def test_workers_that_a_stage_waits_for_are_told(sample, last, ends, folder):
    root = folder(sample)
    target = root / "logs/workers/worker-2.log"
    target.parent.mkdir(parents=True)
    events = (SAMPLES / "condor_events.log").read_text(encoding="utf-8")
    target.write_text(events[: events.index(last)] + events[events.index(last) :].partition("...\n")[0], encoding="utf-8")

    failures = [failure for failure in explain(root, now=NOW).failures if failure.rule == "(worker)"]

    assert [failure.end.partition(":")[0].partition(",")[0] for failure in failures] == ends


def test_what_a_job_wrote_before_its_command_began_is_told(folder):
    root = held(folder("failed"), "2", "005 (002.000")
    path = root / "logs/htcondor/plan/plan-2_2.err"
    path.parent.mkdir()
    path.write_text("/usr/bin/python3: No module named pipeline\n", encoding="utf-8")

    failure = only(explain(root, now=NOW))

    assert (failure.end, failure.cause) == ("exit code 2", "no environment in the job")
    assert failure.log == str(path)


def test_the_table_and_the_json_say_the_same(folder):
    explanation = explain(folder("job_killed"))

    text = explanation.to_text()
    assert "train toy m 0" in text
    assert "signal 9 (SIGKILL)" in text
    assert json.loads(json.dumps(explanation.to_json()))["failures"][0]["cause"] == "killed"


def test_an_answer_takes_less_than_two_seconds_for_ten_thousand_jobs(tmp_path):
    block = "[Sat Nov 21 07:59:02 2026]\nrule simulate:\n    output: a_{0}.root\n    log: logs/{0}.log\n    jobid: {0}\n\n"
    done = "[Sat Nov 21 07:59:02 2026]\nFinished jobid: {0} (Rule: simulate)\n"
    path = tmp_path / ".snakemake/log/1.snakemake.log"
    path.parent.mkdir(parents=True)
    path.write_text(
        "Building DAG of jobs...\n"
        + "".join(block.format(i) + done.format(i) for i in range(10_000))
        + "Complete log(s): x\n",
        encoding="utf-8",
    )
    events = tmp_path / ".snakemake/htcondor/snakemake-rules.log"
    events.parent.mkdir()
    events.write_text((SAMPLES / "condor_events.log").read_text(encoding="utf-8") * 1000, encoding="utf-8")
    start = time.process_time()

    explanation = explain(tmp_path)

    assert time.process_time() - start < 2
    assert explanation.failures == ()


@pytest.fixture
def toy(tmp_path, pytestconfig, make_nano):
    """A copy of the project with the toy analysis alone, and a function that runs a module in it: exit code and output."""
    root = tmp_path / "project"
    root.mkdir()
    copy_project(pytestconfig.rootpath, root)
    for name in ("config", "models", "processors"):
        shutil.rmtree(root / name)
    make_toy(root, pytestconfig.rootpath, make_nano)
    return root


def start(root, *command):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([sys.executable, "-m", *command], cwd=root, env=environment, **pipes)


def run(root, *command):
    process = start(root, *command)
    output = process.communicate(timeout=120)[0]
    return process.returncode, output


def explained(root):
    code, output = run(root, "pipeline", "explain", "--json")
    explanation = json.loads(output)
    assert code == (1 if explanation["failures"] else 0)
    return explanation


@pytest.mark.slow
def test_real_runs_that_fail_are_explained_and_a_good_one_ends_it(toy):
    assert "Nothing has run here" in explained(toy)["summary"]

    write_toy(toy, lumi=1.0)
    assert run(toy, "snakemake", "--cores", "1", "results/toy/summary.json")[0] == 1
    (failure,) = explained(toy)["failures"]
    assert failure["end"] == "refused"
    assert "lumi: is no key of this section" in failure["last"][0]

    write_toy(toy)
    good = (toy / "b.root").read_bytes()
    (toy / "b.root").write_bytes(b"no root file")
    assert run(toy, "snakemake", "--cores", "1", "results/toy/summary.json")[0] == 1
    (failure,) = explained(toy)["failures"]
    assert (failure["rule"], failure["end"]) == ("plan toy", "exit code 2")
    assert "b.root is not a ROOT file" in "\n".join(failure["last"])
    code, table = run(toy, "pipeline", "explain")
    assert code == 1
    assert "plan toy" in table

    (toy / "b.root").write_bytes(good)
    process = start(toy, "snakemake", "--cores", "1", "results/toy/summary.json")
    until(lambda: (toy / "logs/summarise/toy/summarise.log").exists())
    assert explained(toy)["summary"].startswith(f"Being run by process {process.pid} of ")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (failure,) = explained(toy)["failures"]
    assert (failure["rule"], failure["end"]) == ("summarise toy", "Snakemake was killed")

    assert run(toy, "snakemake", "--cores", "1", "results/toy/summary.json")[0] == 1
    refusal, failure = explained(toy)["failures"]
    assert (refusal["cause"], failure["end"]) == ("folder is locked", "Snakemake was killed")

    assert run(toy, "snakemake", "--unlock")[0] == 0
    assert run(toy, "snakemake", "--cores", "1", "--rerun-incomplete", "results/toy/summary.json")[0] == 0
    explanation = explained(toy)
    assert explanation["failures"] == []
    assert explanation["summary"].startswith("Nothing has failed.")
    assert runs(toy) == {}


def until(condition, *, within_s=60):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
