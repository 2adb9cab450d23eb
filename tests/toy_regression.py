"""The smallest regression: two particles whose momenta are measured with errors, and four jets of which one is tagged."""

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

READS = ("run", "luminosityBlock", "event", "nToken", "Token_pt", "Token_tag", "Seen_px", "Seen_py", "Seen_pz", "Truth_a",
         "Truth_b", "Truth_jet", "Truth_kind")

class Settings(Section):
    pass

class Processor(ProcessorABC):
    reads = READS
    def __init__(self, settings):
        self.settings = settings
    def process(self, events, variation="nominal"):
        weights = generator_weights(events)
        keep = np.ones(len(events), dtype=bool)
        seen = {name: np.asarray(events.Seen[name]) for name in ("px", "py", "pz")}
        features = {f"{x}_{n}": v[:, i] for n, v in seen.items() for i, x in enumerate("ab")}
        return Selected(
            ids=event_ids(events, keep), weight=weights, observables={"n_jets": np.asarray(ak.num(events.Token))},
            cutflow=count_cuts({"all of them": keep}, weights),
            inputs={"seen": features, "jets": {"pt": events.Token.pt, "tag": events.Token.tag}},
            targets={
                "a": np.asarray(events.Truth.a), "b": np.asarray(events.Truth.b),
                "jet_of_q": np.asarray(events.Truth.jet), "event_class": np.asarray(events.Truth.kind),
            },
        )
    def postprocess(self, accumulator):
        return accumulator
