"""Which events are read: a few thousand simulated ones, again and again under new event numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import uproot

from pipeline.digest import code_digest
from pipeline.files import replacing
from pipeline.simulation.simulate import simulate_file

if TYPE_CHECKING:
    from pathlib import Path

CARDS = ("hh_bbww", "tt_dilep")
# So many are simulated of each card, or fewer where fewer are wanted, and repeated as one cluster each.
BASE_EVENTS = 4000
EVENTS_PER_FILE = 50_000


def sample_files(folder: Path, events_per_card: int, cards: tuple[str, ...] = CARDS) -> dict[str, tuple[str, ...]]:
    """Files with *events_per_card* events of each of the *cards*, made below *folder* if they are not there."""
    # Another version of the simulation gives other files: they are made anew, and the old ones stay out of the way.
    folder = folder / f"{code_digest('pipeline/simulation', 'benchmarks/sample.py')}"
    return {card: tuple(map(str, _files_of(folder, card, events_per_card))) for card in cards}


def _files_of(folder: Path, card: str, n_events: int) -> list[Path]:
    made, base_events = [], min(BASE_EVENTS, n_events)
    for start in range(0, n_events, EVENTS_PER_FILE):
        size = min(EVENTS_PER_FILE, n_events - start)
        made.append(folder / f"{card}_{start}_{size}.root")
        if not made[-1].exists():
            with replacing(made[-1]) as temporary:
                repeat_file(_simulated(folder, card, base_events), temporary, first_event=start + 1, n_events=size)
    return made


def _simulated(folder: Path, card: str, n_events: int) -> Path:
    path = folder / f"{card}_simulated_{n_events}.root"
    if not path.exists():
        simulate_file(card, n_events=n_events, seed=1, file_index=0, out=path)
    return path


def repeat_file(source: Path, out: Path, *, first_event: int, n_events: int) -> None:
    """Write *n_events* events to *out*: those of *source* again and again, numbered from *first_event*."""
    with uproot.open(source) as file, uproot.recreate(out, compression=uproot.ZSTD(5)) as copy:
        columns = _columns(file["Events"])
        base = len(columns["event"])
        tree = copy.mktree("Events", {name: _type(column) for name, column in columns.items()})
        sumw = sumw2 = 0.0
        for start in range(0, n_events, base):
            part = {name: column[: n_events - start] for name, column in columns.items()}
            part["event"] = first_event + start + np.arange(len(part["event"]), dtype=np.uint64)
            tree.extend(part)
            weight = part["genWeight"].astype(np.float64)
            sumw, sumw2 = sumw + float(weight.sum()), sumw2 + float((weight**2).sum())
        copy["Runs"] = {
            "run": np.ones(1, np.uint32),
            "genEventCount": np.array([n_events], np.int64),
            "genEventSumw": np.array([sumw]),
            "genEventSumw2": np.array([sumw2]),
        }


def _columns(tree: Any) -> dict[str, Any]:
    """The branches of NanoAOD, those of a collection as one array of records."""
    names = tree.keys(recursive=False)
    collections = [name[1:] for name in names if name.startswith("n") and f"{name[1:]}_pt" in names]
    columns = {}
    for name in collections:
        jagged = tree.arrays(filter_name=f"{name}_*")
        columns[name] = ak.zip({field.removeprefix(f"{name}_"): jagged[field] for field in jagged.fields})
    in_collections = tuple(f"{name}_" for name in collections)
    flat = [name for name in names if name[1:] not in collections and not name.startswith(in_collections)]
    return {**tree.arrays(flat, library="np"), **columns}


def _type(column: Any) -> Any:
    return column.dtype if isinstance(column, np.ndarray) else ak.type(column).content
