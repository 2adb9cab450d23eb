"""Which systematic variations a processor knows, and what it says to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Collection

NOMINAL = "nominal"


def check_variation(variation: str, known: Collection[str] = (NOMINAL,)) -> None:
    """See that *variation* is one of the *known*.

    Raises:
        InputError: it is not; names the nearest.
    """
    if variation not in known:
        raise InputError(
            f"Variation {variation!r} is not known to this processor. {nearest(variation, known)} Correct the name."
        )
