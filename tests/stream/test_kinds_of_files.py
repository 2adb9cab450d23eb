"""Trees and RNTuples, compressed or not, are one to whoever trains: the same events give the same bits."""

import json

import numpy as np
import pytest

from pipeline.config import load_analysis
from pipeline.events.planning import make_plan
from pipeline.learning.summarise import summarise
from pipeline.learning.train import train
from pipeline.stream.cache import ChunkCache
from pipeline.stream.summary import Summary
from pipeline.stream.training_stream import TrainingStream
from tests.toy_analysis import PROCESSOR, make_toy, write_toy

N_EVENTS = 200
READS = ("nMuon", *(f"Muon_{name}" for name in ("pt", "eta", "phi", "mass", "charge")), "MET_pt", "MET_phi")
# Muons as a padded collection beside the MET.
WITH_MUONS = PROCESSOR.replace(
    'inputs={"event": {"met": value}}', 'inputs={"event": {"met": value}, "muons": {"pt": events.Muon.pt[keep]}}'
).replace("reads = READS", f"reads = {READS!r}")
INPUTS = {"all": {"event": ["met"], "muons": {"features": ["pt"], "max_objects": 2}}}
KINDS = {"trees": (False, False), "RNTuples": (True, True), "one of each": (False, True)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, make_nano, pytestconfig):
    """By kind of the two files, the batches of an epoch, the summary and the trained model."""
    return {kind: run(tmp_path_factory.mktemp("toy"), pytestconfig.rootpath, make_nano, KINDS[kind]) for kind in KINDS}


def run(folder, root, make_nano, rntuples):
    make_toy(folder, root, make_nano)
    for name, rntuple in zip("sb", rntuples, strict=True):
        make_nano(folder / f"{name}.root", N_EVENTS, cluster_entries=50, rntuple=rntuple)
    (folder / "processors/toy.py").write_text(WITH_MUONS, encoding="utf-8")
    models = {"m": {"architecture": "bdt", "inputs": "flat", "options": {"max_depth": 2}}}
    write_toy(folder, inputs={**INPUTS, "flat": {"event": ["met"]}}, models=models, training={"epochs": 3})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        analysis = load_analysis("config/toy.yaml")
        files = {name: [f"{name}.root"] for name in "sb"}
        plan = make_plan(analysis, files, reads=READS)
        summarise(analysis, plan, folder / "summary.json")
        summary = Summary.load(folder / "summary.json")
        train(analysis, plan, summary, model="m", fold=0, out=folder / "model")
        counts = summary.epoch_counts(0, analysis.training.validation_fraction)
        factors = {"s": 1.0, "b": 1.0}
        stream = TrainingStream(
            analysis, plan, "all", 0, analysis.training, factors, counts, ChunkCache(folder / "chunks", 1e9)
        )
        batches = [array for rows in stream.epoch(1) for array in rows.arrays()]
    return batches, json.loads((folder / "summary.json").read_text()), (folder / "model/model.ubj").read_bytes()


@pytest.mark.parametrize("kind", ["RNTuples", "one of each"])
def test_batches_have_the_same_bits(kind, trained):
    expected, found = trained["trees"][0], trained[kind][0]

    assert sum(map(len, expected)) > N_EVENTS
    assert [(array.dtype, array.shape) for array in expected] == [(array.dtype, array.shape) for array in found]
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["RNTuples", "one of each"])
def test_sums_and_scales_are_the_same(kind, trained):
    expected, found = trained["trees"][1], trained[kind][1]

    differing = {key for key in expected if expected[key] != found[key]}

    # It names the UUIDs of the files.
    assert differing == {"plan"}


@pytest.mark.parametrize("kind", ["RNTuples", "one of each"])
def test_trained_models_are_the_same_byte_by_byte(kind, trained):
    assert trained["trees"][2] == trained[kind][2]