"""

NETWORK = '''
"""A network with both heads."""

import keras


def build(inputs, outputs, *, units=32) -> keras.Model:
    """Momenta from what was seen, the jet from its tag. Output shape: (batch, n_outputs)."""
    tensors = {}
    for name, spec in inputs.items():
        tensors[name] = keras.Input(spec.shape, name=name)
        if spec.max_objects is not None:
            tensors[f"{name}_mask"] = keras.Input((spec.max_objects,), name=f"{name}_mask")
    parts = []
    for head in outputs.heads:
        if head.name == "momenta":
            spec = inputs["seen"]
            x = keras.layers.Rescaling(spec.scale, spec.offset)(tensors["seen"])
            x = keras.layers.Dense(units, activation="relu")(x)
            parts.append(keras.layers.Dense(head.size)(x))
        else:
            spec = inputs["jets"]
            x = keras.layers.Rescaling(spec.scale, spec.offset)(tensors["jets"])
            x = keras.layers.Permute((2, 1))(keras.layers.Dense(len(head.rows))(x))
            away = keras.layers.Rescaling(1e3, -1e3)(tensors["jets_mask"])
            x = keras.layers.Add()([x, keras.layers.Reshape((1, -1))(away)])
            parts.append(keras.layers.Flatten()(keras.layers.Softmax()(x)))
    output = parts[0] if len(parts) == 1 else keras.layers.Concatenate()(parts)
    return keras.Model(tensors, output, name="both")
'''

MEASURED = '''
"""A method without a network: what was seen, corrected by its mean ratio to the truth."""

import numpy as np

from pipeline.physics import baseline


class Measured:
    def __init__(self, inputs, outputs):
        self.features, self.outputs = inputs["seen"].features, outputs

    def measure(self, batches):
        total = np.zeros(2)
        for batch in batches:
            seen = batch.tensors["seen"][:, self.features.index("a_px")]
            true = batch.targets[:, self.outputs.targets.index("a_px")]
            known = np.isfinite(true)
            total += (np.abs(true[known]).sum(), np.abs(seen[known]).sum())
        return {"factor": total[0] / total[1]}

    def answer(self, tensors, parameters):
        answers = np.full((len(tensors["seen"]), self.outputs.size), np.nan)
        seen = {name: tensors["seen"][:, i] * parameters["factor"] for i, name in enumerate(self.features)}
        pt = np.hypot(seen["a_px"], seen["a_py"])
        columns = (pt, np.arcsinh(seen["a_pz"] / pt), np.arctan2(seen["a_py"], seen["a_px"]), np.full(len(pt), 10.0))
        for name, values in zip(("pt", "eta", "phi", "mass"), columns, strict=True):
            answers[:, self.outputs.names.index(f"a_{name}")] = values
        return answers


def build(inputs, outputs) -> baseline.Baseline:
    return Measured(inputs, outputs)
'''

TASK = {
    "kind": "regression",
    "processes": ["sig"],
    "objects": {"a": {"mass_gev": 10.0}, "b": {"mass_gev": 10.0}},
    "systems": {"ab": ["a", "b"]},
    "assignment": {"collection": "jets", "partons": ["q"]},
    "event_classes": ["full", "rest"],
    "against": {"n_jets": {"edges": [1, 3, 5]}, "ab_mass": {"edges": [0, 200, 1000]}, "pt": {"edges": [0, 50, 500]}},
    "response": {"a_pt": {"bins": 5, "start": 0, "stop": 200}, "ab_mass": {"bins": 4, "start": 0, "stop": 800}},
    "reference": "measured",
}

ANALYSIS = {
    "title": "Toy",
    "processor": "toy",
    "energy_tev": 13,
    "lumi_inv_fb": 1.0,
    "processes": {"sig": {"label": "S"}},
    "datasets": {"s": {"process": "sig", "xsec_pb": 1.0, "files": ["s.root"]}},
    "task": TASK,
    "inputs": {
        "all": {
            "seen": ["a_px", "a_py", "a_pz", "b_px", "b_py", "b_pz"],
            "jets": {"features": ["pt", "tag"], "max_objects": 4},
        }
    },
    "training": {"epochs": 12, "batch_size": 64, "learning_rate": 0.01},
    "models": {
        "both": {"architecture": "both", "inputs": "all"},
        "measured": {"architecture": "measured", "inputs": "all"},
    },
    "bootstrap_replicas": 20,
}


def make_toy_regression(folder, *, n_events=1200, seed=1, **changes):
    """Write the analysis `toy`, its processor, two models and one file of events into *folder*; the columns of the file."""
    for name in ("config", "processors", "models"):
        (folder / name).mkdir()
    (folder / "processors/toy.py").write_text(PROCESSOR, encoding="utf-8")
    (folder / "models/both.py").write_text(NETWORK, encoding="utf-8")
    (folder / "models/measured.py").write_text(MEASURED, encoding="utf-8")
    columns = make_columns(n_events, np.random.default_rng(seed))
    with uproot.recreate(folder / "s.root") as file:
        types = {name: v.dtype if v.ndim == 1 else (v.dtype, v.shape[1:]) for name, v in columns.items() if name != "Token"}
        tree = file.mktree("Events", {**types, "Token": ak.type(columns["Token"]).content})
        for start in range(0, n_events, 200):
            tree.extend({name: values[start : start + 200] for name, values in columns.items()})
    write_toy_regression(folder, **changes)
    return columns


def write_toy_regression(folder, **changes):
    """Write `config/toy.yaml` with *changes* at its top level."""
    text = yaml.safe_dump({**ANALYSIS, **changes}, sort_keys=False)
    (folder / "config/toy.yaml").write_text(text, encoding="utf-8")


def make_columns(n, rng):
    """Columns of *n* events; what is seen is half of the truth, with an error of 10 %. Every tenth event has no b."""
    momenta = {name: vectors(n, rng) for name in "ab"}
    seen = np.stack([cartesian(momenta[name]) for name in "ab"], axis=2)  # (event, coordinate, particle)
    seen = 0.5 * seen * rng.normal(1, 0.1, seen.shape)
    momenta["b"][::10] = np.nan
    counts = rng.integers(1, 5, n)
    jet = rng.integers(-1, counts)
    tag = rng.normal(0, 1, counts.sum())
    first = np.cumsum(counts) - counts
    tag[(first + jet)[jet >= 0]] += 3
    jets = ak.zip({"pt": ak.unflatten(rng.exponential(40, counts.sum()), counts), "tag": ak.unflatten(tag, counts)})
    return {
        "run": np.ones(n, np.uint32),
        "luminosityBlock": np.ones(n, np.uint32),
        "event": np.arange(n).astype(np.uint64),
        "genWeight": np.where(np.arange(n) % 7 == 6, -1.0, 1.0).astype(np.float32),
        "Seen_px": seen[:, 0].astype(np.float32),
        "Seen_py": seen[:, 1].astype(np.float32),
        "Seen_pz": seen[:, 2].astype(np.float32),
        "Truth_a": momenta["a"].astype(np.float32),
        "Truth_b": momenta["b"].astype(np.float32),
        "Truth_jet": jet.astype(np.int32),
        "Truth_kind": (jet < 0).astype(np.int32),
        "Token": ak.values_astype(jets, np.float32),
    }


def vectors(n, rng):
    """pt, eta, phi and mass, shape (n, 4)."""
    return np.stack(
        [20 + rng.exponential(50, n), rng.normal(0, 1, n), rng.uniform(-np.pi, np.pi, n), rng.normal(10, 1, n)], axis=1
    )


def cartesian(given):
    pt, eta, phi, _ = given.T
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=1)
