"""Which code made a product: a digest of the files that it depends on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.datasets import events_by_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.config import Analysis

ROOT = Path(__file__).resolve().parent.parent


def code_digest(*paths: str | Path, root: str | Path = ROOT) -> str:
    """Digest of files, and of the Python, YAML, JSON and template files below folders: 16 hexadecimal digits.

    Args:
        paths: relative to *root*, or absolute.
        root: the repository.

    Raises:
        FileNotFoundError: a path does not exist, so that code which moved is not left out.
    """
    digest = hashlib.sha256()
    for path in sorted(_files(Path(root), paths)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def content_digest(content: Any) -> str:
    """Digest of *content*, made of what JSON knows: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def settings_digest(analysis: Analysis, sections: Iterable[str]) -> str:
    """Digest of some sections of an analysis."""
    content = analysis.model_dump(mode="json")
    return content_digest({section: content[section] for section in sections})


def model_digest(analysis: Analysis, model: str) -> str:
    """Digest of what the training of *model* depends on in the configuration."""
    common = settings_digest(analysis, ("seed", "folds", "selection", "datasets", "task"))
    entry = analysis.models[model]
    inputs = analysis.model_dump(mode="json")["inputs"][entry.inputs]
    return content_digest(
        [common, inputs, entry.model_dump(mode="json"), analysis.training_of(model).model_dump(mode="json")]
    )


def simulation_digest(analysis: Analysis, dataset: str, index: int, *, size: float) -> str:
    """Digest of what one simulated file depends on in the configuration."""
    section = analysis.datasets[dataset]
    made = section.simulate.model_dump(mode="json", exclude={"events"}) if section.simulate else None
    return content_digest([analysis.seed, dataset, made, events_by_file(section, size=size)[index]])


def _files(root: Path, paths: tuple[str | Path, ...]) -> set[Path]:
    found: set[Path] = set()
    for path in (root / part for part in paths):
        if path.is_dir():
            found.update(p for p in path.rglob("*") if p.suffix in {".py", ".yaml", ".json", ".j2"})
        elif path.is_file():
            found.add(path)
        else:
            raise FileNotFoundError(f"{path} is to be digested and does not exist; correct the list that names it")
    return found
