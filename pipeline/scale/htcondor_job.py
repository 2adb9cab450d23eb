"""One worker as a job of HTCondor, by dask-jobqueue; a job that HTCondor does not take is remembered, with the reason."""

from __future__ import annotations

from typing import Any

from dask_jobqueue.htcondor import HTCondorJob
from distributed.core import Status


class WorkerJob(HTCondorJob):  # type: ignore[misc]
    """A job that fails to be submitted without a word otherwise: dask would wait for its worker.

    Args:
        refusals: the reasons are added here.
    """

    def __init__(self, *args: Any, refusals: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._refusals = refusals

    async def start(self) -> None:
        """Submit it; called by dask."""
        try:
            await super().start()
        except (OSError, RuntimeError, ValueError) as error:
            # Of what dask-jobqueue says, what HTCondor has said.
            self._refusals.append(" ".join(str(error).rpartition("stderr:")[2].split()))
            self.status = Status.running  # there is nothing to be waited for, and nothing to be removed

    async def close(self) -> None:
        """Remove it; called by dask."""
        await super().close()
        self.status = Status.closed
