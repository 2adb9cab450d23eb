"""Events with large jets made by hand, as columns of NanoAOD with particle-flow candidates."""

import awkward as ak
import numpy as np

WINDOW = {"pt_min_gev": 500.0, "pt_max_gev": 700.0, "abs_eta_max": 2.0, "mass_min_gev": 10.0, "mass_max_gev": 300.0}
TOP = {"resonance": "top", "delta_r_max": 0.8}
JET = {"pt": 600.0, "eta": 0.0, "phi": 0.0, "mass": 170.0, "msoftdrop": 160.0, "tau1": 0.4, "tau2": 0.2, "tau3": 0.05}
PARTICLE = {"pt": 10.0, "eta": 0.1, "phi": 0.0, "mass": 0.14, "pdgId": 211, "charge": 1}
PARTICLE |= {"d0": 0.01, "d0Err": 0.01, "dz": 0.0, "dzErr": 0.01}
# A top quark along the axis of the default jet, and one that only has two of its quarks there.
QUARKS = [(6, -1, 0.0), (24, 0, 0.0), (5, 0, 0.2), (2, 1, 0.1), (-1, 1, -0.1)]
SPLIT = [*QUARKS[:2], (5, 0, 2.0), *QUARKS[3:]]
INTEGERS = ("pdgId", "charge", "jetIdx", "pFCandsIdx", "genPartIdxMother")
COLLECTIONS = {
    "FatJet": tuple(JET),
    "PFCands": tuple(PARTICLE),
    "FatJetPFCands": ("jetIdx", "pFCandsIdx"),
    "GenPart": ("pt", "eta", "phi", "mass", "pdgId", "genPartIdxMother"),
}


def columns_of(events, *, gen_weight=True):
    """Columns of events, each a dict: "jets" with the particles of each as "particles", "generated" and "genWeight"."""
    columns = {
        "run": np.ones(len(events), np.uint32),
        "luminosityBlock": np.full(len(events), 2, np.uint32),
        "event": np.arange(100, 100 + len(events), dtype=np.uint64),
    }
    if gen_weight:
        columns["genWeight"] = np.array([event.get("genWeight", 1.0) for event in events], np.float32)
    rows = [objects_of(event) for event in events]
    for name, fields in COLLECTIONS.items():
        columns[name] = jagged([row[name] for row in rows], fields)
    return columns


def objects_of(event):
    """The four collections of one event; its particles are stored in the opposite order of the links."""
    jets = event.get("jets", [])
    links = [(number, PARTICLE | one) for number, jet in enumerate(jets) for one in jet.get("particles", [{}])]
    places = [{"jetIdx": number, "pFCandsIdx": len(links) - 1 - place} for place, (number, _) in enumerate(links)]
    generated = [
        {"pt": 1.0, "eta": eta, "phi": 0.0, "mass": 0.0, "pdgId": code, "genPartIdxMother": mother}
        for code, mother, eta in event.get("generated", [])
    ]
    return {
        "FatJet": [JET | {name: value for name, value in jet.items() if name != "particles"} for jet in jets],
        "PFCands": [particle for _, particle in reversed(links)],
        "FatJetPFCands": places,
        "GenPart": generated,
    }


def jagged(lists, fields):
    counts = np.array([len(one) for one in lists], np.int64)
    flat = {
        name: np.array([one[name] for many in lists for one in many], np.int32 if name in INTEGERS else np.float32)
        for name in fields
    }
    return ak.zip({name: ak.unflatten(values, counts) for name, values in flat.items()})


def made(events, **options):
    return ak.zip(columns_of(events, **options), depth_limit=1)


def draw(n, *, seed=1):
    rng = np.random.default_rng(seed)
    return [draw_event(rng) for _ in range(n)]


def draw_event(rng):
    def particle():
        return {
            "pt": rng.exponential(20),
            "eta": rng.normal(0, 0.3),
            "phi": rng.normal(0, 0.3),
            "pdgId": rng.choice([211, -211, 22, 130, 11]),
        }

    jets = [
        {
            "pt": rng.uniform(400, 800),
            "eta": rng.normal(0, 1),
            "phi": rng.uniform(-3, 3),
            "particles": [particle() for _ in range(rng.integers(0, 6))],
        }
        for _ in range(rng.integers(0, 4))
    ]
    return {"jets": jets, "generated": [[], QUARKS][rng.integers(0, 2)], "genWeight": rng.choice([1.0, -2.0])}


def all_arrays(selected):
    ids = {"run": selected.ids.run, "block": selected.ids.luminosity_block, "event": selected.ids.event}
    features = {f"{name}.{key}": v for name, group in selected.inputs.items() for key, v in group.items()}
    return {**ids, "weight": selected.weight, **selected.observables, **features}


def numbers(values):
    """As lists, so that arrays, jagged or not, can be compared and joined."""
    return ak.to_list(values)
