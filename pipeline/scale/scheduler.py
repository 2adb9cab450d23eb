"""Workers of a dask scheduler that runs already, for example on a farm with GPUs."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.errors import InputError
from pipeline.scale.same_place import SamePlace
from pipeline.scale.watch import Watch
from pipeline.scale.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Scheduler

SECONDS_TO_CONNECT = 30


def scheduler_workers(section: Scheduler) -> Workers:
    """The workers of the scheduler of *section*.

    Raises:
        InputError: its address is not on this machine and not encrypted: whoever reaches it could run code as you.
    """
    address = urlsplit(section.address)
    if address.scheme != "tls" and not _is_loopback(address.hostname):
        raise InputError(
            f"The scheduler {section.address} is beyond this machine and not encrypted: anybody who reaches it can run code"
            " as you. Expected tls://. Start it with --tls-ca-file, --tls-cert and --tls-key, and name these in `scale`."
        )
    if address.scheme == "tls" and not (section.ca_file and section.cert_file and section.key_file):
        raise InputError(
            f"The scheduler {section.address} is encrypted, and `scale` names no certificates. Expected ca_file, cert_file"
            " and key_file, those of the scheduler. Add them in the YAML."
        )
    return Workers(section.workers, lambda: _watch(section))


@contextmanager
def _watch(section: Scheduler) -> Iterator[Watch]:
    from distributed import Client
    from distributed.security import Security
    from distributed.utils import silence_logging_cmgr

    files = {"tls_ca_file": section.ca_file, "tls_client_cert": section.cert_file, "tls_client_key": section.key_file}
    security = Security(require_encryption=True, **files) if section.ca_file else None
    try:
        client = Client(section.address, security=security, set_as_default=False, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The scheduler {section.address} does not answer within {SECONDS_TO_CONNECT} s: {error}. Expected a running"
            " `dask scheduler` with the same certificates. Start it, or correct `scale` in the YAML."
        ) from error
    # That it is lost comes as an error of this stage; dask's own traceback only hides it.
    with silence_logging_cmgr(logging.CRITICAL), client:
        watch = Watch(
            client,
            where=f"of {section.address}",
            count=section.workers,
            patience_s=SECONDS_TO_CONNECT,
            remedy=f"Start them with: dask worker {section.address}; if they are there, they lack memory: see their logs.",
            more_memory="start them with a larger --memory-limit",
        )
        watch.wait()
        _check_versions(client, section)
        client.register_plugin(SamePlace())
        yield watch


def _check_versions(client: Any, section: Scheduler) -> None:
    try:
        client.get_versions(check=True, packages=["awkward", "coffea", "uproot", "keras", "onnxruntime", "xgboost"])
    except ValueError as error:
        raise InputError(
            f"The workers of {section.address} have other versions than this process: {error}. Expected the same, for"
            " the same results. Start them from the same environment."
        ) from error


def _is_loopback(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
