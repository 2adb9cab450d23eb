"""Where built chunks are kept between epochs and models: a scratch folder, addressed by what made them.

The folder may be deleted at any time. An entry is written under a temporary name and renamed, so that a reader finds it
whole or not at all; whatever cannot be read is made again.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.digest import content_digest
from pipeline.files import private_folder, replacing, scratch_place
from pipeline.stream.chunk import Chunk
from pipeline.stream.flattening import bins_of_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.events.plan import Range

log = logging.getLogger(__name__)

SCRATCH = scratch_place("chunks")
SCRATCH_LIMIT_BYTES = 20e9
# Which arrays an entry holds, with their checksums, so that a lost or damaged one is noticed.
NAMES = "arrays.json"
# The checksum of that list itself: a damaged name would be taken for that of an array which is not needed.
OF_ALL = "*"
# What every entry added, a line each.
USAGE = "usage.txt"


@dataclass(frozen=True, slots=True)
class ChunkCache:
    """Chunks on disk, as one folder of `.npy` files each.

    Args:
        folder: may be shared by several processes.
        limit_bytes: when a new entry makes it larger, the entries that were not used for longest are removed.
    """

    folder: Path
    limit_bytes: float

    def has(self, name: str) -> bool:
        """Whether the chunk called *name* is there, or was a moment ago."""
        try:
            return (self._entry(name) / NAMES).is_file()
        except OSError:  # a folder of another user
            return False

    def holds(self, name: str, chunk: Chunk) -> bool:
        """Whether the entry called *name* is that very *chunk*."""
        try:
            kept = json.loads((self._entry(name) / NAMES).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(kept == _checksums(_to_arrays(chunk)))

    def get(self, name: str, build: Callable[[], Chunk], *, inputs: str | None = None, verify: bool = True) -> Chunk:
        """The chunk called *name*, memory-mapped; built and kept if it is not there.

        A folder that cannot be written costs speed and a warning, never a result.

        Args:
            name: of the entry.
            build: makes it.
            inputs: the one input set that is needed; None for all.
            verify: whether to compare the checksums, which reads all that is needed: once a process is enough.
        """
        entry = self._entry(name)
        try:
            return self._load(entry, inputs, verify=verify)
        except Exception:  # whatever a damaged entry makes json, NumPy and the parser of its headers raise
            chunk = build()
        self.keep(name, chunk)
        return chunk

    def keep(self, name: str, chunk: Chunk) -> None:
        """Write *chunk* under *name*; a folder that cannot be written costs a warning."""
        try:
            self._write(self._entry(name), chunk)
        except OSError as error:
            log.warning("The scratch cache %s cannot be used: %s. Going on without it.", self.folder, error)

    def _load(self, entry: Path, inputs: str | None, *, verify: bool) -> Chunk:
        checksums: dict[str, int] = json.loads((entry / NAMES).read_text(encoding="utf-8"))
        if checksums.pop(OF_ALL) != _checksum_of_list(checksums):
            raise ValueError(f"{entry / NAMES} is damaged")
        if inputs is not None:
            own = ("input.", f"input.{inputs}.")
            checksums = {name: n for name, n in checksums.items() if name.startswith(own[1]) or not name.startswith(own[0])}
        arrays = {name: np.load(entry / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in checksums}
        if verify and any(_checksum(array) != checksums[name] for name, array in arrays.items()):
            raise ValueError(f"{entry} is damaged")
        with suppress(OSError):  # a folder that may only be read still serves
            os.utime(entry)
        return _from_arrays(arrays)

    def _write(self, entry: Path, chunk: Chunk) -> None:
        private_folder(self.folder)
        with replacing(entry) as temporary:
            temporary.mkdir()
            arrays = _to_arrays(chunk)
            for name, array in arrays.items():
                np.save(temporary / f"{name}.npy", array, allow_pickle=False)
            (temporary / NAMES).write_text(json.dumps(_checksums(arrays)), encoding="utf-8")
        if self._used(_size(entry)) > self.limit_bytes:
            self._shrink(keep=entry)

    def _used(self, added: int) -> float:
        """Bytes of all entries, as written down at each addition: to look at all of them every time would take too long."""
        usage = self.folder / USAGE
        if not usage.exists():
            added = sum(map(_size, self._entries()))
        with usage.open("a", encoding="utf-8") as file:
            file.write(f"{added}\n")
        return sum(float(line) for line in usage.read_bytes().split() if line.isdigit())

    def _shrink(self, *, keep: Path) -> None:
        total = _size(keep)
        for entry in sorted((path for path in self._entries() if path != keep), key=_last_use, reverse=True):
            total += _size(entry)
            if total > self.limit_bytes:
                total -= _size(entry)
                shutil.rmtree(entry, ignore_errors=True)
        with replacing(self.folder / USAGE) as temporary:
            temporary.write_text(f"{total}\n", encoding="utf-8")

    def _entries(self) -> Iterator[Path]:
        shelves = (path for path in self.folder.iterdir() if path.is_dir())
        # Hidden ones are being written.
        return (entry for shelf in shelves for entry in shelf.iterdir() if not entry.name.startswith("."))

    def _entry(self, name: str) -> Path:
        """On a shelf by its first letters, so that no folder holds thousands of entries."""
        return self.folder / name[:2] / name


def usual_cache() -> ChunkCache:
    """The cache of this folder, shared by all analyses in it."""
    return ChunkCache(SCRATCH, SCRATCH_LIMIT_BYTES)


def cache_name(made_by: str, part: Range) -> str:
    """What addresses a chunk: the file by its UUID and size, the range, what builds it, and the dataset that it is told."""
    return content_digest([made_by, part.dataset, part.uuid, part.size_bytes, part.start, part.stop])


def made_by(analysis: Analysis, processor_digest: str) -> str:
    """Digest of what builds the chunks of an analysis: code, selection and inputs."""
    content = {
        "processor": processor_digest,
        "selection": analysis.selection,
        "inputs": analysis.model_dump(mode="json")["inputs"],
        "bins": sorted(bins_of_models(analysis)),
    }
    return content_digest(content)


def _to_arrays(chunk: Chunk) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"keys": chunk.keys, "weight": chunk.weight}
    arrays |= {f"target.{name}": array for name, array in chunk.targets.items()}
    arrays |= {f"bins.{name}": array for name, array in chunk.bins.items()}
    arrays |= {f"input.{group}.{name}": array for group, tensors in chunk.tensors.items() for name, array in tensors.items()}
    return arrays


def _from_arrays(arrays: dict[str, NDArray[Any]]) -> Chunk:
    tensors: dict[str, dict[str, NDArray[np.float32]]] = {}
    targets, bins = {}, {}
    for key, array in arrays.items():
        kind, _, rest = key.partition(".")
        if kind == "input":
            group, _, name = rest.partition(".")
            tensors.setdefault(group, {})[name] = array
        elif kind == "target":
            targets[rest] = array
        elif kind == "bins":
            bins[rest] = array
    return Chunk(arrays["keys"], arrays["weight"], tensors, targets, bins)


def _checksums(arrays: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    checksums = {name: _checksum(array) for name, array in arrays.items()}
    return {**checksums, OF_ALL: _checksum_of_list(checksums)}


def _checksum_of_list(checksums: Mapping[str, int]) -> int:
    return zlib.crc32(json.dumps(checksums, sort_keys=True).encode())


def _checksum(array: NDArray[Any]) -> int:
    """Of the shape, the kind of numbers and the content."""
    return zlib.crc32(np.ascontiguousarray(array).data, zlib.crc32(f"{array.dtype.str}{array.shape}".encode()))


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # removed by another process
        return 0.0


def _size(path: Path) -> int:
    try:
        return sum(part.stat().st_size for part in path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return 0
