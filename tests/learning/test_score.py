"""Which events are scored by which model, and what is compared for the overtraining test."""

import os

import numpy as np
import pytest
import xgboost

from pipeline.config import Analysis
from pipeline.files import write_json
from pipeline.learning import score
from pipeline.learning.score import Scorer, open_model
from pipeline.statistics.hashing import fold_of, mix64
from pipeline.statistics.sums import Quantum
from pipeline.stream.chunk import Chunk
from pipeline.stream.training_stream import is_validation
from pipeline.tasks.score_entries import is_compared

FOLDS = 3
N_EVENTS = 4000


@pytest.fixture(scope="module")
def analysis():
    model = {"architecture": "bdt", "inputs": "all"}
    return Analysis.model_validate(
        {
            "name": "made",
            "title": "Made",
            "processor": "made",
            "energy_tev": 13,
            "lumi_inv_fb": 1,
            "folds": FOLDS,
            "processes": {"tt": {"label": "tt"}, "hh": {"label": "HH"}},
            "datasets": {name: {"process": name, "xsec_pb": 1, "files": [f"{name}.root"]} for name in ("tt", "hh")},
            "task": {"kind": "classification", "classes": {"tt": ["tt"], "hh": ["hh"]}, "signal": "hh"},
            "inputs": {"all": {"event": ["fold"]}},
            "training": {"validation_fraction": 0.2},
            "models": {"usual": model, "halved": {**model, "training": {"validation_fraction": 0.5}}},
        }
    )


@pytest.fixture(scope="module")
def scorer(analysis, tmp_path_factory):
    """With trees of which those of fold k say (k + 1) / 10, whatever the event."""
    folder = tmp_path_factory.mktemp("made")
    for model in analysis.models:
        for fold in range(FOLDS):
            place = folder / "models" / model / f"fold{fold}"
            place.mkdir(parents=True)
            part = (fold + 1) / 10
            base = [float(np.log(1 - part)), float(np.log(part))]
            data = xgboost.DMatrix(np.zeros((2, 1)), label=[0, 1], base_margin=np.tile(base, (2, 1)))
            trees = xgboost.train({"objective": "multi:softprob", "num_class": 2, "base_score": base}, data, 0)
            trees.save_model(place / "model.ubj")
            write_json(place / "model.json", {"files": {"xgboost": "model.ubj"}})
    return Scorer(analysis, folder, Quantum.of_typical_weight(1.0), "code")


@pytest.fixture(scope="module")
def chunk():
    keys = mix64(np.arange(N_EVENTS))
    return Chunk(keys, np.ones(N_EVENTS), {"all": {"event": np.zeros((N_EVENTS, 1), np.float32)}}, {})


def folds_that_answered(scores):
    return np.rint(scores[:, 1] * 10).astype(int) - 1


def test_each_event_is_scored_by_the_model_of_the_fold_that_is_given(scorer, chunk):
    folds = fold_of(chunk.keys, FOLDS)
    rows = np.arange(N_EVENTS)[::-2]

    scores = scorer._predict("usual", chunk, rows, folds[rows])

    assert folds_that_answered(scores).tolist() == folds[rows].tolist()


@pytest.mark.parametrize(("model", "fraction"), [("usual", 0.2), ("halved", 0.5)])
def test_what_is_compared_was_trained_on_and_not_validated(scorer, chunk, model, fraction):
    folds = fold_of(chunk.keys, FOLDS)
    seen = scorer._seen(chunk, folds)[model]
    learned = ~is_validation(chunk.keys, fraction)

    assert seen.rows.tolist() == np.flatnonzero(learned & is_compared(chunk.keys)).tolist()
    assert len(seen.rows) == pytest.approx(0.25 * (1 - fraction) * N_EVENTS, rel=0.15)
    # A model has seen the events of all folds but its own.
    assert (folds_that_answered(seen.scores) != folds[seen.rows]).all()


def test_a_process_opens_a_model_once_and_again_when_it_was_trained_anew(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(score, "load_predictor", lambda folder, files, *, scoring: opened.append(files) or object())
    write_json(tmp_path / "model.json", {"files": {"onnx": "model.onnx"}})
    first = open_model(tmp_path)

    assert open_model(tmp_path) is first
    os.utime(tmp_path / "model.json", ns=(0, 0))
    assert open_model(tmp_path) is not first
    assert len(opened) == 2
