"""Can dask speak TLS, as it has to beyond this machine, and on this one where it has other users?"""

from __future__ import annotations

import ssl
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine


def check(machine: Machine, *, has_cryptography: bool | None = None) -> Iterator[Finding]:
    """The library of Python, and the package that makes temporary certificates."""
    there = find_spec("cryptography") is not None if has_cryptography is None else has_cryptography
    if there:
        yield ok("TLS of dask", ssl.OPENSSL_VERSION)
    else:
        yield warning(
            "TLS of dask",
            "cryptography is not installed: no workers beyond this machine, and other users of it can reach those on it",
            "pip install cryptography",
        )
