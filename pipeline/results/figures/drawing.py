"""One figure that can be drawn: its name, where it belongs, what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure before it is drawn.

    Args:
        name: of its files.
        group: heading in the report.
        caption: what it shows, in one or two sentences.
        draw: draws it; called once, so that one figure at a time is in memory.
    """

    name: str
    group: str
    caption: str
    draw: Callable[[], Figure]
