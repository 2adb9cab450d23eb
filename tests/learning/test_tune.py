"""The stage `tune` on a small analysis: its products, what it goes on from, and that it never looks at the test fold."""

import csv
import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import chdir

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.config import load_analysis
from pipeline.statistics.hashing import event_hash, fold_of
from tests.conftest import make_events
from tests.toy_analysis import ANALYSIS, make_toy, write_events, write_toy

N_EVENTS = 400
SEARCH = {
    "options.max_depth": {"integers": [1, 4]},
    "options.subsample": {"uniform": [0.4, 1.0]},
    "training.learning_rate": {"log": [1e-3, 1.0]},
    "training.early_stopping": {"choices": [None, {"patience": 2}]},
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, make_nano, pytestconfig):
    """The toy, planned and summarised."""
    folder = tmp_path_factory.mktemp("tune")
    make_toy(folder, pytestconfig.rootpath, make_nano, n_events=N_EVENTS, cluster_entries=100)
    write_search(folder)
    with chdir(folder):
        for stage in ("plan", "summarise"):
            done(stage)
    return folder


@pytest.fixture
def folder(prepared, tmp_path, monkeypatch):
    """A copy of it, which is the working folder."""
    shutil.copytree(prepared, tmp_path / "toy")
    monkeypatch.chdir(tmp_path / "toy")
    return tmp_path / "toy"


def write_search(folder, *, trials=8, search=SEARCH, **changes):
    """Write the analysis with a section `tune` for its model."""
    tune = {"m": {"search": search, "trials": trials, "reduction": 2, "sampler": "random"}}
    training = {"epochs": 4, "batch_size": 64}
    write_toy(folder, tune=tune, training=training, **{"models": ANALYSIS["models"], **changes})


def command(stage, *arguments):
    return [stage, "--config", "config/toy.yaml", *arguments]


def done(stage, *arguments):
    """What it said; it must go well."""
    result = CliRunner().invoke(main, command(stage, *arguments))
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments):
    result = CliRunner().invoke(main, command("tune", *arguments))
    assert result.exit_code in (1, 2), result.output
    return result.output


def table(folder):
    with (folder / "results/toy/tune/m/trials.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def outcome(folder):
    return [(folder / "results/toy/tune/m" / name).read_bytes() for name in ("trials.csv", "best.yaml")]


def test_the_best_of_the_trials_is_written_as_yaml_that_can_be_pasted(folder):
    done("tune", "--model", "m")

    rows = table(folder)
    assert [row["trial"] for row in rows] == [str(number) for number in range(8)]
    assert {row["state"] for row in rows} == {"complete", "pruned"}
    best = min((row for row in rows if row["state"] == "complete"), key=lambda row: float(row["val_loss"]))
    given = yaml.safe_load((folder / "results/toy/tune/m/best.yaml").read_text(encoding="utf-8"))
    assert f"trial {best['trial']}," in (folder / "results/toy/tune/m/best.yaml").read_text(encoding="utf-8")
    write_search(folder, models=given["models"])
    model = load_analysis("config/toy.yaml").models["m"]
    assert (model.architecture, model.inputs) == ("bdt", "all")
    assert model.options == {"max_depth": int(best["options.max_depth"]), "subsample": float(best["options.subsample"])}
    assert model.training["learning_rate"] == float(best["training.learning_rate"])
    assert model.training["early_stopping"] == yaml.safe_load(best["training.early_stopping"])

    before = outcome(folder)
    said = done("tune", "--model", "m")  # with the best pasted, the search is still the same one, and is complete

    assert table(folder) == rows
    assert outcome(folder)[0] == before[0]
    assert "0 trials" in said


def test_the_figures_are_written_and_nothing_of_a_trial_stays_but_the_journal(folder):
    done("tune", "--model", "m")

    made = {path.relative_to(folder / "results/toy/tune/m") for path in (folder / "results/toy/tune/m").rglob("*")}
    names = {path.name for path in made if len(path.parts) == 1}
    (search,) = (name for name in names if "." not in name)
    assert names == {"best.yaml", "trials.csv", "trials.png", "trials.pdf", "search.png", "search.pdf", search}
    assert {path.name for path in made if len(path.parts) > 1} == {"journal.jsonl", "journal.leader"}
    assert not (folder / "results/toy/models").exists()


@pytest.mark.slow
def test_a_trial_is_what_train_makes_with_its_settings(folder):
    """The validation loss in the table is that of the model of fold 0, trained with the best settings."""
    done("tune", "--model", "m")
    best = min((row for row in table(folder) if row["state"] == "complete"), key=lambda row: float(row["val_loss"]))
    given = yaml.safe_load((folder / "results/toy/tune/m/best.yaml").read_text(encoding="utf-8"))
    write_search(folder, models=given["models"])

    done("train", "--model", "m", "--fold", "0")

    with (folder / "results/toy/models/m/fold0/history.csv").open(newline="", encoding="utf-8") as file:
        losses = {row["epoch"]: row["val_loss"] for row in csv.DictReader(file)}
    assert losses[best["best_epoch"]] == best["val_loss"]


@pytest.mark.slow
def test_events_of_the_test_fold_change_nothing(folder, make_nano):
    """Fold 0 gets other inputs: the trials stay as they are. Other events do change them."""
    done("tune", "--model", "m")
    before = table(folder)

    found = {}
    for fold in (0, 1):
        columns = make_events(N_EVENTS)
        keys = event_hash(columns["run"], columns["luminosityBlock"], columns["event"])
        shift = np.where(fold_of(keys, 2) == fold, np.random.default_rng(3).normal(0, 50, N_EVENTS), 0)
        columns["MET_pt"] = (columns["MET_pt"] + np.abs(shift)).astype(np.float32)
        write_events(folder / "s.root", columns, range(N_EVENTS), cluster_entries=100)
        shutil.rmtree(folder / "results")
        for stage in ("plan", "summarise"):
            done(stage)
        done("tune", "--model", "m")
        found[fold] = table(folder)

    assert found[0] == before
    assert found[1] != before


@pytest.mark.slow
def test_with_more_trials_the_same_search_goes_on(folder):
    write_search(folder, trials=5)
    done("tune", "--model", "m")
    first = table(folder)

    write_search(folder, trials=8)
    done("tune", "--model", "m")

    together = table(folder)
    assert together[:5] == first
    shutil.rmtree(folder / "results/toy/tune")
    done("tune", "--model", "m")
    assert table(folder) == together


@pytest.mark.slow
def test_another_search_begins_anew(folder):
    write_search(folder, trials=3)
    done("tune", "--model", "m")
    first = table(folder)

    write_search(folder, trials=2, search={"options.max_depth": {"choices": [1, 2]}})
    done("tune", "--model", "m")

    assert len(table(folder)) == 2
    write_search(folder, trials=3)
    done("tune", "--model", "m")
    assert table(folder) == first


def test_settings_that_cannot_be_built_fail_and_the_search_goes_on(folder):
    write_search(folder, search={"options.subsample": {"choices": [-1.0, -2.0, 0.5, 1.0]}}, trials=6)

    done("tune", "--model", "m")

    rows = table(folder)
    failed = [row for row in rows if float(row["options.subsample"]) < 0]
    assert 0 < len(failed) < 6
    assert {row["state"] for row in failed} == {"failed"}
    assert all("Model 'm' cannot be built" in row["reason"] for row in failed)
    assert all(row["state"] != "failed" for row in rows if row not in failed)


def test_a_search_in_which_every_trial_fails_says_why(folder):
    write_search(folder, search={"options.subsample": {"choices": [-1.0, -2.0]}}, trials=2)

    said = refused("--model", "m")

    assert "None of 2 trials of model 'm' has come to its end; the first that failed: Model 'm' cannot be built" in said
    assert "Correct tune.m.search in config/toy.yaml." in said


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "mm",
            "Analysis 'toy' says nothing on what to search for model 'mm'. Nearest: 'm'. Add a section tune.mm to config",
        ),
        (
            "m2",
            "Analysis 'toy' says nothing on what to search for model 'm2'. Nearest: 'm'. Add a section tune.m2 to config",
        ),
    ],
    ids=["no model", "no section"],
)
def test_a_model_without_a_search_is_refused(model, message, folder):
    write_search(folder, models={**ANALYSIS["models"], "m2": ANALYSIS["models"]["m"]})

    assert message in refused("--model", model)


