"""Workers as jobs of HTCondor, for the time of one stage."""

from __future__ import annotations

import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.scale.local import SCRATCH, SETTINGS
from pipeline.scale.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import HTCondor

# The first job of a busy pool may wait for long; nothing is lost meanwhile but time.
SECONDS_TO_START = 3600


def htcondor_workers(section: HTCondor, *, scratch: Path = SCRATCH) -> Workers:
    """The jobs of *section*.

    Raises:
        InputError: dask-jobqueue is not installed.
    """
    try:
        import cryptography  # noqa: F401 - temporary certificates are made with it
        import dask_jobqueue  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"Workers in HTCondor need a package that is not there: {error}. Install it with: pip install nanoloom[htcondor]"
        ) from error
    return Workers(section.workers, lambda: _client(section, scratch), where="in HTCondor")


@contextmanager
def _client(section: HTCondor, scratch: Path) -> Iterator[Any]:
    import dask
    from dask_jobqueue.htcondor import HTCondorCluster
    from distributed import Client
    from distributed.security import Security

    folder = scratch.resolve() / "dask"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    logs = Path("logs/workers").resolve()
    logs.mkdir(parents=True, exist_ok=True)
    with (
        dask.config.set({**SETTINGS, "temporary-directory": str(folder)}),
        HTCondorCluster(
            n_workers=section.workers,
            cores=1,
            processes=1,
            memory=f"{section.memory_mb}MB",
            disk=f"{section.disk_mb}MB",
            python=sys.executable,
            local_directory=section.local_directory,
            log_directory=str(logs),
            # Temporary certificates, of this user and this stage alone: a scheduler without would run anybody's code as you.
            security=Security.temporary(),
            shared_temp_directory=str(folder),
            protocol="tls://",
            job_extra_directives={
                "initialdir": str(Path.cwd()),
                # Without it, a job begins without any PATH.
                "getenv": "PATH,HOME,PYTHONPATH,X509_USER_PROXY,KRB5CCNAME",
                "+MaxRuntime": str(section.runtime_min * 60),
                **section.directives,
            },
            scheduler_options={"host": section.host or socket.getfqdn(), "dashboard_address": "127.0.0.1:0"},
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        try:
            client.wait_for_workers(1, timeout=SECONDS_TO_START)
        except TimeoutError as error:
            raise InputError(
                f"No worker has started in HTCondor within {SECONDS_TO_START} s. Expected {section.workers}."
                f" See `condor_q -better` and {logs}; ask for less memory or disk in `scale`."
            ) from error
        yield client
