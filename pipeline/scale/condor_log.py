"""What became of the jobs of HTCondor, by the event log that it writes as text; its Python bindings are not needed.

Source: HTCondor manual, "Managing a Job: In the Job Event Log File".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

State = Literal["idle", "running", "ended", "held", "removed"]
# Number of the kind of event, cluster, process, time and title; before version 8.9 the date has no year.
HEAD = re.compile(r"(\d{3}) \((\d+)\.(\d+)\.\d+\) (\d{4}-\d\d-\d\d|\d\d/\d\d) (\d\d:\d\d:\d\d)\S* (.*)")
RETURNED = re.compile(r"\(return value (-?\d+)\)")
SIGNAL = re.compile(r"\(signal (\d+)\)")
STATES: dict[str, State] = {
    "000": "idle",
    "001": "running",
    "004": "idle",  # evicted
    "005": "ended",
    "009": "removed",
    "012": "held",
    "013": "idle",  # released
}


@dataclass(frozen=True, slots=True)
class CondorJob:
    """The last that was written of a job.

    Args:
        number: cluster.process.
        state: what it is in.
        since: since when.
        has_run: whether it ever ran.
        end: exit code or signal, once it has ended.
        reason: why it is held or was removed.
    """

    number: str
    state: State
    since: datetime
    has_run: bool = False
    end: str = ""
    reason: str = ""

    @property
    def cluster(self) -> str:
        """The number that Snakemake knows."""
        return self.number.partition(".")[0]


def read_condor_logs(paths: Iterable[Path], *, now: datetime) -> dict[str, CondorJob]:
    """The jobs of the event logs at *paths*, by cluster; of several of one cluster the one that is worst off.

    Args:
        paths: of the logs.
        now: local time; gives old logs their year.
    """
    jobs: dict[str, CondorJob] = {}
    for path in paths:
        for event in path.read_text(encoding="utf-8", errors="replace").split("\n...\n"):
            _enter(jobs, event.strip("\n").splitlines(), now)
    worst: dict[str, CondorJob] = {}
    for job in jobs.values():
        if job.cluster not in worst or _badness(job) > _badness(worst[job.cluster]):
            worst[job.cluster] = job
    return worst


def _enter(jobs: dict[str, CondorJob], lines: list[str], now: datetime) -> None:
    head = HEAD.match(lines[0]) if lines else None
    if head is None or head[1] not in STATES:
        return
    number, state = f"{int(head[2])}.{int(head[3])}", STATES[head[1]]
    job = jobs.get(number) or CondorJob(number, state, now)
    body = [line.strip() for line in lines[1:] if line.strip()]
    jobs[number] = replace(
        job,
        state=state,
        since=_time(head[4], head[5], now),
        has_run=job.has_run or state == "running",
        end=_end(body) if state == "ended" else "",
        reason=_reason(body) if state in ("held", "removed") else "",
    )


def _time(date: str, time: str, now: datetime) -> datetime:
    if "/" not in date:
        return datetime.fromisoformat(f"{date} {time}")
    then = datetime.strptime(f"{now.year}/{date} {time}", "%Y/%m/%d %H:%M:%S")
    return then if then <= now else then.replace(year=now.year - 1)


def _end(body: list[str]) -> str:
    first = body[0] if body else ""
    if returned := RETURNED.search(first):
        return f"exit code {returned[1]}"
    signal = SIGNAL.search(first)
    return f"signal {signal[1]}" if signal else first


def _reason(body: list[str]) -> str:
    code = next((line for line in body if line.startswith("Code ")), "")
    return f"{body[0]} ({code})" if code and code != body[0] else "".join(body[:1])


def _badness(job: CondorJob) -> int:
    if job.state == "ended":
        return 0 if job.end == "exit code 0" else 4
    return {"running": 1, "idle": 2, "removed": 3, "held": 5}[job.state]
