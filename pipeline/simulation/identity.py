"""The UUID of a simulated file: the same for the same content, another one for another."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

FOLDER = Path(__file__).parent
# What the content depends on beside our own code.
PACKAGES = ("awkward", "fastjet", "numpy", "pythia8mc", "uproot")


def file_uuid(*arguments: object) -> UUID:
    """A UUID from *arguments*, the code and data of this package, and the versions of what it calls."""
    digest = hashlib.sha256(repr((arguments, [version(package) for package in PACKAGES])).encode())
    for path in sorted(path for path in FOLDER.rglob("*") if path.suffix in (".py", ".yaml", ".json")):
        digest.update(path.relative_to(FOLDER).as_posix().encode())
        digest.update(path.read_bytes())
    # Version 8 of RFC 9562: the rest of the bits is ours.
    bits = int.from_bytes(digest.digest()[:16], "big")
    return UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | (0x8 << 76) | (0x2 << 62))
