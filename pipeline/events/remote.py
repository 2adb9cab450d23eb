"""How uproot is told to read over a network: with which client, and how long it waits for an answer."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

# Seconds without an answer. With the client's defaults an unreachable XRootD server is waited for longer than three minutes.
# A slow transfer is no missing answer, as long as something arrives.
CONNECT_S = 10
ANSWER_S = 12
# https://xrootd.slac.stanford.edu/doc/xrdcl-docs/www/xrdcldocs.html, section "Environment variables".
XROOTD_PATIENCE = {
    "XRD_CONNECTIONWINDOW": str(CONNECT_S),  # for one attempt to connect
    "XRD_CONNECTIONRETRY": "1",  # attempts, here and below: `retrying` makes the next ones
    "XRD_REQUESTTIMEOUT": str(ANSWER_S),
    "XRD_STREAMTIMEOUT": str(ANSWER_S),  # for a connection on which nothing arrives
    "XRD_STREAMERRORWINDOW": "0",  # do not wait before connecting again to a server that closed the connection
    "XRD_TIMEOUTRESOLUTION": "1",  # how often time-outs are looked at
}


def be_patient() -> None:
    """Set the variables of XRootD's client, except those that are set already; it reads them when it is first imported."""
    for name, value in XROOTD_PATIENCE.items():
        os.environ.setdefault(name, value)


def load_xrootd() -> None:
    """Import XRootD's client, where it is installed: it must be there before TensorFlow.

    Imported after TensorFlow it ends the process (xrootd 6.2.1 and tensorflow 2.21: a segmentation fault).
    """
    be_patient()
    with suppress(ImportError):
        import XRootD.client  # noqa: F401


def options_for(url: str) -> dict[str, Any]:
    """What `uproot.open` is given for *url*; sets the variables of XRootD's client, except those that are set already.

    XRootD is read by uproot's own source: fsspec-xrootd goes on with the dead handle of a file after a lost connection.
    """
    protocol = url.partition("://")[0]
    if protocol in ("root", "xroot", "roots"):
        from uproot.source.xrootd import XRootDSource

        be_patient()  # the client is imported by the source
        # Also for each request: an open file, and a client that somebody imported before, do not know the variables.
        return {"handler": XRootDSource, "timeout": int(os.environ["XRD_REQUESTTIMEOUT"])}
    if protocol in ("http", "https"):
        from aiohttp import ClientTimeout

        return {"client_kwargs": {"timeout": ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=ANSWER_S)}}
    return {}
