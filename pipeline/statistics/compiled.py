"""How loops over events become machine code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def compiled(function: F) -> F:
    """*function* as machine code, kept on disk for the next process where a folder for it can be written."""
    try:
        return numba.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba finds no writable folder, for example on a batch node without a home
        return numba.njit(nogil=True)(function)  # type: ignore[no-any-return]
