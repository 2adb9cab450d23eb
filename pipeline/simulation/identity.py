"""The UUID of a simulated file: the same for the same content, another one for another."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from uuid import UUID

from pipeline.digest import ROOT, code_digest
from pipeline.imports import closure
from pipeline.plugins import find_card

# What the content depends on beside the arguments: our own code, and the versions of what it calls.
MODULE = ROOT / "pipeline/simulation/simulate.py"
PACKAGES = ("awkward", "fastjet", "numpy", "pythia8mc", "uproot")


def file_uuid(card: str, *arguments: object) -> UUID:
    """A UUID from the process card, *arguments*, the code and data that make a file, and the versions of what they call.

    Raises:
        InputError: there is no such card.
    """
    code = code_digest(*closure(MODULE), find_card(card))
    content = ((card, *arguments), [version(package) for package in PACKAGES], code)
    # Version 8 of RFC 9562: the rest of the bits is ours.
    bits = int.from_bytes(hashlib.sha256(repr(content).encode()).digest()[:16], "big")
    return UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | (0x8 << 76) | (0x2 << 62))
