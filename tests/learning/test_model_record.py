"""A model is used with the analysis and the code that it was trained with, or not at all."""

import json

import pytest

from pipeline.config import Analysis
from pipeline.errors import InputError
from pipeline.files import write_json
from pipeline.learning.learner import Epoch, Trained
from pipeline.learning.model_record import expected_record, model_record, read_record

CONTENT = {
    "name": "hh",
    "title": "HH",
    "processor": "hh_bbww",
    "energy_tev": 13,
    "lumi_inv_fb": 138,
    "seed": 1,
    "folds": 2,
    "processes": {"hh": {"label": "HH"}, "tt": {"label": "tt"}},
    "datasets": {
        "hh": {"process": "hh", "xsec_pb": 1, "files": ["hh.root"]},
        "tt": {"process": "tt", "xsec_pb": 1, "files": ["tt.root"]},
    },
    "task": {"kind": "classification", "classes": {"tt": ["tt"], "hh": ["hh"]}, "signal": "hh"},
    "inputs": {"all": {"event": ["met", "met_phi"], "jets": {"features": ["pt"], "max_objects": 3}}},
    "models": {"net": {"architecture": "dnn", "inputs": "all"}},
}
TRAINED = Trained(
    history=(Epoch(1, 0.5, 0.4, 1e-3, {"sig": 9}), Epoch(2, 0.4, 0.5, 1e-3, {"sig": 9})),
    best_epoch=1,
    n_parameters=10,
    events_seen={"hh": 5, "tt": 7},
    files={"keras": "model.keras", "onnx": "model.onnx"},
)


def analysis(**changes):
    return Analysis.model_validate(CONTENT | changes)


@pytest.fixture
def folder(tmp_path, pytestconfig, monkeypatch):
    """A folder with the record of a model of fold 0."""
    monkeypatch.chdir(pytestconfig.rootpath)
    write_json(tmp_path / "model.json", model_record(analysis(), "net", 0, TRAINED))
    return tmp_path


def test_a_record_comes_back_whole(folder):
    record = read_record(analysis(), "net", 0, folder)

    assert record["inputs"]["event"] == ["met", "met_phi"]
    assert record["inputs"]["jets"] == {"kind": "padded", "of": None, "features": ["pt"], "max_objects": 3, "order_by": None}
    assert record["outputs"] == ["tt", "hh"]
    assert record["files"] == {"keras": "model.keras", "onnx": "model.onnx"}
    assert (record["best_epoch"], record["epochs"], record["n_parameters"]) == (1, 2, 10)
    assert record["events_seen"] == {"hh": 5, "tt": 7}
    assert set(record["versions"]) >= {"nanoloom", "keras", "numpy"}


def test_another_title_is_no_difference(folder):
    assert read_record(analysis(title="Other", lumi_inv_fb=3), "net", 0, folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"inputs": {"all": {**CONTENT["inputs"]["all"], "event": ["met"]}}},
            r"was trained with inputs = \{'event': \['met', 'met_phi'\].* This analysis has \{'event': \['met'\]",
        ),
        (
            {"inputs": {"all": {**CONTENT["inputs"]["all"], "event": ["met_phi", "met"]}}},
            r"was trained with inputs = .* This analysis has \{'event': \['met_phi', 'met'\]",
        ),
        ({"folds": 3}, r"was trained with folds = 2\. This analysis has 3\."),
        ({"seed": 2}, r"was trained with seed = 1\. This analysis has 2\."),
        ({"name": "other"}, r"was trained with analysis = hh\. This analysis has other\."),
        ({"selection": {"n": 1}}, r"was trained with selection = \{\}\. This analysis has \{'n': 1\}\."),
        (
            {"task": {"kind": "classification", "classes": {"hh": ["hh"], "tt": ["tt"]}, "signal": "hh"}},
            r"was trained with outputs = \['tt', 'hh'\]\. This analysis has \['hh', 'tt'\]\.",
        ),
        ({"processor": "dimuon"}, r"was trained with processor_digest = "),
        ({"models": {"net": {"architecture": "bdt", "inputs": "all"}}}, r"was trained with model_digest = "),
    ],
    ids=[
        "input missing",
        "inputs in another order",
        "folds",
        "seed",
        "analysis",
        "selection",
        "outputs",
        "processor",
        "model",
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_the_difference(changes, message, folder):
    with pytest.raises(InputError, match=message + r".* Run the stage 'train' for 'net' again, or restore config/"):
        read_record(analysis(**changes), "net", 0, folder)


def test_an_edit_of_what_the_architecture_imports_is_noticed(tmp_path, pytestconfig, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("models", "processors"):
        (tmp_path / name).mkdir()
    (tmp_path / "processors/hh_bbww.py").write_text("x = 1")
    (tmp_path / "models/dnn.py").write_text(
        "from models.common import SIZE\n\ndef build(inputs, outputs) -> keras.Model:\n    return SIZE\n"
    )
    (tmp_path / "models/common.py").write_text("SIZE = 4")
    before = expected_record(analysis(), "net", 0)["model_digest"]

    (tmp_path / "models/common.py").write_text("SIZE = 5")

    assert expected_record(analysis(), "net", 0)["model_digest"] != before


def test_the_model_of_another_fold_is_refused(folder):
    with pytest.raises(InputError, match=r"was trained with fold = 0\. This analysis has 1\."):
        read_record(analysis(), "net", 1, folder)


def test_a_record_without_a_key_is_refused(folder):
    record = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    del record["processor_digest"]
    write_json(folder / "model.json", record)

    with pytest.raises(InputError, match=r"was trained with processor_digest = None"):
        read_record(analysis(), "net", 0, folder)


def test_a_missing_record_names_the_stage(tmp_path):
    with pytest.raises(InputError, match=r"No .*model\.json\. The stage 'train' writes it\."):
        read_record(analysis(), "net", 0, tmp_path)


def test_a_long_value_is_cut_in_the_message(folder):
    many = {"all": {"event": [f"feature_{i}" for i in range(500)]}}

    with pytest.raises(InputError, match="…") as caught:
        read_record(analysis(inputs=many), "net", 0, folder)

    assert len(str(caught.value)) < 1000


def test_what_is_compared_is_what_json_gives_back(folder):
    expected = expected_record(analysis(), "net", 0)

    assert json.loads(json.dumps(expected)) == expected
