"""HTCondor's event log is understood: the sample was written by HTCondor 23.9.6, only names and addresses are changed."""

from datetime import datetime
from pathlib import Path

import pytest

from pipeline.scale.condor_log import read_condor_logs

SAMPLE = Path(__file__).parents[1] / "operations/samples/condor_events.log"
NOW = datetime(2026, 11, 21, 9)
SUBMITTED = "000 (017.000.000) 2026-11-21 08:02:41 Job submitted from host: <10.0.0.7:9618>\n...\n"
EXECUTING = "001 (017.000.000) 2026-11-21 08:02:43 Job executing on host: <10.0.0.7:9618>\n...\n"


def events(tmp_path, text):
    path = tmp_path / "snakemake-rules.log"
    path.write_text(text, encoding="utf-8")
    return read_condor_logs([path], now=NOW)


def sample_until(tmp_path, last):
    """The sample up to the event that begins with *last*."""
    text = SAMPLE.read_text(encoding="utf-8")
    end = text.index("...\n", text.index(last))
    return events(tmp_path, text[:end])


def test_exit_codes_and_signals_are_known():
    jobs = read_condor_logs([SAMPLE], now=NOW)

    assert (jobs["2"].number, jobs["2"].state, jobs["2"].end) == ("2.0", "ended", "exit code 2")
    assert (jobs["5"].state, jobs["5"].end, jobs["5"].has_run) == ("ended", "signal 9", True)


def test_a_held_job_tells_why(tmp_path):
    jobs = sample_until(tmp_path, "012 (003.000.000)")

    assert jobs["2"].state == "held"
    assert jobs["2"].reason == "Job has gone over memory limit of 100 megabytes (Code 3 Subcode 0)"
    assert jobs["3"].reason.startswith("Error from slot1_1@node7.example.org: Failed to execute '/nonexistent/sh'")


def test_a_removed_job_tells_by_whom_and_whether_it_ever_ran():
    jobs = read_condor_logs([SAMPLE], now=NOW)

    assert [(jobs[number].state, jobs[number].has_run) for number in ("3", "4")] == [("removed", True), ("removed", False)]
    assert jobs["4"].reason == "via condor_rm (by user alice)"


def test_a_job_that_waits_has_not_run(tmp_path):
    job = sample_until(tmp_path, "012 (003.000.000)")["4"]

    assert (job.state, job.has_run, job.since) == ("idle", False, datetime(2026, 11, 21, 8, 2, 41))


@pytest.mark.parametrize(
    ("event", "state"),
    [
        ("004 (017.000.000) 2026-11-21 08:03:00 Job was evicted.\n\t(0) CPU times\n...\n", "idle"),
        ("012 (017.000.000) 2026-11-21 08:03:00 Job was held.\n\tno reason\n\tCode 1 Subcode 0\n...\n", "held"),
        ("006 (017.000.000) 2026-11-21 08:03:00 Image size of job updated: 1\n...\n", "running"),
        ("005 (017.000.000) 2026-11-21 08:03:00 Job terminated.\n\t(1) Normal termination (return value 0)\n...\n", "ended"),
    ],
    ids=["evicted", "held", "size", "ended"],
)
def test_the_last_event_that_matters_counts(event, state, tmp_path):
    assert events(tmp_path, SUBMITTED + EXECUTING + event)["17"].state == state


def test_a_job_that_was_released_waits_again(tmp_path):
    held = "012 (017.000.000) 2026-11-21 08:03:00 Job was held.\n\tno reason\n...\n"
    released = "013 (017.000.000) 2026-11-21 08:04:00 Job was released.\n\tvia condor_release\n...\n"

    job = events(tmp_path, SUBMITTED + held + released)["17"]

    assert (job.state, job.reason) == ("idle", "")


@pytest.mark.parametrize(("date", "year"), [("11/21", 2026), ("12/24", 2025)])
def test_dates_without_a_year_are_in_the_past(date, year, tmp_path):
    job = events(tmp_path, SUBMITTED.replace("2026-11-21", date))["17"]

    assert (job.since.year, f"{job.since:%m/%d}") == (year, date)


@pytest.mark.parametrize("text", ["", "no event log\n...\n", "000 (x) y\n...\n", "...\n...\n"])
def test_what_is_no_event_is_passed_over(text, tmp_path):
    assert events(tmp_path, text) == {}
    assert set(events(tmp_path, text + SUBMITTED)) == {"17"}
