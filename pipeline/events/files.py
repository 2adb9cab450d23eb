"""Which files does a dataset have: paths, patterns and URLs of the configuration, as a list of files in a fixed order."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.events.replicas import SEPARATOR, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    FileEntry = str | Sequence[str]

# Modules that a protocol needs, and the extra of this package that brings them.
PLUGINS = {
    "root": ("XRootD", "xrootd"),
    "xroot": ("XRootD", "xrootd"),
    "http": ("aiohttp", "https"),
    "https": ("aiohttp", "https"),
}


def expand_files(given: Iterable[FileEntry], *, root: str | Path = ".") -> list[str]:
    """The files that *given* names, in its order; those of a pattern are sorted.

    Args:
        given: paths, patterns (`data/*.root`, `data/**/*.root`) or URLs (`root://`, `https://`). Paths may begin with `~`.
            A tuple or list holds the replicas of one file, of which at least one is a URL.
        root: the folder that relative paths start from; kept out of the result when it is the current one.

    Returns:
        Paths and URLs; replicas as `joined`. A plain path is not looked at: whether it exists is told by `inspect_file`,
        with all else.

    Raises:
        InputError: a pattern matches nothing or is in a URL, a URL needs a package that is not installed, or replicas are
            given that can be none.
    """
    return [path for item in given for path in _expand(item, Path(root))]


def local_files(given: Iterable[FileEntry]) -> list[str]:
    """The files of *given* that are on this machine now: what Snakemake can watch."""
    found = []
    for item in given:
        try:
            found += [path for path in expand_files([item]) if not is_url(path) and Path(path).is_file()]
        except InputError:  # `plan` tells what is wrong, with all else
            continue
    return found


def is_url(path: str) -> bool:
    """Whether *path* is read over the network.

    >>> is_url("root://eospublic.cern.ch//eos/x.root"), is_url("data/x.root")
    (True, False)
    """
    return "://" in path


def require_plugin(url: str, *, find: Callable[[str], Any] = importlib.util.find_spec) -> None:
    """See that the package that reads *url* is installed.

    Raises:
        InputError: it is not; says what to install.
    """
    protocol = url.partition("://")[0]
    module, extra = PLUGINS.get(protocol, (None, None))
    if module is not None and find(module) is None:
        raise InputError(
            f"{url} cannot be read: the Python package {module!r} is not installed. It is needed for {protocol}://."
            f" Install it with: pip install nanoloom[{extra}]"
        )


def _expand(item: FileEntry, root: Path) -> list[str]:
    if not isinstance(item, str):
        return [joined(_replicas(item, root))]
    if is_url(item):
        return [_checked_url(item)]
    path = root / Path(item).expanduser()
    if path.exists() or not any(sign in item for sign in "*?["):
        return [str(path)]
    found = sorted(str(match) for match in Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
    if not found:
        raise InputError(
            f"No file matches {item!r} in {root.resolve()}. Expected at least one. Correct the pattern, or make the files."
        )
    return found


def _replicas(item: Sequence[str], root: Path) -> list[str]:
    if len(set(item)) < max(len(item), 2) or not any(map(is_url, item)):
        raise InputError(
            f"{list(item)} are no replicas of one file. Expected at least two different places, one of them a URL."
            " Write files that are not copies of each other as entries of their own."
        )
    found = [_expand(place, root) for place in item]
    if any(len(paths) != 1 for paths in found) or any(SEPARATOR in path for (path,) in found):
        raise InputError(f"{list(item)} holds a pattern or the sign {SEPARATOR!r}. Write each replica in full, without it.")
    return [path for (path,) in found]


def _checked_url(url: str) -> str:
    if "*" in url:
        raise InputError(f"{url} holds a pattern. Patterns are for local files only. List the URLs one by one.")
    require_plugin(url)
    return url
