"""Which authorities are trusted, by XRootD and by HTTPS?"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

GRID = "etc/grid-security/certificates"


def check(machine: Machine) -> Iterator[Finding]:
    """The folder of the grid's authorities, and the file of those of HTTPS."""
    named = machine.environment.get("X509_CERT_DIR")
    folder = Path(named) if named else machine.root / GRID
    if any(folder.glob("*.[0-9]")) or any(folder.glob("*.pem")):
        yield ok("grid authorities", str(folder))
    elif named:
        yield fault(
            "grid authorities", f"X509_CERT_DIR names {folder}, where there are none", f"export X509_CERT_DIR=/{GRID}"
        )
    else:
        yield ok("grid authorities", "none", f"To read from CMS sites: export X509_CERT_DIR=/cvmfs/grid.cern.ch/{GRID}")
    yield _of_https(machine)


def _of_https(machine: Machine) -> Finding:
    paths = ssl.get_default_verify_paths()
    file = Path(machine.environment.get(paths.openssl_cafile_env) or paths.openssl_cafile)
    folder = Path(machine.environment.get(paths.openssl_capath_env) or paths.openssl_capath)
    if file.is_file():
        return ok("HTTPS authorities", str(file))
    if folder.is_dir() and any(folder.iterdir()):
        return ok("HTTPS authorities", str(folder))
    todo = "export SSL_CERT_FILE=$(python -m certifi)"
    return warning("HTTPS authorities", f"neither {file} nor {folder} holds any", todo)
