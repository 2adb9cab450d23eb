"""The selection and the histograms of hh_bbww as one writes them by hand, with uproot, NumPy and hist, without the pipeline.

One exception: m_T2 is not written twice. Whoever works by hand takes a function for it as well, and here it is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hist
import numpy as np
import uproot

from pipeline.physics.mt2 import stransverse_mass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis

Columns = dict[str, "NDArray[Any]"]

LEPTON = ("pt", "eta", "phi", "mass", "charge", "pfRelIso03_all")
JET = ("pt", "eta", "phi", "mass", "btagTracks", "chHEF", "neHEF", "chEmEF", "neEmEF", "nCharged", "nNeutral")
FLAT = ("run", "luminosityBlock", "event", "genWeight", "MET_pt", "MET_phi")


def read(path: str, start: int, stop: int) -> Columns:
    """Branches of a part of a file; those of a collection flat, with its counts as `nJet` and so on."""
    names = [f"{c}_{f}" for c, fields in (("Electron", LEPTON), ("Muon", LEPTON), ("Jet", JET)) for f in fields]
    with uproot.open(path) as file:
        arrays = file["Events"].arrays([*FLAT, *names], entry_start=start, entry_stop=stop, library="ak", how=dict)
    columns = {name: np.asarray(arrays[name]) for name in FLAT}
    for name in names:
        layout = arrays[name].layout
        columns[f"n{name.partition('_')[0]}"] = np.diff(layout.offsets.data)
        columns[name] = layout.content.data[layout.offsets[0] : layout.offsets[-1]]
    return columns


def select(columns: Columns, selection: Mapping[str, Any]) -> Columns:
    """Events with two opposite-sign leptons and two b jets: what is histogrammed and the weight, of shape (n_selected,)."""
    leptons = _leptons(columns, selection)
    pairs, same = _two_of_each(leptons["event"])
    opposite = leptons["charge"][pairs[:, 0]] + leptons["charge"][pairs[:, 1]] == 0
    pairs, same = pairs[opposite], same[opposite]
    jets = _b_jets(columns, leptons, same, selection)
    jet_pairs, chosen = _two_of_each(jets["event"])
    pairs = pairs[np.searchsorted(same, chosen)]
    jets = {name: column[jet_pairs] for name, column in jets.items()}
    leptons = {name: column[pairs] for name, column in leptons.items()}
    met, met_phi = columns["MET_pt"][chosen], columns["MET_phi"][chosen]
    return {
        "weight": columns["genWeight"][chosen].astype(np.float64),
        **_observables(jets, leptons, met, met_phi, selection["mt2_invisible_mass_gev"]),
        **_inputs(jets, leptons, met_phi),
    }


def fill(selected: Columns, analysis: Analysis) -> dict[str, Any]:
    """Every histogram of the analysis, by name."""
    filled = {}
    for name, axis in analysis.histograms.items():
        filled[name] = hist.Hist(hist.axis.Regular(axis.bins, axis.start, axis.stop), storage=hist.storage.Weight())
        filled[name].fill(selected[axis.observable], weight=selected["weight"])
    return filled


def _leptons(columns: Columns, selection: Mapping[str, Any]) -> Columns:
    parts = []
    for kind, (collection, cuts) in enumerate((("Electron", selection["electron"]), ("Muon", selection["muon"]))):
        part = {field: columns[f"{collection}_{field}"] for field in LEPTON}
        keep = (part["pt"] > cuts["pt_min_gev"]) & (abs(part["eta"]) < cuts["abs_eta_max"])
        keep &= part["pfRelIso03_all"] < cuts["iso_max"]
        counts = columns[f"n{collection}"]
        part |= {"event": np.repeat(np.arange(len(counts)), counts), "type": np.full(len(keep), kind)}
        parts.append({name: column[keep] for name, column in part.items()})
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((-joined["pt"], joined["event"]))
    return {name: column[order] for name, column in joined.items()}


def _b_jets(columns: Columns, leptons: Columns, wanted: NDArray[np.int64], selection: Mapping[str, Any]) -> Columns:
    """The two best tagged jets of each of the *wanted* events, by falling pt; all of an event that has only one."""
    cuts, counts = selection["jet"], columns["nJet"]
    event = np.repeat(np.arange(len(counts)), counts)
    keep = np.isin(np.arange(len(counts)), wanted)[event]
    keep &= (columns["Jet_pt"] > cuts["pt_min_gev"]) & (abs(columns["Jet_eta"]) < cuts["abs_eta_max"])
    keep &= columns["Jet_btagTracks"] >= selection["btag"]["min"]
    jets = {name.removeprefix("Jet_"): column[keep] for name, column in columns.items() if name.startswith("Jet_")}
    jets["event"] = event[keep]
    apart = _apart(jets, leptons, len(counts), cuts["lepton_delta_r_min"])
    jets = {name: column[apart] for name, column in jets.items()}
    order = np.lexsort((-jets["pt"], -jets["btagTracks"], jets["event"]))
    order = order[_place(jets["event"][order]) < 2]
    order = order[np.lexsort((-jets["pt"][order], jets["event"][order]))]
    return {name: column[order] for name, column in jets.items()}


def _apart(jets: Columns, leptons: Columns, n_events: int, least: float) -> NDArray[np.bool_]:
    """Which jets are no nearer than *least* to any lepton of their event."""
    counts = np.bincount(leptons["event"], minlength=n_events)
    first = np.cumsum(counts) - counts
    apart = np.ones(len(jets["pt"]), dtype=bool)
    for place in range(counts.max(initial=0)):
        rows = np.flatnonzero(counts[jets["event"]] > place)
        other = first[jets["event"][rows]] + place
        d_eta = jets["eta"][rows].astype(float) - leptons["eta"][other]
        apart[rows] &= np.hypot(d_eta, _delta_phi(jets["phi"][rows], leptons["phi"][other])) >= least
    return apart


def _place(event: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each object among those of its event, which stand side by side."""
    return np.arange(len(event)) - np.searchsorted(event, event)


