"""Is there a grid proxy, readable by its owner alone, that lasts for a while, and where jobs can read it?"""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

MAKE = "voms-proxy-init -voms cms -valid 192:00"
ENOUGH_HOURS = 12.0


def check(machine: Machine, *, now: float | None = None) -> Iterator[Finding]:
    """X509_USER_PROXY, or else /tmp/x509up_u<number of the user>; *now* in seconds since 1970."""
    variable = machine.environment.get("X509_USER_PROXY")
    path = Path(variable) if variable else machine.root / f"tmp/x509up_u{machine.user}"
    if not path.is_file():
        yield _missing(machine, path, named=bool(variable))
        return
    if path.stat().st_mode & 0o077:
        yield fault("grid proxy", f"others may read {path}: no server will take it", f"chmod 600 {path}")
    ends = machine.run("openssl", "x509", "-noout", "-enddate", "-in", str(path)).text.strip().partition("notAfter=")[2]
    if not ends:
        yield warning("grid proxy", f"{path} holds no certificate that openssl can read", MAKE)
        return
    hours = (ssl.cert_time_to_seconds(ends) - (time.time() if now is None else now)) / 3600
    yield _time_left(path, hours)
    if path.is_relative_to(machine.root / "tmp") and (machine.has("condor_submit") or machine.has("sbatch")):
        yield warning(
            "grid proxy for jobs",
            f"{path} is on this machine only",
            f"cp {path} ~/x509up && export X509_USER_PROXY=~/x509up",
        )


def _missing(machine: Machine, path: Path, *, named: bool) -> Finding:
    users = [
        analysis.name
        for analysis in machine.analyses
        if any("root://" in str(file) for dataset in analysis.datasets.values() for file in dataset.files)
    ]
    if named:
        return fault("grid proxy", f"X509_USER_PROXY names {path}, which is not there", MAKE)
    if users:
        todo = f"Open data needs none; else {MAKE}"
        return warning("grid proxy", f"none; {', '.join(users)} reads root://", todo)
    return ok("grid proxy", "none, and none is needed")


def _time_left(path: Path, hours: float) -> Finding:
    if hours <= 0:
        return fault("grid proxy", f"{path} has expired", MAKE)
    found = f"{path}, {hours:.0f} hours left"
    return ok("grid proxy", found) if hours > ENOUGH_HOURS else warning("grid proxy", found, MAKE)
