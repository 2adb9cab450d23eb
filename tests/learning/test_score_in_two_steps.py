"""With `scoring: keras`, workers that have a GPU predict and the others read; the products are those of one process."""

import pickle
import shutil

import awkward as ak
import numpy as np
import pytest
import uproot
from click.testing import CliRunner
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory
from distributed import Client, Nanny, SpecCluster
from distributed import Scheduler as DaskScheduler

from pipeline.cli import main
from pipeline.learning import score
from pipeline.learning.score import Scorer
from pipeline.scale.two_steps import TwoSteps
from tests.toy_analysis import make_toy, write_toy


def run(*command):
    done = CliRunner().invoke(main, [*command, "--config", "config/toy.yaml"], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def opened():
    """How often the process that is asked has looked for a model, and how often it has opened one."""
    info = score._opened.cache_info()
    return info.hits + info.misses, info.misses


@pytest.fixture(params=["bdt", "dnn"])
def toy(request, tmp_path, make_nano, pytestconfig, monkeypatch):
    """A folder with the toy analysis, trained: trees, which xgboost scores in any case, or a network, which Keras does."""
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    model = {"architecture": request.param, "inputs": "all"}
    write_toy(tmp_path, models={"m": model}, scoring="keras", training={"epochs": 2}, reading={"range_entries": 20})
    monkeypatch.chdir(tmp_path)
    for stage in (["plan"], ["summarise"], *(["train", "--model", "m", "--fold", fold] for fold in "01")):
        run(*stage)
    return tmp_path


@pytest.fixture
def farm():
    """A scheduler with a worker that reads, and one that offers a GPU."""
    options = {"nthreads": 1, "host": "127.0.0.1"}
    cpu, gpu = ({"cls": Nanny, "options": {**options, "resources": offered}} for offered in (None, {"GPU": 1}))
    scheduler = {"cls": DaskScheduler, "options": {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}}
    with SpecCluster(scheduler=scheduler, workers={"cpu": cpu, "gpu": gpu}, silence_logs=50) as cluster:
        yield cluster


def products(folder):
    """Scores and counts, number by number."""
    found = {}
    for name in ("histograms/s.npz", "evaluations/s.npz"):
        with np.load(folder / name) as arrays:
            found |= {f"{name} {key}": array.tolist() for key, array in arrays.items()}
    with uproot.open(folder / "scores/s.root") as file:
        found |= {key: array.tolist() for key, array in file["Scores"].arrays(library="np").items()}
    return found


@pytest.mark.slow
def test_only_workers_with_a_gpu_predict_and_the_products_are_the_same(toy, farm):
    run("score", "--dataset", "s", "--scale", "sync")
    expected = products(toy / "results/toy")
    for part in ("scores", "histograms", "evaluations"):
        shutil.rmtree(toy / "results/toy" / part)

    run("score", "--dataset", "s", "--scale", farm.scheduler_address)

    with Client(farm) as client:
        by_address = client.run(opened)
        asked = {worker["name"]: by_address[address] for address, worker in client.scheduler_info()["workers"].items()}
    assert products(toy / "results/toy") == expected
    assert len(expected["event"]) == 60
    assert asked["cpu"] == (0, 0)
    assert asked["gpu"][0] > 2
    assert asked["gpu"][1] == 2  # each of two models once


def test_networks_on_onnx_and_analyses_without_models_are_scored_in_one_step():
    steps = [Scorer(analysis, None, None, "").steps for analysis in (Made("onnx"), Made("keras", models=()), Made("keras"))]

    assert [isinstance(one, TwoSteps) for one in steps] == [False, False, True]


@pytest.mark.filterwarnings("ignore:Missing cross-reference index:RuntimeWarning")
def test_observables_that_are_not_read_yet_can_travel_when_they_have_one_number_an_event(tmp_path, make_nano):
    path = make_nano(tmp_path / "a.root")
    factory = NanoEventsFactory.from_root({str(path): "Events"}, schemaclass=NanoAODSchema, mode="virtual")
    events = factory.events()
    given = {"met": events.MET.pt, "plain": np.arange(12.0), "masked": ak.mask(np.arange(12), np.arange(12) > 5)}

    sent = pickle.loads(pickle.dumps(score._flat(given | {"muon_pt": events.Muon.pt})))

    assert list(sent) == list(given)
    assert sent["met"].tolist() == [10.0 + number for number in range(12)]
    assert sent["masked"].tolist() == [None] * 6 + list(range(6, 12))


class Made:
    """An analysis, as far as the choice goes."""

    def __init__(self, scoring, models=("m",)):
        self.scoring, self.models = scoring, models
