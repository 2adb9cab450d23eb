"""The smallest analysis that trains: two classes, one input, in a folder of its own."""

import shutil

import awkward as ak
import numpy as np
import uproot
import yaml

PROCESSOR = """
import awkward as ak
import numpy as np
from coffea.processor import ProcessorABC
from pipeline.config import Section
from pipeline.physics.selected import Selected, count_cuts, event_ids
from pipeline.physics.weights import generator_weights

READS = ("nMuon", "Muon_pt", "MET_pt", "MET_phi", "run", "luminosityBlock", "event")

class Settings(Section):
    met_min_gev: float = 0.0
    nan_at_met_gev: float = -1.0

class Processor(ProcessorABC):
    reads = READS
    def __init__(self, settings):
        self.settings = settings
    def process(self, events, variation="nominal"):
        met = np.asarray(events.MET.pt)
        keep = met >= self.settings.met_min_gev
        weights = generator_weights(events)
        value = np.where(met == self.settings.nan_at_met_gev, np.nan, met)[keep]
        return Selected(
            ids=event_ids(events, keep), weight=weights[keep], observables={"met": met[keep]},
            cutflow=count_cuts({"met": keep}, weights), inputs={"event": {"met": value}},
        )
    def postprocess(self, accumulator):
        return accumulator
"""

ANALYSIS = {
    "title": "Toy",
    "processor": "toy",
    "energy_tev": 13,
    "lumi_inv_fb": 1.0,
    "processes": {"sig": {"label": "S"}, "bkg": {"label": "B"}},
    "datasets": {
        "s": {"process": "sig", "xsec_pb": 1.0, "files": ["s.root"]},
        "b": {"process": "bkg", "xsec_pb": 1.0, "files": ["b.root"]},
    },
    "task": {"kind": "classification", "classes": {"b": ["bkg"], "s": ["sig"]}, "signal": "s"},
    "inputs": {"all": {"event": ["met"]}},
    "models": {"m": {"architecture": "bdt", "inputs": "all"}},
    "histograms": {"met": {"observable": "met", "label": "met", "bins": 10, "start": 0.0, "stop": 100.0}},
}


def make_toy(folder, root, make_nano, *, n_events=60, cluster_entries=20):
    """Write the analysis `toy`, its processor, the models, and a good file for each of two datasets into *folder*."""
    for name in ("config", "processors"):
        (folder / name).mkdir()
    shutil.copytree(root / "models", folder / "models", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "processors/toy.py").write_text(PROCESSOR, encoding="utf-8")
    for name in ("s", "b"):
        make_nano(folder / f"{name}.root", n_events, cluster_entries=cluster_entries)
    write_toy(folder)


def write_toy(folder, **changes):
    """Write `config/toy.yaml` with *changes* at its top level."""
    text = yaml.safe_dump({**ANALYSIS, **changes}, sort_keys=False)
    (folder / "config/toy.yaml").write_text(text, encoding="utf-8")


def write_events(path, columns, rows, *, cluster_entries=20):
    """Write those *rows* of NanoAOD-like *columns* as a tree Events, in their order and in clusters of *cluster_entries*."""
    with uproot.recreate(path) as file:
        types = {name: v.dtype if isinstance(v, np.ndarray) else ak.type(v).content for name, v in columns.items()}
        tree = file.mktree("Events", types)
        for start in range(0, len(rows), cluster_entries):
            part = np.asarray(rows[start : start + cluster_entries], dtype=np.int64)
            tree.extend({name: values[part] for name, values in columns.items()})
    return str(path)
