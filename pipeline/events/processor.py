"""Which processor an analysis runs, with its settings."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipeline import plugins
from pipeline.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Analysis


def load_processor(analysis: Analysis) -> Any:
    """The processor of *analysis* with its settings; one a process.

    Raises:
        InputError: it does not exist, or a key of `selection` is wrong.
    """
    # By its path: a process may meet processors of one name in several folders.
    path = plugins.find("processors", analysis.processor).resolve()
    return _processor(analysis.name, path, json.dumps(analysis.selection, sort_keys=True))


@lru_cache(maxsize=8)
def _processor(analysis: str, path: Path, selection: str) -> Any:
    module = plugins.load("processors", path.stem, root=path.parent.parent)
    try:
        settings = module.Settings.model_validate(json.loads(selection))
    except ValidationError as error:
        wrong = "; ".join(f"selection.{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise InputError(
            f"config/{analysis}.yaml: {wrong}. Expected the settings of processors/{path.name}. Correct the key or value."
        ) from error
    return module.Processor(settings)
