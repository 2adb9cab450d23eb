"""Workers as jobs of HTCondor, for the time of one stage."""

from __future__ import annotations

import shutil
import socket
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.files import scratch_folder
from pipeline.scale.condor_log import read_condor_logs
from pipeline.scale.local import SCRATCH, SETTINGS
from pipeline.scale.same_place import SamePlace
from pipeline.scale.temporary_security import temporary_security
from pipeline.scale.watch import Stopped, Watch
from pipeline.scale.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import HTCondor

# The first job of a busy pool may wait for long; nothing is lost meanwhile but time.
SECONDS_TO_START = 3600
# A worker that has lost its stage, which may have been killed, leaves the slot to others.
SECONDS_ALONE = 15
LOGS = Path("logs/workers")
WORKER_SETTINGS = {
    **SETTINGS,
    # A worker that grows gets to its end: one that is paused takes no work any more and would be waited for.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # A held job stays in the queue for as long as the stage runs, so that a person can see why, and release it.
    "distributed.deploy.lost-worker-timeout": "7 days",
}
# Without the first, a job begins without any PATH; as the profile has it for jobs of Snakemake.
ENVIRONMENT = (
    "PATH,HOME,LANG,LC_ALL,LD_LIBRARY_PATH,PYTHONPATH,NANOLOOM_SCRATCH,KERAS_BACKEND,KRB5CCNAME,REQUESTS_CA_BUNDLE,"
    "SSL_CERT_*,X509_*,XRD_*"
)


def htcondor_workers(section: HTCondor, *, scratch: Path = SCRATCH) -> Workers:
    """The jobs of *section*.

    Raises:
        InputError: dask-jobqueue is not installed, or HTCondor is not.
    """
    try:
        import cryptography  # noqa: F401 - temporary certificates are made with it
        import dask_jobqueue  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"Workers in HTCondor need a package that is not there: {error}. Install it with: pip install nanoloom[htcondor]"
        ) from error
    if shutil.which("condor_submit") is None:
        raise InputError(
            "There is no condor_submit on this machine. Expected the programs of HTCondor. Log in to a machine from which"
            " jobs can be submitted, or choose another place: --scale local"
        )
    return Workers(section.workers, lambda: _watch(section, scratch))


@contextmanager
def _watch(section: HTCondor, scratch: Path) -> Iterator[Watch]:
    import dask
    from distributed import Client

    logs = LOGS.resolve()
    logs.mkdir(parents=True, exist_ok=True)
    # Mode 0700, and gone with the stage, or with the next one if this is killed.
    with (
        scratch_folder(scratch.resolve() / "htcondor-workers") as folder,
        dask.config.set({**WORKER_SETTINGS, "temporary-directory": str(folder)}),
    ):
        jobs = Jobs(logs / f"{folder.name}.log", section.workers)
        with _cluster(section, folder, jobs) as cluster, Client(cluster, set_as_default=False) as client:
            watch = Watch(
                client,
                where="in HTCondor",
                count=section.workers,
                patience_s=SECONDS_TO_START,
                remedy=f"See `condor_q -better-analyze` and {LOGS}; ask for less memory, disk or time in `scale`.",
                more_memory=f"raise scale.memory_mb (it is {section.memory_mb})",
                stopped=jobs.stopped,
            )
            watch.wait()
            client.register_plugin(SamePlace())
            yield watch


def _cluster(section: HTCondor, folder: Path, jobs: Jobs) -> Any:
    """The scheduler in this process, and its jobs."""
    import dask
    from dask_jobqueue.htcondor import HTCondorCluster

    from pipeline.scale.htcondor_job import WorkerJob

    try:
        return HTCondorCluster(
            n_workers=section.workers,
            job_cls=WorkerJob,
            silence_logs="critical",  # what matters comes as an error of this stage
            refusals=jobs.refusals,
            cores=1,
            processes=1,
            memory=f"{section.memory_mb}MB",
            disk=f"{section.disk_mb}MB",
            python=sys.executable,
            death_timeout=SECONDS_ALONE,
            local_directory=section.local_directory,
            log_directory=str(jobs.log.parent),
            security=temporary_security(folder),
            protocol="tls://",
            # The page of a worker tells of its work to anybody, without encryption.
            worker_extra_args=["--no-dashboard", "--dashboard-address", "127.0.0.1:0", *_ports(section)],
            job_extra_directives={
                "initialdir": str(Path.cwd()),
                "getenv": ENVIRONMENT,
                "environment": f'"DASK_INTERNAL_INHERIT_CONFIG={dask.config.serialize(WORKER_SETTINGS)}"',
                "Log": str(jobs.log),
                "+MaxRuntime": str(section.runtime_min * 60),
                **section.directives,
            },
            scheduler_options={
                "host": section.host or socket.getfqdn(),
                "port": section.scheduler_port,
                "dashboard_address": "127.0.0.1:0",
            },
        )
    except RuntimeError as error:
        raise InputError(
            f"The scheduler for workers in HTCondor has not started: {error} Expected an address of this machine, and a free"
            " port. Correct scale.host and scale.scheduler_port in the YAML; 0 is any free port."
        ) from error


def _ports(section: HTCondor) -> list[str]:
    """What tells the process that works, and the one that watches it, where to listen."""
    return ["--worker-port", section.worker_ports, "--nanny-port", section.worker_ports] if section.worker_ports else []


@dataclass(frozen=True, slots=True)
class Jobs:
    """What becomes of the jobs of one stage.

    Args:
        log: where HTCondor writes what happens to them.
        count: how many are submitted.
        refusals: why some were not taken.
    """

    log: Path
    count: int
    refusals: list[str] = field(default_factory=list)

    def stopped(self) -> Stopped:
        """Those that are held, removed or at their end, or were never taken."""
        events = read_condor_logs([self.log] if self.log.exists() else [], now=datetime.now())
        over = (job for job in events.values() if job.state in ("held", "removed", "ended"))
        reasons = {f"job {job.number}": f"{job.state}: {job.reason or job.end}" for job in over}
        all_of_them = len(reasons) + len(self.refusals) == self.count
        reasons |= {f"{n} of {self.count} jobs": f"not taken: {why}" for why, n in Counter(self.refusals).items()}
        return Stopped(reasons, all_of_them=all_of_them)
