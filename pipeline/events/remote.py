"""How uproot is told to read over a network: with which client, and how long it waits for an answer."""

from __future__ import annotations

import os
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


def options_for(url: str) -> dict[str, Any]:
    """What `uproot.open` is given for *url*; sets the variables of XRootD's client, except those that are set already.

    XRootD is read by uproot's own source: fsspec-xrootd goes on with the dead handle of a file after a lost connection.
    """
    protocol = url.partition("://")[0]
    if protocol in ("root", "xroot", "roots"):
        from uproot.source.xrootd import XRootDSource

        for name, value in XROOTD_PATIENCE.items():  # the client reads them when it is first imported, by the source
            os.environ.setdefault(name, value)
        # Also for each request: an open file, and a client that somebody imported before, do not know the variables.
        return {"handler": XRootDSource, "timeout": int(os.environ["XRD_REQUESTTIMEOUT"])}
    if protocol in ("http", "https"):
        from aiohttp import ClientTimeout

        return {"client_kwargs": {"timeout": ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=ANSWER_S)}}
    return {}