@pytest.mark.slow
def test_a_broken_input_stops_the_search_which_goes_on_when_it_is_mended(folder):
    """No trial is blamed for it."""
    done("tune", "--model", "m")
    alone = table(folder)
    shutil.rmtree(folder / "results/toy/tune")
    shutil.rmtree(folder / ".scratch")
    (folder / "s.root").rename(folder / "elsewhere.root")

    assert "s.root" in refused("--model", "m")

    (folder / "elsewhere.root").rename(folder / "s.root")
    done("tune", "--model", "m")
    assert table(folder) == alone


def test_without_optuna_the_extra_is_named():
    code = "import sys; sys.modules['optuna'] = None; from pipeline.learning import tune_study"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=False)

    assert "InputError: The stage 'tune' needs the package optuna, which is not installed." in ended.stderr
    assert "pip install nanoloom[tune]" in ended.stderr


@pytest.mark.slow
def test_a_network_whose_training_diverges_fails_and_the_others_go_on(folder):
    search = {"training.learning_rate": {"choices": [1e30, 1e-3]}, "options.dropout": {"uniform": [0.0, 0.2]}}
    net = {"architecture": "dnn", "inputs": "all", "options": {"units": [4]}, "training": {"optimizer": "sgd"}}
    write_search(folder, search=search, trials=5, models={"m": net})

    done("tune", "--model", "m")

    states = {(row["training.learning_rate"], row["state"] == "failed") for row in table(folder)}
    assert states == {("1e+30", True), ("0.001", False)}
    assert "has loss nan" in next(row["reason"] for row in table(folder) if row["state"] == "failed")


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def start(folder, *arguments):
    line = [sys.executable, "-m", "pipeline", *command("tune", "--model", "m", *arguments)]
    return subprocess.Popen(line, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.slow
def test_two_workers_run_every_trial_once(folder):
    process = start(folder, "--workers", "2")

    said = process.communicate(timeout=300)[0]

    assert process.returncode == 0, said
    rows = table(folder)
    assert [row["trial"] for row in rows] == [str(number) for number in range(8)]
    assert {row["state"] for row in rows} <= {"complete", "pruned"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_search_that_is_killed_again_and_again_ends_as_one_that_was_left_alone(seed, folder):
    write_search(folder, trials=6, models={"m": {"architecture": "bdt", "inputs": "all", "training": {"epochs": 300}}})
    done("tune", "--model", "m")
    alone = outcome(folder)
    shutil.rmtree(folder / "results/toy/tune")
    moments, kills = random.Random(seed), 0

    while True:
        process = start(folder, "--checkpoint-seconds", "0.01")
        journals = folder / "results/toy/tune/m"
        size = sum(path.stat().st_size for path in journals.rglob("*.jsonl"))
        while process.poll() is None and sum(path.stat().st_size for path in journals.rglob("*.jsonl")) == size:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 1.5))
        if kills == 4 or process.poll() is not None:
            said = process.communicate(timeout=300)[0]
            assert process.returncode == 0, said
            break
        process.kill()
        process.communicate()
        kills += 1

    assert kills
    assert outcome(folder) == alone
