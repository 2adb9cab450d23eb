"""Counts of made scores, of which every product of `evaluate` is known."""

import json

import numpy as np

from pipeline.config import Analysis
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.hashing import mix64
from pipeline.statistics.sums import Quantum
from pipeline.tasks.score_entries import Seen

DATASETS = {
    "tt_a": {"process": "tt", "files": ["a.root"], "xsec_pb": 20.0},
    "tt_b": {"process": "tt", "files": ["b.root"], "xsec_pb": 5.0},
    "hh": {"process": "hh", "files": ["c.root"], "xsec_pb": 0.1},
    "other": {"process": "other", "files": ["d.root"], "xsec_pb": 1.0},
    "data": {"process": "data", "files": ["e.root"], "is_mc": False},
}
SELECTED = {"tt_a": 800, "tt_b": 300, "hh": 600, "other": 50, "data": 70}
# How many standard deviations the score of a dataset's events is shifted by.
SHIFT = {"tt_a": 0.0, "tt_b": 0.5, "hh": 2.0, "other": 1.0, "data": 0.3}
SUMW = {name: 4.0 * n for name, n in SELECTED.items()}
SUMW2 = {name: 5.0 * n for name, n in SELECTED.items()}
PRODUCTS = ("metrics.json", "roc.json", "yields.json", "histograms.json", "histograms.root")


def analysis_of(**changes) -> Analysis:
    model = {"architecture": "dnn", "inputs": "all"}
    content = {
        "name": "made",
        "title": "Made",
        "processor": "made",
        "energy_tev": 13,
        "lumi_inv_fb": 2.0,
        "bootstrap_replicas": 50,
        "processes": {name: {"label": name} for name in ("tt", "hh", "other", "data")},
        "datasets": DATASETS,
        "histograms": {
            "mass": {"observable": "mass", "label": "m", "unit": "GeV", "bins": 10, "start": 0, "stop": 2},
            "pt": {"observable": "pt", "label": "p", "edges": [0, 0.5, 3]},
        },
        "inputs": {"all": {"event": ["mass"]}},
        "task": {"kind": "classification", "classes": {"tt": ["tt"], "hh": ["hh"]}, "signal": "hh"},
        "models": {"good": {**model, "label": "Good"}, "poor": model},
    }
    return Analysis.model_validate({**content, **changes})


def softmax(logits):
    return np.stack([1 / (1 + np.exp(logits)), 1 / (1 + np.exp(-logits))], axis=1).astype(np.float32)


def write_counts(analysis: Analysis, folder, selected=SELECTED, *, overtrained=0.0) -> None:
    """What the stage `score` leaves: one number an event in `mass`, from no to two in `pt`."""
    for number, (name, n) in enumerate(selected.items()):
        rng = np.random.default_rng(number)
        weights = np.ones(n) if name == "data" else rng.choice([1.0, 2.0, -0.5], n, p=[0.6, 0.3, 0.1])
        quantum = Quantum.of_typical_weight(1.2)
        histograms = DatasetHistograms.for_analysis(analysis, quantum)
        histograms.fill({"mass": rng.exponential(1, n), "pt": rng.exponential(1, n)}, weights)
        histograms.save(folder / "histograms" / f"{name}.npz")
        if not analysis.models:
            continue
        truth = rng.normal(SHIFT[name], 1, n)
        is_trained = name in analysis.trained_datasets()
        better = overtrained * (1 if name == "hh" else -1)
        test = {model: softmax(2 * truth - 2 + rng.normal(0, noise, n)) for model, noise in (("good", 0.5), ("poor", 3))}
        train = {
            model: softmax(2 * truth - 2 + better + rng.normal(0, noise, n)) for model, noise in (("good", 0.5), ("poor", 3))
        }
        counts = analysis.task.counts_for(analysis, name, quantum)
        true_class = list(analysis.task.classes).index(analysis.class_of(name)) if is_trained else None
        every = np.arange(n)
        seen = {model: Seen(every, scores) for model, scores in train.items()} if is_trained else {}
        counts.fill(test, seen, weights, mix64(every), true_class)
        counts.save(folder / "evaluations" / f"{name}.npz")


def content(folder, name):
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
