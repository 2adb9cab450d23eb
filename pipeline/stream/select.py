"""How a range becomes selected events: the one place where a processor runs, for training, scoring and histograms."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pipeline import plugins
from pipeline.digest import PACKAGES, ROOT, code_digest, content_digest, files_named_in, versions_of
from pipeline.errors import InputError
from pipeline.events.processor import load_processor
from pipeline.events.reading import open_events, reading
from pipeline.imports import closure

if TYPE_CHECKING:
    from pathlib import Path

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
    running_digest(analysis)
    processor = load_processor(analysis)
    with reading(part):
        selected: Selected = processor.process(open_events(part, reads=(*processor.reads, "genWeight")), variation)
    return selected


def processor_digest(analysis: Analysis) -> str:
    """Digest of what decides what a selected event looks like, as it is on disk now: the processor, all code and data that
    it uses, files that `selection` names, and the versions of the packages below it, as this process first found them."""
    return _digest(_path_of(analysis), tuple(files_named_in(analysis.selection)))


def running_digest(analysis: Analysis) -> str:
    """Digest of the same code as this process runs it: what is edited after it was loaded does not run here."""
    return _digest_when_loaded(_path_of(analysis), tuple(files_named_in(analysis.selection)))


def check_running(analysis: Analysis, expected: str) -> None:
    """See that this process runs the code that is *expected*, by its digest.

    Raises:
        InputError: it was edited after this process, or the stage that it works for, has begun.
    """
    if running_digest(analysis) != expected:
        raise InputError(
            f"processors/{analysis.processor}.py, or code that it uses, was edited while a stage ran, or a worker has other"
            f" versions of {', '.join(PACKAGES)}. Expected the same code from beginning to end. Run the stage again; workers"
            " that run for longer are to be started again as well."
        )


@lru_cache(maxsize=8)
def _digest_when_loaded(path: Path, settings: tuple[Path, ...]) -> str:
    """A module is loaded once a process, whatever becomes of its file."""
    digest = _digest(path, settings)
    plugins.load("processors", path.stem, root=path.parent.parent)
    return digest


def _digest(path: Path, settings: tuple[Path, ...]) -> str:
    files = {*closure(path, *SELECTED_BY), *(file.resolve() for file in settings)}
    return content_digest([code_digest(*files), versions_of(PACKAGES)])


def _path_of(analysis: Analysis) -> Path:
    return plugins.find("processors", analysis.processor).resolve()
