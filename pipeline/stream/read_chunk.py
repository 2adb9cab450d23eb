"""How a range becomes selected events and tensors; over a network, with another attempt where a column was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.events.files import is_url
from pipeline.events.pool import pool
from pipeline.events.reading import reading
from pipeline.events.retry import retrying
from pipeline.events.site_slots import site_slots
from pipeline.stream.chunk import build_chunk
from pipeline.stream.select import check_running, select

if TYPE_CHECKING:
    from pipeline.config import Analysis
    from pipeline.events.plan import Range
    from pipeline.physics.selected import Selected
    from pipeline.stream.chunk import Chunk


def read_chunk(analysis: Analysis, part: Range, *, code: str, for_training: bool) -> tuple[Selected, Chunk]:
    """The selected events of *part*, and every input set built from them.

    Args:
        code: digest of the processor that the caller counts on.
        for_training: with what only training needs.

    Raises:
        InputError: the file cannot be read or is not the one that was planned, an input is wrong, or other code runs here.
    """
    check_running(analysis, code)

    def attempt() -> tuple[Selected, Chunk]:
        with reading(part):  # a column may be read only when a tensor is built from it
            selected = select(analysis, part)
            return selected, build_chunk(selected, analysis, place=str(part), for_training=for_training)

    most = analysis.reading.max_opens_per_site
    with site_slots(part.path, most):
        try:
            return retrying(part.path, attempt)
        finally:
            if most and is_url(part.path):  # a file that stays open would hold its slot
                pool().drop(part.path)
