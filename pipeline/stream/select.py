"""How a range becomes selected events: the one place where a processor runs, for training, scoring and histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline import plugins
from pipeline.digest import ROOT, code_digest
from pipeline.events.processor import load_processor
from pipeline.events.reading import open_events, reading
from pipeline.imports import closure

if TYPE_CHECKING:
    from pipeline.config import Analysis
    from pipeline.events.plan import Range
    from pipeline.physics.selected import Selected


# Beside the processor: how events are read, named and made into tensors.
SELECTED_BY = (ROOT / "pipeline/stream/select.py", ROOT / "pipeline/stream/chunk.py")


def select(analysis: Analysis, part: Range, *, variation: str = "nominal") -> Selected:
    """Run the processor of *analysis* on one range.

    Raises:
        InputError: the file cannot be read, or is not the one that was planned.
    """
    processor = load_processor(analysis)
    with reading(part):
        selected: Selected = processor.process(open_events(part, reads=(*processor.reads, "genWeight")), variation)
    return selected


def processor_digest(analysis: Analysis) -> str:
    """Digest of the code that decides what a selected event looks like."""
    processor = plugins.find("processors", analysis.processor).resolve()
    return code_digest(*closure(processor, *SELECTED_BY))
