"""Jets with many particles, made up: what they are does not matter to the speed, how many numbers they have does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np
import uproot

from pipeline.digest import code_digest
from pipeline.files import replacing

if TYPE_CHECKING:
    from pathlib import Path

JETS_PER_FILE = 25_000
CLUSTER = 5_000
# Particles of a jet on average, by class.
MEAN_COUNTS = {"narrow": 40, "wide": 80}


def particle_files(folder: Path, jets_per_class: int) -> dict[str, list[str]]:
    """Files with *jets_per_class* jets of each class, made below *folder* if they are not there."""
    folder = folder / f"particles_{code_digest('benchmarks/particles.py')}"
    files: dict[str, list[str]] = {}
    for name in MEAN_COUNTS:
        for start in range(0, jets_per_class, JETS_PER_FILE):
            size = min(JETS_PER_FILE, jets_per_class - start)
            path = folder / f"{name}_{start}_{size}.root"
            if not path.exists():
                _write(path, name, start, size)
            files.setdefault(name, []).append(str(path.resolve()))
    return files


def _write(path: Path, name: str, first: int, n_jets: int) -> None:
    rng = np.random.default_rng([first, len(name)])
    with replacing(path) as temporary, uproot.recreate(temporary) as file:
        for start in range(0, n_jets, CLUSTER):
            n = min(CLUSTER, n_jets - start)
            counts = rng.poisson(MEAN_COUNTS[name], n)
            columns = {
                "run": np.ones(n, np.uint32),
                "luminosityBlock": np.ones(n, np.uint32),
                "event": np.arange(first + start, first + start + n, dtype=np.uint64),
                "genWeight": np.ones(n, np.float32),
                "PFCands": ak.unflatten(
                    ak.zip({feature: _feature(rng, counts.sum()) for feature in ("pt", "eta", "phi", "mass")}), counts
                ),
            }
            if start == 0:
                tree = file.mktree("Events", {key: ak.type(ak.Array(value)).content for key, value in columns.items()})
            tree.extend(columns)


def _feature(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.exponential(1.0, n).astype(np.float32)
