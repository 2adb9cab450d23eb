"""A training that is killed, again and again, ends as one that was left alone."""

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from pipeline.files import read_json
from pipeline.learning.predictor import load_predictor
from tests.toy_analysis import make_toy, write_toy

MODELS = {
    "dnn": {"architecture": "dnn", "inputs": "all", "options": {"units": [16], "dropout": 0.2}},
    "bdt": {"architecture": "bdt", "inputs": "all", "options": {"subsample": 0.5}, "training": {"epochs": 300}},
}
TRAINING = {"epochs": 20, "batch_size": 8, "early_stopping": {"patience": 400}}
EVENTS = np.linspace(10.0, 600.0, 50, dtype=np.float32)[:, np.newaxis]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_nano, pytestconfig):
    """A planned and summarised analysis with a network and boosted trees."""
    folder = tmp_path_factory.mktemp("resume")
    make_toy(folder, pytestconfig.rootpath, make_nano, n_events=1000, cluster_entries=100)
    write_toy(folder, models=MODELS, training=TRAINING)
    for stage in ("plan", "summarise"):
        finish(start(folder, stage))
    return folder


def start(folder, stage, *arguments, results="results"):
    command = [sys.executable, "-m", "pipeline", stage, "--config", "config/toy.yaml", "--results", results, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def finish(process):
    """What it said, if it went well."""
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 0, said
    return said


def train(folder, model, results):
    (folder / results).mkdir(exist_ok=True)
    if not (folder / results / "toy").exists():
        (folder / results / "toy").mkdir()
        for name in ("plan.json", "summary.json"):
            (folder / results / "toy" / name).write_bytes((folder / "results/toy" / name).read_bytes())
    options = ("--model", model, "--fold", "0", "--checkpoint-seconds", "0.01")
    return start(folder, "train", *options, results=results)


def outcome(folder, model, results):
    """The history, and what the model answers."""
    made = folder / results / "toy/models" / model / "fold0"
    predictor = load_predictor(made, read_json(made / "model.json", made_by="train")["files"])
    return (made / "history.csv").read_text(encoding="utf-8"), predictor.predict({"event": EVENTS}).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_training_that_is_killed_ends_as_one_that_was_left_alone(model, folder):
    finish(train(folder, model, "alone"))
    moments, results, messages, kills = random.Random(1), "killed", "", 0
    checkpoint = folder / results / "toy/checkpoints" / model / "fold0.npz"

    for _ in range(2):
        process = train(folder, model, results)
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while process.poll() is None and not (checkpoint.exists() and checkpoint.stat().st_mtime_ns > before):
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.2))
        process.kill()
        messages += process.communicate()[1]
        kills += checkpoint.exists()  # killed before it was complete
    messages += finish(train(folder, model, results))

    assert kills
    assert messages.count("Going on after") == kills
    assert outcome(folder, model, results) == outcome(folder, model, "alone")
    assert not checkpoint.exists()
