"""Networks of objects learn momenta and assignments together, from the stream, and can be tuned."""

import csv
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.files import read_json
from pipeline.learning.predictor import load_predictor
from tests.toy_regression import make_toy_regression

NETWORKS = {
    "blstm": {"dense_before": [16], "lstm": [8], "dense_after": [16], "activation_after": "relu", "readout": "mean"},
    "attention_blstm": {"dense_before": [16], "lstm": [8], "dense_after": [16], "heads": 2},
    "set_transformer": {"width": 16, "embedding": [16], "blocks": 1, "heads": 2},
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, pytestconfig):
    folder = tmp_path_factory.mktemp("objects")
    models = {name: {"architecture": name, "inputs": "all", "options": options} for name, options in NETWORKS.items()}
    search = {"options.blocks": {"choices": [0, 1]}, "training.learning_rate": {"log": [1e-3, 1e-2]}}
    make_toy_regression(
        folder,
        models={**models, "measured": {"architecture": "measured", "inputs": "all"}},
        training={"epochs": 6, "batch_size": 64, "learning_rate": 0.005},
        tune={"set_transformer": {"search": search, "trials": 2}},
    )
    shutil.copytree(
        pytestconfig.rootpath / "models", folder / "models", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    return folder


@pytest.fixture
def folder(prepared, monkeypatch):
    """Planned and summarised, and the working folder."""
    monkeypatch.chdir(prepared)
    if not (prepared / "results").exists():
        for stage in ("plan", "summarise"):
            done(stage)
    return prepared


def done(stage, *arguments):
    result = CliRunner().invoke(main, [stage, "--config", "config/toy.yaml", *arguments])
    assert result.exit_code == 0, result.output


@pytest.mark.slow
@pytest.mark.parametrize("model", NETWORKS)
def test_momenta_and_assignment_are_learned_together(model, folder):
    done("train", "--model", model, "--fold", "0")

    made = folder / "results/toy/models" / model / "fold0"
    with (made / "history.csv").open(newline="", encoding="utf-8") as file:
        losses = [float(row["val_loss"]) for row in csv.DictReader(file)]
    assert min(losses) < 0.95 * losses[0]
    seen = {"seen": np.full((3, 6), 30, np.float32), "jets": np.ones((3, 4, 2), np.float32)}
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], np.float32)
    predictor = load_predictor(made, read_json(made / "model.json", made_by="train")["files"])
    answers = predictor.predict({**seen, "jets_mask": mask})
    # The momenta are in GeV: what is seen is half of the truth.
    assert np.abs(answers[1, :3]).max() > 10
    np.testing.assert_allclose(answers[:, 6:].sum(axis=1), [1, 1, 0], atol=1e-5)
    assert (answers[:, 6:][mask == 0] == 0).all()


@pytest.mark.slow
def test_a_regression_is_tuned_as_a_classification_is(folder):
    done("tune", "--model", "set_transformer")

    with (folder / "results/toy/tune/set_transformer/trials.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["state"] == "complete"
    assert len(rows) == 2
