"""Files that tests read: made ones of a few events, and real CMS NanoAOD where it can be had."""

from collections.abc import Iterator
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import settings

from pipeline.errors import InputError
from pipeline.events.fetch import fetch
from pipeline.events.remote import load_xrootd
from tests.cluster import htcondor

# Before any test imports TensorFlow.
load_xrootd()

# How long an example takes says more of the machine than of the code.
settings.register_profile("nanoloom", deadline=None)
settings.load_profile("nanoloom")

CMS_PACKAGE = "coffea==2026.9.0"
CMS_SAMPLES = (
    "bad_delphes.root",
    "missing_luminosityBlock.root",
    "nano_dimuon.root",
    "nano_dimuon_rntuple.root",
    "nano_dy.root",
    "nano_dy_empty.root",
    "nano_dy_empty_rntuple.root",
    "nano_dy_rntuple.root",
    "nano_tree.root",
    "nano_tt_v12.root",
    "nano_tt_v15.root",
    "pfnano.root",
    "pfnano_rntuple.root",
    "testSF2d.corr.json.gz",
    "Cert_294927-306462_13TeV_EOY2017ReReco_Collisions17_JSON.txt",
)


@pytest.fixture(scope="session")
def cms_samples(pytestconfig: pytest.Config) -> Path:
    """Folder with the real CMS files, fetched once into the scratch folder; skips where they cannot be had."""
    folder = pytestconfig.rootpath / ".scratch" / "samples"
    missing = {f"tests/samples/{name}": folder / name for name in CMS_SAMPLES if not (folder / name).exists()}
    if missing:
        try:
            fetch(CMS_PACKAGE, missing)
        except InputError as error:
            pytest.skip(str(error))
    return folder


@pytest.fixture(scope="session")
def condor_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[htcondor.Pool]:
    """A running HTCondor pool of this machine; skips where HTCondor is not installed."""
    if reason := htcondor.why_not():
        pytest.skip(reason)
    with htcondor.Pool(tmp_path_factory.mktemp("condor")) as pool:
        yield pool


@pytest.fixture(scope="session")
def nano_events():
    """Function that makes the columns of *n* NanoAOD-like events; muon i of event e has pt 20 + e + i."""
    return make_events


@pytest.fixture(scope="session")
def make_nano():
    """Function that writes a NanoAOD-like file of a few events and returns its path; see `write_nano`."""
    return write_nano


def make_events(n: int, *, first: int = 0, is_mc: bool = True) -> dict[str, ak.Array]:
    """Columns of *n* events; event e has e % 3 muons, and every fifth generator weight is negative."""
    number = np.arange(first, first + n)
    counts = number % 3
    muon = ak.unflatten(np.repeat(number, counts), counts) * 1.0
    place = ak.local_index(muon)
    columns = {
        "run": np.ones(n, np.uint32),
        "luminosityBlock": np.ones(n, np.uint32) + (number // 100).astype(np.uint32),
        "event": number.astype(np.uint64),
        "MET_pt": (10.0 + number).astype(np.float32),
        "MET_phi": np.zeros(n, np.float32),
        "Muon": ak.zip(
            {
                "pt": ak.values_astype(20.0 + muon + place, np.float32),
                "eta": ak.values_astype(0.1 * place, np.float32),
                "phi": ak.values_astype(1.0 * place, np.float32),
                "mass": ak.values_astype(0.106 + 0.0 * muon, np.float32),
                "charge": ak.values_astype(1 - 2 * (place % 2), np.int32),
            }
        ),
    }
    if is_mc:
        columns["genWeight"] = np.where(number % 5 == 4, -2.5, 2.5).astype(np.float32)
    return columns


def write_nano(
    path, n: int = 12, *, cluster_entries: int = 4, first: int = 0, is_mc: bool = True, runs=True, drop=(), rntuple=False
) -> Path:
    """Write *n* events in clusters of *cluster_entries*.

    Args:
        path: of the file.
        n: number of events; 0 gives an empty tree with all branches.
        cluster_entries: the last cluster may be shorter.
        first: number of the first event.
        is_mc: with `genWeight` and, if *runs*, with the sums of weights in the tree Runs.
        runs: write the tree Runs; a suffix of its branch names (`"_"` in NanoAOD v6) is taken too.
        drop: names of columns to leave out.
        rntuple: write RNTuples, with `nMuon` as a field, instead of TTrees.
    """
    columns = {name: value for name, value in make_events(n, first=first, is_mc=is_mc).items() if name not in drop}
    with uproot.recreate(path) as file:
        _write(file, "Events", _flat(columns) if rntuple else columns, n, cluster_entries, rntuple)
        if is_mc and runs is not False:
            _write(
                file, "Runs", _sums(make_events(n, first=first)["genWeight"], "" if runs is True else runs), 1, 1, rntuple
            )
    return Path(path)


def _flat(columns):
    """As an RNTuple stores NanoAOD: one collection a branch, and the counter."""
    muon = columns.get("Muon")
    flat = {name: value for name, value in columns.items() if name != "Muon"}
    if muon is not None:
        flat |= {"nMuon": ak.num(muon).to_numpy().astype(np.int32)} | {f"Muon_{name}": muon[name] for name in muon.fields}
    return flat


def _sums(weights, suffix):
    exact = np.asarray(weights, np.float64)
    return {
        "run": np.ones(1, np.uint32),
        f"genEventCount{suffix}": np.array([len(exact)], np.int64),
        f"genEventSumw{suffix}": np.array([exact.sum()]),
        f"genEventSumw2{suffix}": np.array([(exact**2).sum()]),
    }


def _write(file, name, columns, n, cluster_entries, rntuple):
    edges = range(0, n, cluster_entries)
    parts = [{key: value[start : start + cluster_entries] for key, value in columns.items()} for start in edges]
    if rntuple:
        tree = file.mkrntuple(name, parts[0] if parts else ak.Array(columns).layout.form)
        parts = parts[1:]
    else:
        tree = file.mktree(name, {key: _type(value) for key, value in columns.items()})
    for part in parts:
        tree.extend(part)


def _type(column):
    return column.dtype if isinstance(column, np.ndarray) else ak.type(column).content
