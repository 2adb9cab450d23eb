"""Snakemake's own log is understood: the samples were written by Snakemake 9.27.1, only names of folders are changed."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.operations.run_log import read_run_log

SAMPLES = Path(__file__).parent / "samples"
# Rules that fail in every way, in one run.
SNAKEFILE = """
rule all:
    input: "fine.txt", "late.txt", "again.txt", "full.txt", "ended.txt", "missing.txt"
rule fine:
    output: "fine.txt"
    shell: "touch {output}"
rule late:
    output: "late.txt"
    log: "logs/late.log"
    shell: "true > {log}"
rule again:
    output: "again.txt"
    log: "logs/again.log"
    retries: 1
    shell: "test -e once || {{ touch once; exit 3; }}; touch {output}"
rule full:
    output: "full.txt"
    log: "logs/full.log"
    group: "g"
    shell: "{PYTHON} -c 'open(\\"/dev/full\\", \\"w\\").write(\\"x\\" * 10**5)' > {log} 2>&1"
rule ended:
    output: "ended.txt"
    shell: "kill -TERM $$"
rule missing:
    output: "missing.txt"
    log: "logs/missing.log"
    shell: "echo '[Sat Nov 21 08:12:51 2026]' > {log}; echo 'Error in rule fine:' >> {log}; exit 2"
"""


# As HTCondor's plugin 0.3.0 has it.
GROUP = """Building DAG of jobs...
[Fri Nov 27 23:50:02 2026] Group job simulate (jobs in lexicogr. order):
    [Fri Nov 27 23:50:02 2026]
    rule simulate:
        output: 2.txt
        jobid: 3
        wildcards: index=2
    [Fri Nov 27 23:50:02 2026]
    rule simulate:
        output: 3.txt
        jobid: 4
        wildcards: index=3
Requesting memory: 100MB
Job 613ee939-f775 submitted to HTCondor Cluster ID 2 with batch name simulate_simulate-613ee939-f775
[Fri Nov 27 23:50:05 2026]
    message: Error in group simulate
    jobs:
        rule simulate:
            jobid: 3
            output: 2.txt
"""


def by_rule(log):
    return {job.rule: job for job in log.jobs.values()}


def test_a_run_that_went_well_has_only_jobs_that_are_done():
    log = read_run_log(SAMPLES / "done.log")

    assert {job.state for job in log.jobs.values()} == {"done"}
    assert set(by_rule(log)) == {"all", "evaluate", "plot", "report", "score", "train"}
    assert (log.steps, log.ended, log.planned, log.errors) == ("7 of 7", True, True, [])
    assert (log.date, log.command) == ("2026-11-21 07:59:10", "snakemake --cores 1")


def test_jobs_that_are_submitted_as_one_are_known_by_their_rule_and_number(tmp_path):
    (tmp_path / "group.log").write_text(GROUP, encoding="utf-8")

    log = read_run_log(tmp_path / "group.log")

    assert log.batch == {"613ee939-f775": "2"}
    assert (log.groups["613ee939-f775"].rule, log.groups["613ee939-f775"].what) == ("simulate", "group=(2 jobs)")
    assert log.jobs == {}


def test_a_failed_job_has_its_log_and_exit_code():
    (job,) = read_run_log(SAMPLES / "failed.log").jobs.values()

    assert (job.rule, job.number, job.what, job.state, job.end) == ("plan", "2", "analysis=toy", "failed", "exit code 2")
    assert job.logs == ("logs/plan/toy/plan.log",)


def test_what_is_shown_of_the_log_of_a_job_is_no_part_of_the_run():
    log = read_run_log(SAMPLES / "failed.log")

    assert log.errors == []
    assert log.ended


def test_a_job_that_was_killed_has_its_signal():
    job = by_rule(read_run_log(SAMPLES / "job_killed.log"))["train"]

    assert (job.state, job.end, job.what) == ("failed", "signal 9 (SIGKILL)", "analysis=toy, model=m, fold=0")


def test_a_run_whose_snakemake_was_killed_has_not_ended():
    log = read_run_log(SAMPLES / "snakemake_killed.log")

    assert not log.ended
    assert [job.state for job in log.jobs.values()] == ["done", "begun"]


def test_a_run_with_nothing_to_do_has_ended_well():
    log = read_run_log(SAMPLES / "nothing_to_do.log")

    assert (log.ended, log.planned, log.jobs, log.errors) == (True, True, {}, [])


def test_what_went_wrong_beside_jobs_is_an_error_of_the_run():
    (error,) = read_run_log(SAMPLES / "locked.log").errors

    assert error.startswith("LockException:\nError: Directory cannot be locked.")


def test_a_start_that_is_refused_has_planned_nothing(tmp_path):
    (tmp_path / "x.log").write_text("Assuming unrestricted shared filesystem usage.\n\n", encoding="utf-8")

    log = read_run_log(tmp_path / "x.log")

    assert (log.planned, log.ended, log.jobs) == (False, False, {})


def test_numbers_in_a_batch_system_are_known(tmp_path):
    text = (
        "Job 3 submitted to HTCondor Cluster ID 17 with batch name plan-3\nThe logs are in x\n"
        "Job 4 has been submitted with SLURM jobid 99 (log: x).\n"
    )
    (tmp_path / "x.log").write_text(text, encoding="utf-8")

    assert read_run_log(tmp_path / "x.log").batch == {"3": "17", "4": "99"}


def test_a_group_that_failed_lets_its_jobs_fail(tmp_path):
    text = (
        "[Sat Nov 21 08:12:51 2026]\nrule simulate:\n    output: a.root\n    log: logs/a.log\n    jobid: 5\n\n"
        "[Sat Nov 21 08:12:52 2026]\nError in group 1b2c:\n    jobs:\n        rule simulate:\n            jobid: 5\n"
    )
    (tmp_path / "x.log").write_text(text, encoding="utf-8")

    (job,) = read_run_log(tmp_path / "x.log").jobs.values()
    assert (job.rule, job.state, job.logs) == ("simulate", "failed", ("logs/a.log",))


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.log")), ids=lambda path: path.stem)
def test_a_log_may_end_anywhere(sample, tmp_path):
    """It may still be written, or the disk may be full."""
    text = sample.read_text(encoding="utf-8")
    path = tmp_path / "x.log"
    done = 0
    for end in range(0, len(text), 97):
        path.write_text(text[:end], encoding="utf-8")
        now = sum(job.state == "done" for job in read_run_log(path).jobs.values())

        assert now >= done
        done = now


def test_every_way_to_fail_is_seen_in_a_real_run(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE.replace("{PYTHON}", sys.executable), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "2",
        "--keep-going",
        "--latency-wait",
        "0",
        "--show-failed-logs",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1, done.stderr

    (path,) = (tmp_path / ".snakemake/log").glob("*.log")
    log = read_run_log(path)

    assert {job.rule: (job.state, job.end) for job in log.jobs.values()} == {
        "fine": ("done", ""),
        "late": ("failed", "MissingOutputException"),
        "again": ("done", ""),
        "full": ("failed", "exit code 1"),
        "ended": ("failed", "signal 15 (SIGTERM)"),
        "missing": ("failed", "exit code 2"),
    }
    assert "late.txt (missing locally" in by_rule(log)["late"].said
    assert (log.errors, log.ended) == ([], True)
