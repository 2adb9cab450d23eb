"""Where work runs: as the YAML says in `scale`, or as is said on the command line or in the environment."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.config import HTCondor, Local, Scheduler, Sync
from pipeline.errors import InputError, nearest
from pipeline.scale.local import local_workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Scale
    from pipeline.scale.workers import Workers

KINDS: dict[str, Any] = {"sync": Sync, "local": Local, "htcondor": HTCondor}


def scale_of(configured: Scale, said: str | None) -> Scale:
    """What is *said* (`sync`, `local`, `htcondor`, or the address of a dask scheduler), else what is *configured*.

    Details of the YAML, such as memory or certificates, hold where it is of the same kind.

    Raises:
        InputError: there is no such kind.
    """
    if said is None or said == configured.kind:
        return configured
    if "://" in said:
        known = configured.model_dump() if isinstance(configured, Scheduler) else {"kind": "dask"}
        return Scheduler.model_validate({**known, "address": said})
    if said not in KINDS:
        raise InputError(
            f"--scale {said!r} is no place to work. {nearest(said, KINDS)} Or give the address of a dask scheduler:"
            " --scale tls://host:8786"
        )
    found: Scale = KINDS[said]()
    return found


@contextmanager
def open_workers(scale: Scale, count: int) -> Iterator[Workers | None]:
    """The workers of *scale*; None for work in this process.

    Args:
        scale: kind and details.
        count: processes to start on this machine; a scheduler and HTCondor have their own number. Below 1 there is none.
    """
    if isinstance(scale, Sync) or (isinstance(scale, Local) and count < 1):
        yield None
        return
    with _workers(scale, count) as workers:
        yield workers


def _workers(scale: Scale, count: int) -> Workers:
    if isinstance(scale, Scheduler):
        from pipeline.scale.scheduler import scheduler_workers

        return scheduler_workers(scale)
    if isinstance(scale, HTCondor):
        from pipeline.scale.htcondor import htcondor_workers

        return htcondor_workers(scale)
    return local_workers(count)
