"""Can processes of this machine speak to each other, as dask's workers do?"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

LOOPBACK = "127.0.0.1"


def check(machine: Machine, *, address: str = LOOPBACK) -> Iterator[Finding]:
    """A connection through any free port of *address*, there and back."""
    try:
        with socket.create_server((address, 0)) as server:
            server.settimeout(2)
            with socket.create_connection(server.getsockname(), timeout=2) as client, server.accept()[0] as other:
                client.sendall(b"x")
                other.recv(1)
    except OSError as error:
        todo = "A firewall or container forbids it: ask for loopback, or work with --workers 1 in one process."
        yield fault("ports", f"no connection on {address}: {error}", todo)
    else:
        yield ok("ports", f"free ones on {address} can be used")
