"""What does Snakemake's own log say of a run: which jobs began, which ended, and how?"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

State = Literal["begun", "done", "failed"]
TIME = re.compile(r"\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\]")
# Before the log of a failed job, which it shows with show-failed-logs between two lines of `=`.
SHOWN = re.compile(r"Logfile .*:")
FRAME = re.compile("=+")
BEGUN = re.compile(r"(?:local)?(?:rule|checkpoint) (\w+):")
DONE = re.compile(r"Finished jobid: (\d+) ")
FAILED = re.compile(r"Error in rule (\w+):")
GROUP_FAILED = re.compile(r"Error in group .*:")
GROUP_BEGUN = re.compile(TIME.pattern + r" Group job .*")
# Of the HTCondor and the Slurm plugin.
SUBMITTED = re.compile(r"Job (\S+) (?:submitted to HTCondor Cluster ID|has been submitted with SLURM jobid) (\d+)")
EXCEPTION = re.compile(r"\w+(?:Exception|Error|Exit)\b[^']*:")
ENDED = re.compile(
    r"^Command '.*' (?:returned non-zero exit status (\d+)|died with <Signals\.(\w+): (\d+)>)\.$", re.M | re.S
)
STEPS = re.compile(r"(\d+) of (\d+) steps")
OTHER_STARTS = (
    "Complete log",
    "Execute ",
    "Exiting because",
    "RuleException:",
    "Select jobs",
    "Shutting down",
    "Trying to restart",
    "WorkflowError:",
)
# Of an exception after a job, such as a missing product, which is not told as an error of the rule.
AFTER_JOB = re.compile(r"^Job (\d+) +completed successfully, but", re.MULTILINE)
# What it says after failed jobs, and is told of them already.
SUMMARY = "At least one job did not complete successfully."


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a run.

    Args:
        number: the jobid.
        rule: name.
        what: its wildcards.
        logs: paths of its log files.
        state: the last one that was told; a job that is tried again is begun again.
        end: exit code or signal.
        said: what Snakemake says of its failure, beside that.
    """

    number: str
    rule: str = ""
    what: str = ""
    logs: tuple[str, ...] = ()
    state: State = "begun"
    end: str = ""
    said: str = ""


@dataclass(slots=True)
class RunLog:
    """One log.

    Args:
        path: of the log.
        date: when the run began.
        command: how.
        jobs: by number, in the order in which they began.
        batch: of jobs and groups, by number, those in a batch system.
        groups: of jobs that the batch system gets as one, by its number.
        errors: what went wrong beside jobs.
        planned: whether it came as far as to plan jobs; a run that is refused before does not.
        ended: whether the run came to its end, be it a bad one.
        steps: what was done, as "7 of 7".
    """

    path: Path
    date: str = ""
    command: str = ""
    jobs: dict[str, Job] = field(default_factory=dict)
    batch: dict[str, str] = field(default_factory=dict)
    groups: dict[str, Job] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    planned: bool = False
    ended: bool = False
    steps: str = ""


