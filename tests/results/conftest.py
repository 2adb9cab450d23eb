"""Products of a small analysis with two models, data and simulation: what the stages before `plot` and `report` leave."""

import csv
import json

import hist
import numpy as np
import pytest

from pipeline.config import load_analysis
from pipeline.events.ledger import Ledger
from pipeline.events.plan import DatasetPlan, Plan, PlannedFile
from pipeline.files import write_json
from pipeline.results.products import write_uhi

CONFIG = r"""
title: $H \to \mu\mu$ <against> Z
processor: toy
energy_tev: 13.6
lumi_inv_fb: 0.5
folds: 2
processes:
  higgs: {label: "$H \\to \\mu\\mu$"}
  z: {label: Z → μμ, color: "#ffa90e"}
  data: {label: Data}
datasets:
  higgs: {process: higgs, files: [higgs.root], xsec_pb: 0.01}
  z: {process: z, files: [z.root], xsec_pb: 6000}
  data: {process: data, files: [data.root], is_mc: false}
task: {kind: classification, classes: {bkg: [z], sig: [higgs]}, signal: sig}
inputs: {all: {event: [mass]}}
models:
  dnn: {label: "DNN, $\\Delta\\phi$", architecture: dnn, inputs: all}
  bdt: {architecture: bdt, inputs: all}
histograms:
  mass: {observable: mass, label: "$m_{\\mu\\mu}$", unit: GeV, bins: 4, start: 0, stop: 200}
  pt: {observable: pt, label: "muon $p_T$", unit: GeV, edges: [0, 20, 50, 200], log: true}
"""
MEMBERS = {"higgs": ("mc", "classes/sig"), "z": ("mc", "classes/bkg"), "data": ("data",)}
YIELDS = {"higgs": 5.0, "z": 300.0, "data": 310.0}


@pytest.fixture
def config_path(tmp_path):
    path = tmp_path / "config" / "toy.yaml"
    path.parent.mkdir()
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture
def analysis(config_path):
    return load_analysis(config_path)


@pytest.fixture
def results_dir(tmp_path, analysis):
    """`results/toy`, with everything that `plot` reads and, of `report`, all but the figures."""
    folder = tmp_path / "results" / "toy"
    write_uhi(folder / "histograms.json", made_histograms())
    write_json(folder / "yields.json", made_yields())
    write_json(folder / "metrics.json", {"dnn": made_metrics("bdt", 0.9), "bdt": made_metrics("dnn", 0.88)})
    write_json(folder / "roc.json", {"dnn": made_roc("DNN", 0.9), "bdt": made_roc("BDT", 0.88)})
    for model in analysis.models:
        for fold in range(analysis.folds):
            write_training(folder / "models" / model / f"fold{fold}")
    plan = made_plan()
    plan.save(folder / "plan.json")
    write_json(folder / "summary.json", {"cutflow": made_cutflow(), "ledger": made_ledger(plan)})
    return folder


def made_histograms():
    axes = {
        "mass": hist.axis.Regular(4, 0, 200, name="mass"),
        "pt": hist.axis.Variable([0, 20, 50, 200], name="pt"),
        "dnn_score": hist.axis.Regular(5, 0, 1, name="score"),
        "bdt_score": hist.axis.Regular(5, 0, 1, name="score"),
    }
    result = {}
    for name, axis in axes.items():
        for dataset, groups in MEMBERS.items():
            filled = hist.Hist(axis, storage=hist.storage.Weight())
            # Two muons an event: this histogram has entries, not events.
            copies = 2 if name == "pt" else 1
            filled.fill(np.linspace(0.1, 0.9, 10).repeat(copies) * axis.edges[-1], weight=YIELDS[dataset] / 10)
            for key in (f"datasets/{dataset}", f"processes/{dataset}", *groups):
                result[f"{key}/{name}"] = result.get(f"{key}/{name}", 0) + filled
            if "score" in name and dataset != "data":
                result[f"{groups[1]}/{name}_train"] = filled * 1.5
    return result


def made_yields():
    rows = {
        name: {"n_selected": 10, "sumw_selected": 10.0, "sumw_total": 40.0, "efficiency": 0.25, "efficiency_stat": 0.07}
        | {"xsec_pb": None if name == "data" else 1.0, "lumi_inv_fb": 0.5, "yield": value, "yield_stat": value / 10**0.5}
        for name, value in YIELDS.items()
    }
    return {"datasets": rows, "processes": {name: {"yield": v, "yield_stat": v / 10**0.5} for name, v in YIELDS.items()}}


def made_metrics(other, auc):
    tests = {
        name: {"statistic": 0.1, "p_value": 0.99, "p_value_replicas": p} for name, p in (("bkg", 0.51), ("sig", 0.0099))
    }
    return {
        "auc": {"value": auc, "stat": 0.011},
        "accuracy": {"value": 0.81, "stat": 0.02},
        "rejection": {"0.3": {"value": None, "stat": None, "lower_limit": 512.0}, "0.5": {"value": 80.0, "stat": 12.0}},
        "n_test": 20,
        "n_test_by_class": {"bkg": 10, "sig": 10},
        "overtraining": {
            "auc_train": {"value": auc + 0.01, "stat": 0.009},
            "auc_test": {"value": auc, "stat": 0.009},
            "auc_difference": {"value": 0.01, "stat": 0.014},
            "ks": tests,
        },
        "paired": {other: {"auc": {"value": 0.02 if auc == 0.9 else -0.02, "stat": 0.005}}},
    }


def made_roc(label, auc):
    return {
        "label": label,
        "signal": "sig",
        "sig_eff": [0.0, 0.5, 1.0],
        "bkg_eff": [0.0, 0.1, 1.0],
        "bkg_eff_low": [0.0, 0.05, 1.0],
        "bkg_eff_high": [0.01, 0.2, 1.0],
        "threshold": [None, 0.5, 0.0],
        "auc": auc,
        "auc_stat": 0.011,
    }


def write_training(folder):
    folder.mkdir(parents=True)
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["epoch", "loss", "val_loss", "learning_rate"], [1, 0.7, 0.71, 0.1], [2, 0.6, "", 0.1]])
    (folder / "model.json").write_text(
        json.dumps({"processor_digest": "5e1ec7ed", "n_parameters": 12345, "epochs": 2, "best_epoch": 1}), encoding="utf-8"
    )


def made_plan():
    datasets = []
    for name in MEMBERS:
        good = PlannedFile(f"{name}.root", "TTree", "u", 100, 40, (0, 20, 40), 40, 40.0, 40.0, "Runs")
        broken = PlannedFile(f"{name}_broken.root", problems=("It is truncated.",))
        datasets.append(DatasetPlan(name, name != "data", (good, broken) if name == "z" else (good,)))
    return Plan("toy", 20, 1, tuple(datasets))


def made_ledger(plan):
    ledger = Ledger(plan)
    for part in plan.ranges():
        ledger.done(part, n_selected=5)
    return ledger.to_json()


def made_cutflow():
    rows = [("all", 40, 40.0, 40.0), ("two <muons>", 20, 20.0, 20.0), ("mass window", 10, 10.0, 10.0)]
    cuts = [dict(zip(("cut", "n_events", "sumw", "sumw2"), row, strict=True)) for row in rows]
    return dict.fromkeys(MEMBERS, cuts)
