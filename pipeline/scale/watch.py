"""Is anybody there to work? Looked at while the first worker, and then each result, is waited for."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

# Often enough that a stopped job is told within a minute; seldom enough for a scheduler of a thousand workers.
SECONDS_BETWEEN_LOOKS = 5.0
MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Stopped:
    """What is known of workers that were ended from outside.

    Args:
        reasons: by the name of the job, why it does not work.
        all_of_them: no other one is there or may still come.
    """

    reasons: Mapping[str, str] = field(default_factory=dict)
    all_of_them: bool = False


@dataclass
class Watch:
    """Looks after the workers of a dask client.

    Args:
        client: of dask.
        where: they are, for messages.
        count: how many are expected.
        patience_s: for how long there may be none, before the first one comes and after the last one has gone.
        remedy: the sentence that says what to do when there is none.
        more_memory: the words that say how a worker gets more memory.
        stopped: looks for those that were ended from outside.
        clock: seconds, from any beginning.
    """

    client: Any
    where: str
    count: int
    patience_s: float
    remedy: str
    more_memory: str
    stopped: Callable[[], Stopped] = Stopped
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._none_since: float | None = None
        self._next_look = self.clock()
        self._reasons: dict[str, str] = {}

    def wait(self) -> None:
        """Wait until somebody is there to work.

        Raises:
            PipelineError: nobody comes.
        """
        while self._nobody_works(self._look_at_jobs()):
            time.sleep(0.1)

    def look(self) -> None:
        """See, once in a few seconds, whether somebody works; the first reason of each worker that was stopped is logged.

        Raises:
            PipelineError: nobody has for too long, or nobody ever will.
        """
        if self.clock() >= self._next_look:
            self._next_look = self.clock() + SECONDS_BETWEEN_LOOKS
            self._nobody_works(self._look_at_jobs())

    def reasons(self) -> str:
        """The sentence on the workers that were stopped from outside; "" if there is none."""
        self._look_at_jobs()
        shown = [f"{job} {reason}" for job, reason in islice(self._reasons.items(), MOST_REASONS)]
        more = [f"and {len(self._reasons) - MOST_REASONS} more"] if len(self._reasons) > MOST_REASONS else []
        return f" Stopped: {'; '.join(shown + more)}." if shown else ""

    def _look_at_jobs(self) -> Stopped:
        stopped = self.stopped()
        for job in stopped.reasons.keys() - self._reasons.keys():
            # The first one: what came after it is only how the job was cleared away.
            self._reasons[job] = stopped.reasons[job]
            log.warning("A worker (%s) has stopped: %s %s.", self.where, job, stopped.reasons[job])
        return stopped

    def _nobody_works(self, stopped: Stopped) -> bool:
        if is_at_work(self.client):
            self._none_since = None
            return False
        if self._none_since is None:
            self._none_since = self.clock()
        waited = self.clock() - self._none_since
        if stopped.all_of_them or waited >= self.patience_s:
            raise PipelineError(
                f"No worker ({self.where}) is at work, after {waited:.0f} s.{self.reasons()} Expected {self.count}."
                f" {self.remedy}"
            )
        return True


def is_at_work(client: Any) -> bool:
    """Whether a dask worker takes work, or has some in hand; one that is paused for want of memory takes none."""
    workers = known_workers(client).values()
    return any(worker["status"] == "running" or worker["metrics"]["task_counts"].get("executing") for worker in workers)


def known_workers(client: Any) -> dict[str, Any]:
    """What a dask client knows of each worker, by its address; nothing once the scheduler is gone."""
    workers: dict[str, Any] = client.scheduler_info().get("workers", {})
    return workers
