"""Real servers, started on loopback for one test; skipped, with the reason, where they cannot run."""

import os

import pytest

from pipeline.events.pool import pool
from pipeline.events.remote import XROOTD_PATIENCE
from tests.cluster.servers import Nginx, XRootD, why_not

KINDS = {"xrootd": (XRootD, "XRootD"), "nginx": (Nginx, "aiohttp")}


def start(kind):
    """A context with a running server, of which the client is installed."""
    server, client = KINDS[kind]
    # The client of XRootD reads its variables when it is first imported.
    os.environ.update({name: os.environ.get(name, value) for name, value in XROOTD_PATIENCE.items()})
    pytest.importorskip(client, reason=f"reading from {kind} needs an extra of nanoloom")
    reason = why_not(server)
    if reason:
        pytest.skip(reason)
    return server()


@pytest.fixture
def xrootd():
    """A running XRootD server."""
    with start("xrootd") as server:
        yield server
        pool().close()


@pytest.fixture
def nginx():
    """A running nginx."""
    with start("nginx") as server:
        yield server
        pool().close()


@pytest.fixture(params=list(KINDS))
def server(request):
    """Each of the servers."""
    return request.getfixturevalue(request.param)