def read_run_log(path: Path) -> RunLog:
    """The log at *path*; a half-written one as far as it goes."""
    log = RunLog(path)
    exceptions: list[str] = []
    group = Job("")
    for head, body in _blocks(path.read_text(encoding="utf-8", errors="replace")):
        if EXCEPTION.fullmatch(head):
            exceptions.append("\n".join([head, *body]))
        elif GROUP_BEGUN.fullmatch(head):
            group = _group(body)
        else:
            _enter(log, head, body, exceptions)
            if (submitted := SUBMITTED.match(head)) and not submitted[1].isdecimal():
                log.groups[submitted[1]] = replace(group, number=submitted[1])
    log.errors = [text for text in exceptions if SUMMARY not in text and not _fail_afterwards(log, text)]
    log.ended |= bool(exceptions) and not any(job.state == "begun" for job in log.jobs.values())
    return log


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each line that begins at the margin, and the lines that belong to it; an exception has what comes after it as well."""
    head, body = "", []
    for line in _without_shown_logs(text.splitlines()):
        if line.startswith(" ") or (EXCEPTION.fullmatch(head) and not _is_start(line)):
            body.append(line)
            continue
        if head:
            yield head, body
        head, body = line, []
    if head:
        yield head, body


def _without_shown_logs(lines: list[str]) -> Iterator[str]:
    """The lines of the run alone: what it shows of the log of a job may be anything, even the log of a Snakemake."""
    frame, before = "", ""
    for line in lines:
        if frame:
            frame = "" if line == frame else frame
        elif SHOWN.fullmatch(before) and FRAME.fullmatch(line):
            frame = line
        else:
            yield line
        before = line


def _is_start(line: str) -> bool:
    """Whether something else than the text of an exception begins with *line*."""
    starts = (TIME, BEGUN, DONE, FAILED, GROUP_FAILED, SUBMITTED)
    return any(start.match(line) for start in starts) or line.startswith(OTHER_STARTS)


def _enter(log: RunLog, head: str, body: list[str], exceptions: list[str]) -> None:
    keys = _keys(body)
    if begun := BEGUN.fullmatch(head):
        number = keys.get("jobid", "")
        log.jobs[number] = Job(number, begun[1], keys.get("wildcards", ""), _paths(keys.get("log", "")))
    elif done := DONE.match(head):
        log.jobs[done[1]] = replace(log.jobs.get(done[1], Job(done[1])), state="done")
    elif failed := FAILED.fullmatch(head):
        _fail(log, keys.get("jobid", ""), failed[1], _paths(keys.get("log", "")), exceptions)
    elif GROUP_FAILED.fullmatch(head):
        for number, rule in _members(body):
            _fail(log, number, rule, (), exceptions)
    elif submitted := SUBMITTED.match(head):
        log.batch[submitted[1]] = submitted[2]
    elif steps := STEPS.match(head):
        log.steps = f"{steps[1]} of {steps[2]}"
    elif head.startswith(("Complete log", "Nothing to be done")):
        log.ended = True
    elif head.startswith("======"):
        log.date, log.command = keys.get("Date", log.date), keys.get("Command", log.command)
    log.planned |= head.startswith(("Building DAG", "Unlocked"))


def _fail(log: RunLog, number: str, rule: str, paths: tuple[str, ...], exceptions: list[str]) -> None:
    known = log.jobs.get(number, Job(number, rule))
    job = replace(known, rule=rule, logs=paths or known.logs, state="failed")
    if text := _exception_of(job, exceptions):
        exceptions.remove(text)
    end, said = _end_of(text)
    log.jobs[number] = replace(job, end=end, said=said)


def _fail_afterwards(log: RunLog, exception: str) -> bool:
    """Enter an *exception* that names its job, if it does."""
    after = AFTER_JOB.search(exception)
    if after is None or after[1] not in log.jobs:
        return False
    end, _, said = exception.partition("\n")
    log.jobs[after[1]] = replace(log.jobs[after[1]], state="failed", end=end.partition(" ")[0], said=said)
    return True


def _exception_of(job: Job, exceptions: list[str]) -> str:
    """That which came before the error of *job*; "" if none did."""
    named = [text for text in exceptions if any(path in text for path in job.logs) or f"in rule {job.rule} " in text]
    unnamed = [text for text in exceptions[-1:] if text.startswith("RuleException:")]
    return next(iter(named + unnamed), "")


def _end_of(exception: str) -> tuple[str, str]:
    """Exit code or signal, and what else is said."""
    ended = ENDED.search(exception)
    if ended is None:
        return "", exception
    return (f"exit code {ended[1]}" if ended[1] else f"signal {ended[3]} ({ended[2]})"), ""


def _group(body: list[str]) -> Job:
    """Jobs that are submitted next, as one."""
    rules = [begun[1] for line in body if (begun := BEGUN.fullmatch(line.strip()))]
    return Job("", " and ".join(dict.fromkeys(rules)), f"group=({len(rules)} jobs)")


def _members(body: list[str]) -> Iterator[tuple[str, str]]:
    """Number and rule of the jobs of a group."""
    rule = ""
    for line in body:
        key, _, value = line.strip().partition(": ")
        if key.startswith("rule "):
            rule = key.removeprefix("rule ").rstrip(":")
        elif key == "jobid":
            yield value, rule


def _keys(body: list[str]) -> dict[str, str]:
    pairs = (line.strip().partition(": ") for line in body)
    return {key: value for key, _, value in pairs}


def _paths(value: str) -> tuple[str, ...]:
    return tuple(path for path in value.removesuffix(" (check log file(s) for error details)").split(", ") if path)
