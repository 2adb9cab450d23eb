"""How many complaints are told in one message: some in full, the rest as a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 20


def listed(lines: Sequence[str], *, most: int = MOST) -> str:
    """*lines*, indented, one below the other.

    >>> print(listed(["a", "b", "c"], most=2))
      a
      b
      … and 1 more
    """
    more = [f"… and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join(f"  {line}" for line in [*lines[:most], *more])
