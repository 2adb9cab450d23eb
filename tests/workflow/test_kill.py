"""Whatever is killed at whatever moment, the run ends as one that was left alone.

`KILL_SEEDS=20 pytest tests/workflow/test_kill.py` draws twenty moments for each kind, instead of two.
"""

import itertools
import os
import shutil

import pytest

from tests.toy_analysis import make_toy, write_toy
from tests.workflow import killed_runs
from tests.workflow.kill import copy_of, disturbed, finish, python, undisturbed

SEEDS = range(int(os.environ.get("KILL_SEEDS", "2")))
MODELS = {
    "dnn": {"architecture": "dnn", "inputs": "all", "options": {"units": [16], "dropout": 0.2}},
    "bdt": {"architecture": "bdt", "inputs": "all", "options": {"subsample": 0.5}, "training": {"epochs": 200}},
}
# Long enough that a moment may fall into the training; early stopping never comes.
TRAINING = {"epochs": 20, "batch_size": 8, "early_stopping": {"patience": 400}}
# A range takes a while, so that a moment may fall into it.
SLOW = ("        met = ", "        __import__('time').sleep(0.1)\n        met = ")
FIRST = """
from pipeline.cli import main
where = ["--config", "config/toy.yaml", "--scale", "sync"]
main(["plan", *where], standalone_mode=False)
"""
SECOND = """
main(["summarise", *where], standalone_mode=False)
"""
THIRD = """
for fold in "01":
    main(["train", *where, "--model", "bdt", "--fold", fold], standalone_mode=False)
"""
# By what is started: what was made before it, and the models of the analysis.
BEGINNINGS = {
    "summarise": (FIRST, ("bdt",)),
    "score": (FIRST + SECOND + THIRD, ("bdt",)),
    "train": (FIRST + SECOND, ("dnn", "bdt")),
    "snakemake": ("import compileall; compileall.compile_dir('pipeline', quiet=1)", ("bdt",)),
}
SUMMARISE, SCORE = ("summarise",), ("score", "--dataset", "s")
TRAIN_DNN, TRAIN_BDT = (("train", "--model", model, "--fold", "0", "--checkpoint-seconds", "0.01") for model in MODELS)
# What is killed, in turn at the one and the other.
KINDS = {
    "Worker": (SUMMARISE, SCORE),
    "Stage": (SUMMARISE, SCORE),
    "Scheduler": (SUMMARISE, SCORE),
    "FarmWorker": (SCORE, SUMMARISE),
    "Training": (TRAIN_DNN, TRAIN_BDT),
    "Snakemake": (("snakemake",),),
}


@pytest.fixture(scope="module")
def beginning(tmp_path_factory, make_nano, pytestconfig):
    """Function that gives the folder in which something may be started; each is made once."""
    known = {}

    def make(name):
        if name not in known:
            code, models = BEGINNINGS[name]
            folder = known[name] = tmp_path_factory.mktemp("beginnings") / name
            folder.mkdir()
            make_toy(folder, pytestconfig.rootpath, make_nano, n_events=160)
            training = {**TRAINING, "epochs": 5} if name != "train" else TRAINING
            write_toy(folder, models={m: MODELS[m] for m in models}, training=training, reading={"range_entries": 20})
            processor = folder / "processors/toy.py"
            processor.write_text(processor.read_text(encoding="utf-8").replace(*SLOW), encoding="utf-8")
            for part in ("pipeline", "snakemake"):
                shutil.copytree(pytestconfig.rootpath / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            shutil.copy(pytestconfig.rootpath / "Snakefile", folder)
            finish(python(folder, "-c", code))
            shutil.rmtree(folder / ".scratch", ignore_errors=True)
        return known[name]

    return make


@pytest.fixture(scope="module")
def begin(beginning, tmp_path_factory):
    """Function that makes a run of a kind, in a new folder."""
    number = itertools.count()
    folder = tmp_path_factory.mktemp("runs")

    def make(kind, stage):
        return getattr(killed_runs, kind)(copy_of(beginning(stage[0]), folder / str(next(number))), *stage)

    return make


@pytest.fixture(scope="module")
def alone(begin):
    """Function that gives the products and the seconds of a run that was left alone; each kind runs once."""
    known = {}

    def run(kind, stage):
        if (kind, stage) not in known:
            known[kind, stage] = undisturbed(begin(kind, stage))
        return known[kind, stage]

    return run


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_that_is_disturbed_ends_as_one_that_was_left_alone(kind, seed, begin, alone):
    stage = KINDS[kind][seed % len(KINDS[kind])]
    expected, span_s = alone(kind, stage)

    assert disturbed(lambda: begin(kind, stage), seed, span_s) == expected
