"""Workers of a dask scheduler that runs already, for example on a farm with GPUs."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from distributed.diagnostics.plugin import WorkerPlugin

from pipeline.errors import InputError
from pipeline.scale.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Scheduler

SECONDS_TO_CONNECT = 30


class SamePlace(WorkerPlugin):  # type: ignore[misc]
    """Lets a worker find files by the same relative paths, and the same plug-ins."""

    name = "nanoloom-place"

    def __init__(self) -> None:
        self.folder, self.paths = Path.cwd(), [path for path in sys.path if path]

    def setup(self, worker: Any) -> None:
        """Called by dask, on each worker."""
        os.chdir(self.folder)
        sys.path[:0] = [path for path in self.paths if path not in sys.path]


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
    return Workers(section.workers, lambda: _client(section), where=f"of {section.address}")


@contextmanager
def _client(section: Scheduler) -> Iterator[Any]:
    from distributed import Client
    from distributed.security import Security

    files = {"tls_ca_file": section.ca_file, "tls_client_cert": section.cert_file, "tls_client_key": section.key_file}
    security = Security(require_encryption=True, **files) if section.ca_file else None
    try:
        client = Client(section.address, security=security, set_as_default=False, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The scheduler {section.address} does not answer within {SECONDS_TO_CONNECT} s: {error}. Expected a running"
            " `dask scheduler` with the same certificates. Start it, or correct `scale` in the YAML."
        ) from error
    with client:
        _check(client, section)
        client.register_plugin(SamePlace())
        yield client


def _check(client: Any, section: Scheduler) -> None:
    try:
        client.wait_for_workers(1, timeout=SECONDS_TO_CONNECT)
    except TimeoutError as error:
        raise InputError(
            f"The scheduler {section.address} has no worker after {SECONDS_TO_CONNECT} s. Expected {section.workers}."
            f" Start them with: dask worker {section.address}"
        ) from error
    try:
        client.get_versions(check=True, packages=["awkward", "coffea", "uproot", "keras"])
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
