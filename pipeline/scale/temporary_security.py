"""Certificates for one stage: a scheduler without would run anybody's code as the user who started it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def temporary_security(folder: Path) -> Any:
    """dask's `Security` with a new key and its certificate, by which scheduler, workers and client know one another.

    Args:
        folder: on a disk that the workers see as well; the files get mode 0600.
    """
    from distributed.security import Security

    made = Security.temporary()
    certificate = _write(folder / "certificate.pem", made.tls_scheduler_cert)
    key = _write(folder / "key.pem", made.tls_scheduler_key)
    roles = ("scheduler", "worker", "client")
    return Security(
        require_encryption=True,
        tls_ca_file=_write(folder / "authority.pem", made.tls_ca_file),
        **{f"tls_{role}_cert": certificate for role in roles},
        **{f"tls_{role}_key": key for role in roles},
    )


def _write(path: Path, text: str) -> str:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    return str(path)
