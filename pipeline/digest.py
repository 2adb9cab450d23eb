"""Which code made a product: a digest of the files that it depends on."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
# What a processor computes with: another version may give other numbers.
PACKAGES = ("awkward", "coffea", "numpy", "uproot")


def code_digest(*paths: str | Path, root: str | Path = ROOT) -> str:
    """Digest of files, and of the Python, YAML, JSON and template files below folders: 16 hexadecimal digits.

    Args:
        paths: relative to *root*, or absolute.
        root: the repository.

    Raises:
        FileNotFoundError: a path does not exist, so that code which moved is not left out.
    """
    digest = hashlib.sha256()
    # In an order that does not depend on where the repository and the user's own files lie.
    for name, content in sorted((path.name.encode(), path.read_bytes()) for path in _files(Path(root), paths)):
        digest.update(name + b"\0" + content + b"\0")
    return digest.hexdigest()[:16]


def content_digest(content: Any) -> str:
    """Digest of *content*, made of what JSON knows: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """The installed version of each of *packages*, as it was when this process first asked."""
    return {package: _version(package) for package in packages}


_version = cache(version)  # looked up on disk, 2 ms each


def files_named_in(settings: Any) -> Iterator[Path]:
    """The existing files whose paths stand in *settings*, nested lists and mappings, in their order."""
    if isinstance(settings, dict):
        for value in settings.values():
            yield from files_named_in(value)
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from files_named_in(value)
    elif isinstance(settings, str):
        with suppress(OSError):  # too long for a path
            if Path(settings).is_file():
                yield Path(settings)


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
