"""Writing NanoAOD-like ROOT: the trees Events, LuminosityBlocks and Runs, whole or not at all."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import uproot

from pipeline.simulation.root_times import without_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from numpy.typing import NDArray

    from pipeline.simulation.reconstruction import Reconstructed

ZSTD_LEVEL = 5


@dataclass(slots=True)
class NanoWriter:
    """Writes batches to the tree Events, one cluster each, and sums up their weights for the tree Runs.

    Args:
        file: open for writing.
        run: number of the run, the same for all events.
        luminosity_block: likewise.
    """

    file: Any
    run: int
    luminosity_block: int
    weights: list[NDArray[np.float64]] = field(default_factory=list)

    def write(self, batch: Reconstructed, event: NDArray[np.uint64]) -> None:
        """Add *batch*, whose events have the numbers *event*, shape (n_events,)."""
        branches = {**self._event_branches(batch, event), **_collection_branches(batch)}
        if "Events" not in self.file:
            self.file.mktree("Events", {name: _type_of(array) for name, array in branches.items()}, title="Events")
        self.file["Events"].extend(branches)
        self.weights.append(batch.weights)

    def finish(self) -> None:
        """Write the trees LuminosityBlocks and Runs."""
        weights = np.concatenate(self.weights)
        run, luminosity_block = (np.array([value], dtype=np.uint32) for value in (self.run, self.luminosity_block))
        self._tree("LuminosityBlocks", {"run": run, "luminosityBlock": luminosity_block})
        sums = {
            "genEventCount": np.array([len(weights)], dtype=np.int64),
            "genEventSumw": np.array([weights.sum()]),
            "genEventSumw2": np.array([np.square(weights).sum()]),
        }
        self._tree("Runs", {"run": run, **sums})

    def _tree(self, name: str, branches: dict[str, NDArray[Any]]) -> None:
        self.file.mktree(name, {key: array.dtype for key, array in branches.items()}, title=name)
        self.file[name].extend(branches)

    def _event_branches(self, batch: Reconstructed, event: NDArray[np.uint64]) -> dict[str, Any]:
        branches: dict[str, Any] = {
            "run": np.full(len(event), self.run, dtype=np.uint32),
            "luminosityBlock": np.full(len(event), self.luminosity_block, dtype=np.uint32),
            "event": event.astype(np.uint64),
            "genWeight": batch.weights.astype(np.float32),
        }
        for name, columns in batch.vectors.items():
            branches |= {f"{name}_{column}": values for column, values in columns.items()}
        return branches


@contextmanager
def writing(path: Path, *, uuid: UUID) -> Iterator[Any]:
    """A ROOT file that appears at *path* only when it is whole; it holds no time, so that equal content is equal bytes.

    Args:
        path: where the file is to be; beside it a temporary one is written.
        uuid: the file's name for readers that keep caches: another one for other content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A folder beside it, because ROOT files hold their own name.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-") as folder, without_time():
        temporary = Path(folder) / path.name
        with uproot.recreate(temporary, compression=uproot.ZSTD(ZSTD_LEVEL), uuid_function=lambda: uuid) as file:
            yield file
        temporary.replace(path)


def _collection_branches(batch: Reconstructed) -> dict[str, Any]:
    return {name: ak.unflatten(ak.zip(dict(objects.columns)), objects.counts) for name, objects in batch.collections.items()}


def _type_of(array: Any) -> Any:
    return array.dtype if isinstance(array, np.ndarray) else ak.type(array).content