def _two_of_each(event: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First two objects of each event that has two, shape (n, 2), and these events."""
    place = _place(event)
    first = np.flatnonzero(place == 1) - 1
    return first[:, np.newaxis] + np.arange(2), event[first]


def _observables(jets: Columns, leptons: Columns, met: NDArray[Any], met_phi: NDArray[Any], unseen_mass: float) -> Columns:
    b, lepton = _momenta(jets), _momenta(leptons)
    bb, ll = b.sum(axis=2), lepton.sum(axis=2)
    met, met_phi = met.astype(float), met_phi.astype(float)
    unseen_x, unseen_y = ll[0] + met * np.cos(met_phi), ll[1] + met * np.sin(met_phi)
    return {
        "m_bb": _mass(bb),
        "m_ll": _mass(ll),
        "delta_r_bb": _separation(jets),
        "delta_r_ll": _separation(leptons),
        "delta_phi_bb_ll": abs(_delta_phi(np.arctan2(bb[1], bb[0]), np.arctan2(ll[1], ll[0]))),
        "m_t2": stransverse_mass(jets["mass"], b[0], b[1], unseen_x, unseen_y, unseen_mass=unseen_mass),
        "pt_bb": np.sqrt(bb[0] ** 2 + bb[1] ** 2),
        "pt_ll": np.sqrt(ll[0] ** 2 + ll[1] ** 2),
        "met": met,
        "lept1_pt": leptons["pt"][:, 0].astype(float),
        "bjet1_pt": jets["pt"][:, 0].astype(float),
    }


def _inputs(jets: Columns, leptons: Columns, met_phi: NDArray[Any]) -> Columns:
    """The inputs of the networks that are histogrammed, as the networks see them: in float32."""
    jets = {**jets, "eratio": _hadronic_fraction(jets), "ncharged": jets["nCharged"], "nneutrals": jets["nNeutral"]}
    origin = leptons["phi"][:, 0]
    inputs = {"event.bjet2_pt": jets["pt"][:, 1], "event.lept2_pt": leptons["pt"][:, 1], "event.met_phi": met_phi}
    for place in (0, 1):
        for name in ("eta", "phi", "mass", "eratio", "ncharged", "nneutrals"):
            inputs[f"event.bjet{place + 1}_{name}"] = jets[name][:, place]
        for name in ("eta", "phi", "charge", "type"):
            inputs[f"event.lept{place + 1}_{name}"] = leptons[name][:, place]
        inputs[f"relative.bjet{place + 1}_phi"] = _delta_phi(jets["phi"][:, place], origin)
    inputs["relative.lept2_phi"] = _delta_phi(leptons["phi"][:, 1], origin)
    inputs["relative.met_phi"] = _delta_phi(met_phi, origin)
    return {name: values.astype(np.float32) for name, values in inputs.items()}


def _hadronic_fraction(jets: Columns) -> NDArray[np.float64]:
    ch_had, neu_had, ch_em, neu_em = (jets[name].astype(float) for name in ("chHEF", "neHEF", "chEmEF", "neEmEF"))
    hadronic = ch_had + neu_had
    total = hadronic + ch_em + neu_em
    return np.asarray(np.where(total > 0, hadronic / np.maximum(total, 1e-30), 0))


def _momenta(objects: Columns) -> NDArray[np.float64]:
    """px, py, pz and energy, shape (4, n_events, 2)."""
    pt, eta, phi, mass = (objects[name].astype(float) for name in ("pt", "eta", "phi", "mass"))
    pz = pt * np.sinh(eta)
    return np.stack((pt * np.cos(phi), pt * np.sin(phi), pz, np.sqrt(pt**2 + pz**2 + mass**2)))


def _mass(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.maximum(p[3] ** 2 - p[0] ** 2 - p[1] ** 2 - p[2] ** 2, 0)))


def _separation(objects: Columns) -> NDArray[np.float64]:
    eta = objects["eta"].astype(float)
    return np.asarray(np.hypot(eta[:, 0] - eta[:, 1], _delta_phi(objects["phi"][:, 0], objects["phi"][:, 1])))


def _delta_phi(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    difference = a.astype(float) - b
    return np.asarray(difference - 2 * np.pi * np.rint(difference / (2 * np.pi)))
