"""How a table is shown: as wide as the terminal allows, and without any package, since it may tell that one is missing."""

from __future__ import annotations

import shutil
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NARROWEST, WIDEST = 100, 180
GAP = "  "
# ANSI: green, yellow, bold red.
COLORS = {"ok": "\33[32m", "warning": "\33[33m", "fault": "\33[1;31m"}
PLAIN = "\33[0m"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, color: bool = False, apart: bool = False) -> str:
    """A table as text.

    Args:
        titles: of the columns.
        rows: cells; one may have several lines, and `ok`, `warning` and `fault` have colours.
        color: for a terminal.
        apart: leave a blank line between rows.

    >>> print(table(("what", "state"), [("disk", "ok"), ("a b", "fault")]))
    what  state
    ────  ─────
    disk  ok
    a b   fault
    """
    cells = [list(row) for row in rows]
    widths = _widths([titles, *cells], min(max(shutil.get_terminal_size((120, 40)).columns, NARROWEST), WIDEST))
    shown = [_row(row, widths, color=color) for row in cells]
    head = _row(titles, widths, color=False)
    return "\n".join([head, GAP.join("─" * width for width in widths), ("\n\n" if apart else "\n").join(shown)])


def _widths(rows: Sequence[Sequence[str]], most: int) -> list[int]:
    """As wide as the content asks for; the widest columns give way until all fit into *most*."""
    widths = [
        max(len(line) for cell in column for line in (cell.splitlines() or [""])) for column in zip(*rows, strict=True)
    ]
    while sum(widths) + len(GAP) * (len(widths) - 1) > most:
        widths[widths.index(max(widths))] -= 1
    return widths


def _row(cells: Sequence[str], widths: Sequence[int], *, color: bool) -> str:
    columns = [_lines(cell, width) for cell, width in zip(cells[:-1], widths[:-1], strict=True)]
    # What is to be typed stays whole, and may stand out on the right.
    columns.append(_lines(cells[-1], widths[-1], cut=False))
    lines = []
    for parts in zip_longest(*columns, fillvalue=""):
        padded = (_colored(part, width, color=color) for part, width in zip(parts, widths, strict=True))
        lines.append(GAP.join(padded).rstrip())
    return "\n".join(lines)


def _lines(cell: str, width: int, *, cut: bool = True) -> list[str]:
    wrapped = (wrap(line, width, break_on_hyphens=False, break_long_words=cut) for line in cell.splitlines())
    return [part for parts in wrapped for part in parts or [""]] or [""]


def _colored(part: str, width: int, *, color: bool) -> str:
    style = COLORS.get(part, "") if color else ""
    return f"{style}{part}{PLAIN if style else ''}".ljust(width + len(style) + (len(PLAIN) if style else 0))
