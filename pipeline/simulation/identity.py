"""The UUID of a simulated file: the same for the same content, another one for another."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from uuid import UUID

from pipeline.digest import code_digest

# What the content depends on beside the arguments: our own code, and the versions of what it calls.
CODE = (
    "pipeline/simulation",
    "pipeline/physics/groups.py",
    "pipeline/physics/kinematics.py",
    "pipeline/physics/objects.py",
    "pipeline/physics/pairs.py",
    "pipeline/statistics/hashing.py",
)
PACKAGES = ("awkward", "fastjet", "numpy", "pythia8mc", "uproot")


def file_uuid(*arguments: object) -> UUID:
    """A UUID from *arguments*, the code and data that make a file, and the versions of what they call."""
    content = (arguments, [version(package) for package in PACKAGES], code_digest(*CODE))
    # Version 8 of RFC 9562: the rest of the bits is ours.
    bits = int.from_bytes(hashlib.sha256(repr(content).encode()).digest()[:16], "big")
    return UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | (0x8 << 76) | (0x2 << 62))
