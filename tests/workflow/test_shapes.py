"""Analyses of other shapes than the shipped ones: three classes, three folds, data, and padded collections with a mask."""

import json

import pytest
import uproot
from click.testing import CliRunner

from pipeline.cli import main
from tests.toy_analysis import ANALYSIS, make_toy, write_toy

POOL = '''
"""Sums a dense layer over the objects that there are."""

import keras


def build(inputs, outputs, *, width=8) -> keras.Model:
    tensors, parts = {}, []
    for name, spec in inputs.items():
        tensors[name] = keras.Input(spec.shape, name=name)
        x = keras.layers.Rescaling(spec.scale, spec.offset)(tensors[name])
        if spec.max_objects is not None:
            tensors[f"{name}_mask"] = mask = keras.Input((spec.max_objects,), name=f"{name}_mask")
            x = keras.layers.Dense(width, activation="relu")(x)
            x = keras.ops.sum(x * keras.ops.expand_dims(mask, -1), axis=1)
        parts.append(x)
    joined = keras.layers.Concatenate()(parts)
    return keras.Model(tensors, keras.layers.Dense(outputs.size, activation=outputs.activation)(joined))
'''


@pytest.fixture
def toy(tmp_path, monkeypatch, make_nano, pytestconfig):
    """A folder with the analysis `toy`, which is the current one."""
    monkeypatch.chdir(tmp_path)
    make_toy(tmp_path, pytestconfig.rootpath, make_nano, n_events=200, cluster_entries=50)
    return tmp_path


def run(*command):
    result = CliRunner().invoke(main, [*command, "--config", "config/toy.yaml"], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def run_all(model, folds, datasets):
    run("plan")
    run("summarise")
    for fold in range(folds):
        run("train", "--model", model, "--fold", str(fold))
    for dataset in datasets:
        run("score", "--dataset", dataset)
    run("evaluate")


def test_three_classes_three_folds_and_data(toy, make_nano):
    make_nano(toy / "c.root", 150, first=5000)
    make_nano(toy / "d.root", 50, first=9000, is_mc=False)
    write_toy(
        toy,
        folds=3,
        processes={**ANALYSIS["processes"], "third": {"label": "C"}, "data": {"label": "D"}},
        datasets={
            **ANALYSIS["datasets"],
            "c": {"process": "third", "xsec_pb": 2.0, "files": ["c.root"]},
            "d": {"process": "data", "is_mc": False, "files": ["d.root"]},
        },
        task={"kind": "classification", "classes": {"b": ["bkg"], "s": ["sig"], "c": ["third"]}, "signal": "c"},
        models={"m": {"architecture": "bdt", "inputs": "all", "training": {"epochs": 20, "learning_rate": 0.3}}},
    )

    run_all("m", 3, ("s", "b", "c", "d"))

    metrics = json.loads((toy / "results/toy/metrics.json").read_text(encoding="utf-8"))["m"]
    # MET of class c is above 5 TeV, of the others below 210 GeV. The trees see quantiles: one may hold the edge of both.
    assert metrics["auc"]["value"] > 0.98
    assert metrics["n_test_by_class"] == {"b": 200, "s": 200, "c": 150}
    scores = uproot.concatenate("results/toy/scores/d.root:Scores", library="np")
    assert len(scores["event"]) == 50
    assert set(scores["fold"].tolist()) == {0, 1, 2}


def test_a_padded_collection_reaches_the_model_with_its_mask(toy):
    processor = (toy / "processors/toy.py").read_text(encoding="utf-8")
    muons = '"muons": {"pt": events.Muon.pt[keep], "eta": events.Muon.eta[keep]}'
    processor = processor.replace('{"met": value}}', f'{{"met": value}}, {muons}}}')
    processor = processor.replace('"Muon_pt",', '"Muon_pt", "Muon_eta", "Muon_phi", "Muon_mass", "Muon_charge",')
    (toy / "processors/toy.py").write_text(processor, encoding="utf-8")
    (toy / "models/pool.py").write_text(POOL, encoding="utf-8")
    write_toy(
        toy,
        inputs={"all": {"event": ["met"], "muons": {"features": ["pt", "eta"], "max_objects": 2, "order_by": "pt"}}},
        models={"m": {"architecture": "pool", "inputs": "all", "training": {"epochs": 1}}},
    )

    run_all("m", 2, ("s", "b"))

    record = json.loads((toy / "results/toy/models/m/fold0/model.json").read_text(encoding="utf-8"))
    assert record["inputs"]["muons"]["order_by"] == "pt"
    scores = uproot.concatenate("results/toy/scores/s.root:Scores", library="np")
    assert len(scores["m_s"]) == 200
