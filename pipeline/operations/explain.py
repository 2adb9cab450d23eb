"""Why did the last run fail? From what Snakemake, the commands and the batch system have written, with what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import PipelineError
from pipeline.operations.job_log import range_of, reason, tail
from pipeline.operations.remedies import remedy_of
from pipeline.operations.run_log import Job, RunLog, read_run_log
from pipeline.operations.table import table
from pipeline.running import runs
from pipeline.scale.condor_log import CondorJob, read_condor_logs
from pipeline.workflow import load_analyses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.running import Run

# A start that was refused, or that had nothing to do, leaves a log as well.
MOST_LOGS = 50
# A pool needs a moment to find a machine; a person who asks after a minute wants to know that it has not.
STARTS_WITHIN = timedelta(seconds=50)
# Of the machines that share a disk.
CLOCKS_DIFFER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that went wrong.

    Args:
        job: its number, in a batch system as well.
        rule: its rule and wildcards.
        range: which events of which file, if the log says so.
        end: exit code, signal, or what the batch system says.
        last: the last lines of its log, from the reason on.
        log: where they stand.
        cause: in a few words.
        remedy: what to do.
    """

    job: str
    rule: str
    range: str
    end: str
    last: tuple[str, ...]
    log: str
    cause: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of the last run.

    Args:
        summary: in a sentence or two.
        failures: what went wrong; none if all is well.
    """

    summary: str
    failures: tuple[Failure, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def to_text(self, *, color: bool = False) -> str:
        """For people; *color* for a terminal."""
        if not self.failures:
            return self.summary
        columns = ("job", "rule and range", "end", "last lines of the log", "what to do")
        rows = (
            (f.job, f"{f.rule}\n{f.range}".strip(), f"{f.end}\n{f.cause}", "\n".join([*f.last, f.log]).strip(), f.remedy)
            for f in self.failures
        )
        return f"{self.summary}\n\n{table(columns, rows, color=color, apart=True)}"


def explain(root: Path = Path(), *, logs: Path = Path("logs"), now: datetime | None = None) -> Explanation:
    """What became of the last run in the folder *root*.

    Args:
        root: of the workflow.
        logs: of the rules, relative to *root*.
        now: local time.
    """
    newest = list(_newest(root))
    if not newest:
        return Explanation("Nothing has run here: there is no .snakemake/log. Type snakemake --cores N.")
    alive = [_told(run) for run in dict.fromkeys(runs(root).values()) if run.state != "ended"]
    run = next(filter(_counts, newest), newest[0])
    failures = (
        *_refusals(newest, root),
        *_of_workflow(newest),
        *_of_jobs(run, root, logs, alive=bool(alive), now=now or datetime.now()),
        *_of_workers(run, root / logs / "workers", now=now or datetime.now()),
    )
    if run.jobs and not (failures or alive or run.ended):
        failures = (_failure("", "(workflow)", "Snakemake was killed", [], log=str(run.path)),)
    return Explanation(_summary(run, failures, alive), failures)


def _newest(root: Path) -> Iterator[RunLog]:
    """The logs of Snakemake, newest first, until one that ran jobs or had none to run."""
    paths = sorted((root / ".snakemake/log").glob("*.snakemake.log"), reverse=True)
    for path in islice(paths, MOST_LOGS):
        log = read_run_log(path)
        yield log
        if _counts(log):
            return


def _counts(log: RunLog) -> bool:
    """Whether the state of the products is told by *log*: it ran jobs, or found that there were none to run."""
    return bool(log.jobs) or (log.ended and not log.errors)


def _refusals(newest: list[RunLog], root: Path) -> Iterator[Failure]:
    """What stopped the last start before it planned anything: the YAML, which tells it anew, or a run that was killed."""
    if newest[0].planned:
        return
    try:
        load_analyses(root=root)
    except PipelineError as error:
        yield _failure("", "(start)", "refused", f"error: {error}".splitlines())
        return
    for analysis, run in runs(root).items():
        if run.state == "ended":
            yield _failure("", f"(start of {analysis})", "refused", [f"{run} was killed: Directory cannot be locked"])


def _of_workflow(newest: list[RunLog]) -> Iterator[Failure]:
    """What went wrong beside jobs, when Snakemake was last started."""
    last = next((log for log in newest if log.planned), None)
    for text in last.errors if last else ():
        head, *lines = text.splitlines()
        yield _failure("", "(workflow)", head.rstrip(":"), lines, log=str(last.path) if last else "")


def _of_jobs(run: RunLog, root: Path, logs: Path, *, alive: bool, now: datetime) -> Iterator[Failure]:
    batch = read_condor_logs(_condor_logs(root, logs), now=now)
    explained = set()
    for job in run.jobs.values():
        cluster = run.batch.get(job.number, "")
        end = _end(job, batch.get(cluster), now=now, alive=alive, run=run)
        if end:
            explained.add(cluster)
            paths = [root / path for path in job.logs] + _outputs(root, logs, cluster)
            yield _of_job(job, cluster, end, paths, began=run.date)
    # Groups, which are known by another number.
    for number, cluster in run.batch.items():
        condor = batch.get(cluster)
        end = _end_in_condor(condor, now=now) if condor else ""
        if end and cluster not in explained and number not in run.jobs:
            group = replace(run.groups.get(number, Job("", "(group)")), number="")  # a name that says nothing
            yield _of_job(group, cluster, end, _outputs(root, logs, cluster), began=run.date)


def _of_workers(run: RunLog, folder: Path, *, now: datetime) -> Iterator[Failure]:
    """Workers in HTCondor that a stage of this run waits for; it removes them when it ends."""
    for job in read_condor_logs(folder.glob("*.log"), now=now).values():
        end = _end_in_condor(job, now=now) if job.state in ("held", "idle") else ""
        if end and _is_later(job.since, run.date):
            yield _failure("", "(worker)", end, [], cluster=job.cluster)


def _end(job: Job, condor: CondorJob | None, *, now: datetime, alive: bool, run: RunLog) -> str:
    """How *job* failed; "" if it did not."""
    if job.state == "done":
        return ""
    in_condor = _end_in_condor(condor, now=now) if condor else ""
    if job.state == "failed":
        return in_condor or job.end or "failed"
    if in_condor and (condor is None or condor.state != "ended"):
        return in_condor
    if alive:
        return ""
    return "did not end" if run.ended else "Snakemake was killed"


def _end_in_condor(job: CondorJob, *, now: datetime) -> str:
    if job.state == "held":
        return f"held: {job.reason}"
    if job.state == "removed":
        return f"removed: {job.reason}"
    if job.state == "ended":
        return "" if job.end == "exit code 0" else job.end
    if job.state == "idle" and not job.has_run and now - job.since > STARTS_WITHIN:
        return f"never started, waits since {job.since}"
    return ""


def _of_job(job: Job, cluster: str, end: str, paths: list[Path], *, began: str) -> Failure:
    written = [path for path in paths if _is_of_this_run(path, began)]
    names = " ".join(part.partition("=")[2] for part in job.what.split(", "))
    return _failure(
        job.number,
        f"{job.rule} {names}".strip(),
        end,
        tail(written) or job.said.splitlines(),
        log=str(written[0]) if written else "",
        cluster=cluster,
    )


def _is_of_this_run(path: Path, began: str) -> bool:
    """Whether *path* was written since then: a job that did not begin leaves the log of the run before."""
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime)
    except OSError:
        return False
    return _is_later(changed, began)


def _is_later(time: datetime, began: str) -> bool:
    return not began or time > datetime.fromisoformat(began) - CLOCKS_DIFFER


def _failure(job: str, rule: str, end: str, lines: list[str], *, log: str = "", cluster: str = "") -> Failure:
    last = reason(lines)
    remedy = remedy_of("\n".join([end, *last]))
    todo = remedy.todo if rule.startswith("(") else remedy.todo.replace("RULE", rule.partition(" ")[0])
    number = ", ".join(part for part in (job, f"{cluster} in the batch system" if cluster else "") if part)
    todo = todo.replace("JOB", cluster) if cluster else todo
    return Failure(number, rule, range_of(lines), end, tuple(last), log, remedy.cause, todo)


def _condor_logs(root: Path, logs: Path) -> list[Path]:
    """Where the HTCondor plugin writes events by default, and where our profile lets it."""
    return [path for folder in (root / ".snakemake/htcondor", root / logs / "htcondor") for path in folder.glob("*.log")]


def _outputs(root: Path, logs: Path, cluster: str) -> list[Path]:
    """What a job of a batch system wrote before its command began, or beside its log."""
    if not cluster:
        return []
    folders = (root / ".snakemake/htcondor", root / logs / "htcondor", root / ".snakemake/slurm_logs", root / logs / "slurm")
    patterns = (f"*/*_{cluster}.err", f"*/*_{cluster}.out", f"**/{cluster}.log")
    return [path for folder in folders for pattern in patterns for path in sorted(folder.glob(pattern))]


def _told(run: Run) -> str:
    if run.state == "running":
        return str(run)
    return (
        f"{run}, which cannot be seen from this machine; if it is gone there, see that none of its jobs is left in a batch"
        " system, and type snakemake --unlock"
    )


def _summary(run: RunLog, failures: Iterable[Failure], alive: list[str]) -> str:
    steps = f", {run.steps} jobs done" if run.steps else ""
    command = f"`snakemake {run.command.partition('snakemake ')[2]}`".replace(" `", "`")
    last = f"Last run: {run.date or 'without a date'}{steps}, {command} ({run.path})."
    if alive:
        return f"Being run by {'; '.join(alive)}. {last}"
    return last if any(True for _ in failures) else f"Nothing has failed. {last}"
