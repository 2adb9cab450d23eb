"""ROOT files without the time of day in them, so that equal content is equal bytes."""

from __future__ import annotations

import datetime
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator

# The first moment that ROOT's TDatime can hold.
EPOCH = datetime.datetime(1995, 1, 1)
# Where uproot 5.7 asks for the time. It has an option for a file's UUID, but none for its times.
MODULES = ("uproot.writing._cascade", "uproot.writing._cascadetree", "uproot.writing.writable")


@contextmanager
def without_time() -> Iterator[None]:
    """While this lasts, uproot writes the time `EPOCH` into files and objects of this process."""
    clock = SimpleNamespace(datetime=SimpleNamespace(now=lambda: EPOCH))
    first, second, third = (patch(f"{module}.datetime", clock) for module in MODULES)
    with first, second, third:
        yield
