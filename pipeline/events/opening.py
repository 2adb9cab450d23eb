"""How a ROOT file is opened, and what is said when it cannot be."""

from __future__ import annotations

import logging
import re
import struct
import time
from pathlib import Path
from typing import Any

import uproot

from pipeline.errors import InputError, nearest
from pipeline.events.files import is_url
from pipeline.events.local_source import LocalSource
from pipeline.events.remote import options_for
from pipeline.events.replicas import Sites, replicas_of, site_of
from pipeline.events.retry import DISGUISED, is_transient, retrying

logger = logging.getLogger(__name__)

MAGIC = b"root"
# One attempt waits for one silent server, which takes longer than this; the next attempt begins with the other replicas.
ONE_SILENT_S = 5.0
DENIED = re.compile(r"\[(3010|3030)\]|Auth failed|\b40[13]\b|Permission denied", re.IGNORECASE)
# The same for all threads of a process; it decides nothing but the order in which replicas are tried.
SITES = Sites()


def open_root(path: str, *, sites: Sites = SITES) -> Any:
    """Open a ROOT file as `uproot.ReadOnlyDirectory`, to be closed by the caller; over a network, with up to three attempts.

    Args:
        path: path or URL, or the URLs of several replicas as `joined`: the first that can be opened is taken.
        sites: what is known of the sites of replicas.

    Raises:
        InputError: it is missing, empty, no ROOT file or truncated, or no server gives it; names every replica.
    """
    return retrying(path, lambda: _first_that_opens(sites.in_order(path), sites))


def _first_that_opens(replicas: list[str], sites: Sites) -> Any:
    start = time.monotonic()
    problems: list[InputError] = []
    for replica in replicas:
        if problems and time.monotonic() - start > ONE_SILENT_S:
            break
        try:
            return _open(replica)
        except InputError as error:
            problems.append(error)
            if len(replicas) > 1:
                sites.failed(replica)
                logger.warning("%s Looking for another replica.", error)
    if len(replicas) == 1:
        raise problems[0]
    untried = replicas[len(problems) :]
    passing = [one for place, one in zip(replicas, problems, strict=False) if is_transient(place, one)]
    raise InputError(
        f"None of the {len(replicas)} replicas can be used: {' '.join(map(str, problems))}"
        f"{' Not tried yet: ' + ', '.join(untried) + '.' if untried else ''}"
    ) from (passing or problems)[-1]


def _open(path: str) -> Any:
    if not is_url(path):
        _check_local(Path(path))
    try:
        # Arrays are not cached by uproot: 100 MB for each open file would go unseen.
        options = options_for(path) if is_url(path) else {"handler": LocalSource}
        file = uproot.open(path, array_cache=None, **options)
        size = file.file.source.num_bytes
        if is_url(path):
            file.file.begin_chunk.wait()  # to see that it has the length that was asked for
    except Exception as error:
        remedy = f" {_remedy(path, error)}" if is_url(path) else ""
        raise InputError(f"{path} cannot be opened as a ROOT file: {cause_of(error)}.{remedy}") from error
    try:
        _check_size(path, file.file.fEND, size)
    except InputError:
        file.close()
        raise
    return file


def _remedy(path: str, error: Exception) -> str:
    """What to do when *path*, a URL, cannot be opened."""
    if is_transient(path, error):
        return f"See that {site_of(path)} can be reached from here, or list a replica of the file beside it."
    if DENIED.search(str(error)):
        return "Get a credential that the server takes (voms-proxy-init, X509_USER_PROXY), and see that jobs have it too."
    if isinstance(error, FileNotFoundError):
        return "Correct the URL, or remove it."
    ranges = ", and that it can give ranges of bytes, as nginx can" if path.startswith("http") else ""
    return f"See what the server gives under that URL{ranges}; or list a replica of the file beside it."


def give_up_replica(path: str, file: Any, *, sites: Sites = SITES) -> None:
    """Take note that the open *file* could not be read on, so that another replica of *path*, if any, is tried first."""
    if len(replicas_of(path)) > 1:
        sites.failed(file.file.file_path)


def cause_of(error: BaseException) -> str:
    """What *error* says, on one line, without the place, which uproot repeats.

    >>> cause_of(OSError("expected 10 bytes,\\nreceived 3\\nfor file path x.root"))
    'OSError: expected 10 bytes, received 3'
    >>> cause_of(TypeError("'ServerDisconnectedError' object is not subscriptable"))
    'ServerDisconnectedError'
    """
    disguised = DISGUISED.search(str(error))
    if disguised:  # by uproot: fsspec gave an error in place of bytes
        return disguised[1]
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"
    lines = str(error).partition("\n\n")[0].splitlines()
    text = " ".join(line.strip() for line in lines if not line.startswith(("in file ", "for file path "))).rstrip(".")
    return f"{name}: {text}" if text else name


def _check_local(path: Path) -> None:
    if not path.exists():
        siblings = [other.name for other in path.parent.glob("*.root")] if path.parent.is_dir() else []
        raise InputError(f"No file {path}.{' ' + nearest(path.name, siblings) if siblings else ''}")
    if path.is_dir():
        raise InputError(f"{path} is a folder. Write {path}/*.root.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(20)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {cause_of(error)}.") from error
    if size == 0:
        raise InputError(f"{path} is empty (0 bytes).")
    if start[:4] != MAGIC:
        raise InputError(f"{path} is not a ROOT file: it begins with {start[:4]!r} instead of {MAGIC!r}.")
    if len(start) == 20:
        _check_size(path, _stated_size(start), size)


def _stated_size(start: bytes) -> int:
    """The size that the header states, `fEND` [bytes].

    Source: https://root.cern.ch/doc/master/classTFile.html, table of the file's header.
    """
    version, _begin = struct.unpack(">ii", start[4:12])
    # In a version above 1000000, for files beyond 2 GB, it has eight bytes.
    return int(struct.unpack(">q" if version >= 1_000_000 else ">i", start[12 : 20 if version >= 1_000_000 else 16])[0])


def _check_size(path: str | Path, stated: int, size: int | None) -> None:
    if size is not None and size < stated:
        raise InputError(f"{path} is truncated: {size} of {stated} bytes.")
