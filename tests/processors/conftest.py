"""Made events of NanoAOD's shape, in memory and in files, so that answers can be counted by eye."""

import warnings

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory

LEPTON = {"pt": 30.0, "eta": 0.0, "phi": 0.0, "mass": 0.1, "charge": 1, "pfRelIso03_all": 0.05}
JET = {
    **{"pt": 50.0, "eta": 0.0, "phi": 0.0, "mass": 8.0, "btagTracks": 0.9, "nCharged": 9, "nNeutral": 6},
    **{"chHEF": 0.5, "neHEF": 0.25, "chEmEF": 0.0, "neEmEF": 0.25},
}
PARTON = {
    **{"pt": 50.0, "eta": 0.0, "phi": 0.0, "mass": 0.0, "pdgId": 21, "genPartIdxMother": -1},
    "statusFlags": 1 << 13 | 1 << 7,  # the last copy, and of the hard process
}
DEFAULTS = {"Electron": LEPTON, "Muon": LEPTON, "Jet": JET, "GenPart": PARTON}
INTEGERS = ("charge", "nCharged", "nNeutral", "pdgId", "statusFlags", "genPartIdxMother")


@pytest.fixture(scope="session")
def made_events():
    """Function that makes events from one dict each: lists of objects, with what differs from the defaults; see `make`."""
    return make


@pytest.fixture(scope="session")
def random_events():
    """Function that makes *n* events with some leptons and jets from a seed; about a third pass the selection."""
    return draw


@pytest.fixture
def written():
    """Function that writes only the given branches of made events to a file."""
    return write


@pytest.fixture(scope="session")
def opened():
    """Function that opens a file as the pipeline does, with the list of the branches that are then read."""
    return open_nano


def make(events, *, gen_weight=True):
    """NanoAOD-like record array.

    Args:
        events: each a dict with lists "Electron", "Muon", "Jet", "GenPart" of objects (dicts), "MET" (pt, phi), "genWeight".
        gen_weight: False for data.
    """
    columns = {
        "run": np.ones(len(events), np.uint32),
        "luminosityBlock": np.full(len(events), 2, np.uint32),
        "event": np.arange(100, 100 + len(events), dtype=np.uint64),
    }
    if gen_weight:
        columns["genWeight"] = np.array([event.get("genWeight", 1.0) for event in events], np.float32)
    for name in DEFAULTS:
        columns[name] = _collection(name, [event.get(name, []) for event in events])
    met = np.array([event.get("MET", (40.0, 0.0)) for event in events], np.float32).reshape(-1, 2)
    columns["MET"] = ak.zip({"pt": met[:, 0], "phi": met[:, 1]})
    return ak.zip(columns, depth_limit=1)


def _collection(name, lists):
    objects = [DEFAULTS[name] | one for event in lists for one in event]
    counts = [len(event) for event in lists]
    fields = {}
    for field in DEFAULTS[name]:
        dtype = np.int32 if field in INTEGERS else np.float32
        fields[field] = ak.unflatten(np.array([one[field] for one in objects], dtype), np.array(counts, np.int64))
    return ak.zip(fields)


def draw(n, *, seed=1):
    rng = np.random.default_rng(seed)
    return make([_draw_event(rng) for _ in range(n)])


def _draw_event(rng):
    def some(most, **drawn):
        return [{key: draw() for key, draw in drawn.items()} for _ in range(rng.integers(0, most + 1))]

    def direction():
        return {"eta": lambda: rng.normal(0, 1.3), "phi": lambda: rng.uniform(-np.pi, np.pi)}

    lepton = {"pt": lambda: 10 + rng.exponential(40), "charge": lambda: rng.choice([-1, 1]), **direction()}
    lepton["pfRelIso03_all"] = lambda: rng.exponential(0.08)
    jet = {"pt": lambda: 20 + rng.exponential(50), "mass": lambda: rng.uniform(2, 20), **direction()}
    # Few values, so that ties occur.
    jet["btagTracks"] = lambda: rng.choice([0.0, 0.2, 0.6, 0.9])
    jet |= {field: lambda: rng.uniform(0, 0.3) for field in ("chHEF", "neHEF", "chEmEF", "neEmEF")}
    return {
        "Electron": some(3, **lepton),
        "Muon": some(3, **lepton),
        "Jet": some(8, **jet),
        "MET": (rng.exponential(60), rng.uniform(-np.pi, np.pi)),
        "genWeight": rng.choice([1.0, 2.5, -1.0]),
    }


def write(path, events, branches, *, cluster_entries=7):
    """Write those *branches* of *events* that are named, counters included, and no other."""
    columns = {}
    for name in events.fields:
        column = events[name]
        kept = [field for field in column.fields if f"{name}_{field}" in branches]
        if name == "MET":
            columns |= {f"MET_{field}": column[field] for field in kept}
        elif kept:
            columns[name] = ak.zip({field: column[field] for field in kept})
        elif name in branches:
            columns[name] = column
    with uproot.recreate(path) as file:
        tree = file.mktree("Events", {name: ak.type(column).content for name, column in columns.items()})
        for start in range(0, len(events), cluster_entries):
            tree.extend({name: column[start : start + cluster_entries] for name, column in columns.items()})
    return path


def open_nano(path, reads=None):
    """The events of a file, of all branches or of *reads* only, and a list that fills with what is accessed."""
    accessed = []
    with warnings.catch_warnings():
        # A file of few branches is no mistake here.
        warnings.filterwarnings("ignore", "Missing cross-reference", RuntimeWarning)
        events = NanoEventsFactory.from_root(
            {str(path): "Events"},
            schemaclass=NanoAODSchema,
            mode="virtual",
            access_log=accessed,
            iteritems_options={} if reads is None else {"filter_name": lambda name: name in reads},
        ).events()
    return events, accessed
