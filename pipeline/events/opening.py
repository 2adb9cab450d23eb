"""How a ROOT file is opened, and what is said when it cannot be."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import uproot

from pipeline.errors import InputError, nearest
from pipeline.events.files import is_url
from pipeline.events.retry import retrying

MAGIC = b"root"
# Without these an unreachable XRootD server is waited for longer than three minutes; what a site has set is kept.
XROOTD_PATIENCE = {
    "XRD_CONNECTIONWINDOW": "30",
    "XRD_CONNECTIONRETRY": "2",
    "XRD_REQUESTTIMEOUT": "120",
    "XRD_STREAMTIMEOUT": "60",
    "XRD_STREAMERRORWINDOW": "60",
}


def open_root(path: str) -> Any:
    """Open a ROOT file as `uproot.ReadOnlyDirectory`, to be closed by the caller; over a network, with up to three attempts.

    Raises:
        InputError: it is missing, empty, no ROOT file or truncated.
    """
    if is_url(path):
        for name, value in XROOTD_PATIENCE.items():
            os.environ.setdefault(name, value)
    else:
        _check_local(Path(path))
    try:
        # Arrays are not cached by uproot: 100 MB for each open file would go unseen.
        file = retrying(path, lambda: uproot.open(path, array_cache=None))
    except Exception as error:
        raise InputError(f"{path} cannot be opened as a ROOT file: {cause_of(error)}.") from error
    try:
        _check_size(path, file.file.fEND, file.file.source.num_bytes)
    except InputError:
        file.close()
        raise
    return file


def cause_of(error: BaseException) -> str:
    """What *error* says, on one line, without the place, which uproot repeats.

    >>> cause_of(OSError("expected 10 bytes,\\nreceived 3\\nfor file path x.root"))
    'OSError: expected 10 bytes, received 3'
    """
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
