"""Workers on this machine: a dask cluster on loopback, for the time of one stage."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pipeline.errors import PipelineError
from pipeline.files import cannot_write, check_room, private_folder, scratch_place
from pipeline.scale.watch import Watch
from pipeline.scale.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRATCH = scratch_place()
# For a worker that ended to be started again, on a busy machine.
SECONDS_WITHOUT = 60
# What dask writes in its temporary folder: locks.
BYTES_TO_START = 65_536
SETTINGS = {
    # A range is not retried blindly on another worker: a worker that dies is an error to be seen.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.worker.daemon": True,
    "distributed.admin.log-format": "%(levelname)s %(name)s %(message)s",
    # dask profiles every worker, and nobody looks at it here.
    "distributed.worker.profile.enabled": False,
    # Every process looks whether its own loop is late, 50 times a second: one part in seventy of a core, for nothing.
    "distributed.admin.tick.interval": "1s",
    # dask lets workers give memory back after every array, and the system clears it for the next one: a third of the time.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 1 << 28,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 1 << 25,
}


def local_workers(count: int, *, scratch: Path = SCRATCH) -> Workers:
    """So many processes on this machine.

    Args:
        count: of processes.
        scratch: folder for their temporary files.
    """
    return Workers(count, lambda: _watch(count, scratch))


@contextmanager
def _watch(count: int, scratch: Path) -> Iterator[Watch]:
    import dask
    from distributed import Client

    folder = scratch.resolve() / "dask"
    try:
        private_folder(folder)
        check_room(folder, BYTES_TO_START)
    except OSError as error:
        raise cannot_write(folder, error) from error
    with (
        dask.config.set({**SETTINGS, "temporary-directory": str(folder)}),
        _cluster(count) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield Watch(
            client,
            where="on this machine",
            count=count,
            patience_s=SECONDS_WITHOUT,
            remedy="Run the stage again with --scale sync, which shows what ends them.",
            more_memory="use fewer workers on this machine (--workers, or --cores of Snakemake)",
        )


def _cluster(count: int) -> Any:
    from distributed import LocalCluster

    try:
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # Any free port: with None, dask takes 8787 and warns where another one has it.
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            # What matters comes as an error of this stage; dask's own tracebacks of a lost connection only hide it.
            silence_logs=50,
            **_encrypted(),
        )
    except RuntimeError as error:
        raise PipelineError(
            f"The {count} workers on this machine have not started: {error} Expected processes that stay."
            " Run the stage again; if it happens again, use fewer workers, or --scale sync, which shows what ends them."
        ) from error


def _encrypted() -> dict[str, Any]:
    """With keys that other users of this machine have not, who else could have the scheduler run their code as you.

    Only where cryptography is installed, which makes them; 6 ms more for each range.
    """
    if find_spec("cryptography") is None:
        return {}
    from distributed.security import Security

    return {"security": Security.temporary(), "protocol": "tls://"}
