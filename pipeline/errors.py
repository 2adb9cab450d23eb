"""Which errors a user can mend, and how they are told.

A message has three short sentences: what happened, with the value and the place; what was expected or is nearest;
what to do.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class PipelineError(Exception):
    """Something failed while the pipeline ran; the command line prints one line and exits with `exit_code`."""

    exit_code = 1


class InputError(PipelineError):
    """What the user gave is wrong: a configuration, a file, a plug-in. The command line exits with 2."""

    exit_code = 2


class Unbuildable(InputError):
    """A model cannot be built with the options or inputs that are given."""


class Diverged(PipelineError):
    """A training has no finite loss any more."""


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """The sentence that names what is nearest to a misspelt *name*.

    >>> nearest("zpeek", ["zpeak", "dimuon"])
    "Nearest: 'zpeak'."
    >>> nearest("xyz", ["zpeak", "dimuon"])
    "Known: 'dimuon', 'zpeak'."
    """
    names = sorted(set(known))
    close = get_close_matches(name, names, n=most, cutoff=0.5)
    if close:
        return f"Nearest: {_quoted(close)}."
    if not names:
        return "There are none."
    shown = _quoted(names[:12])
    return f"Known: {shown}{', …' if len(names) > 12 else ''}."


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
