"""How a range becomes selected events: the one place where a processor is run, for training, scoring and histograms alike."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipeline import plugins
from pipeline.digest import code_digest
from pipeline.errors import InputError
from pipeline.events.reading import open_events, reading

if TYPE_CHECKING:
    from pipeline.config import Analysis
    from pipeline.events.plan import Range
    from pipeline.physics.selected import Selected


def select(analysis: Analysis, part: Range, *, variation: str = "nominal") -> Selected:
    """Run the processor of *analysis* on one range.

    Raises:
        InputError: the file cannot be read, or is not the one that was planned.
    """
    processor = load_processor(analysis)
    with reading(part):
        selected: Selected = processor.process(open_events(part, reads=(*processor.reads, "genWeight")), variation)
    return selected


def load_processor(analysis: Analysis) -> Any:
    """The processor of *analysis* with its settings; one a process.

    Raises:
        InputError: it does not exist, or a key of `selection` is wrong.
    """
    return _processor(analysis.name, analysis.processor, json.dumps(analysis.selection, sort_keys=True))


def processor_digest(analysis: Analysis) -> str:
    """Digest of the code that decides what a selected event looks like."""
    processor = plugins.find("processors", analysis.processor).resolve()
    return code_digest(processor, "pipeline/physics", "pipeline/stream/chunk.py", "pipeline/stream/padding.py")


@lru_cache(maxsize=8)
def _processor(analysis: str, name: str, selection: str) -> Any:
    module = plugins.load("processors", name)
    try:
        settings = module.Settings.model_validate(json.loads(selection))
    except ValidationError as error:
        wrong = "; ".join(f"selection.{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise InputError(
            f"config/{analysis}.yaml: {wrong}. Expected the settings of processors/{name}.py. Correct the key or value."
        ) from error
    return module.Processor(settings)
