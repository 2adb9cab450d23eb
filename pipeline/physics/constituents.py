"""What a jet is made of: which particles, and what each of them looks like from the jet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError
from pipeline.physics.kinematics import delta_phi, delta_r, momentum
from pipeline.physics.objects import Objects, falling_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

Features = dict[str, "NDArray[np.float32]"]

# Particle types of CMS' particle flow by |PDG code|; it takes the mass of a pion, or of a K0L, for every hadron.
KINDS = {
    "is_charged_hadron": (211,),
    "is_neutral_hadron": (130, 1),
    "is_photon": (22, 2),
    "is_electron": (11,),
    "is_muon": (13,),
}
# A PDG code above 0 is the particle: of a hadron the positive one, of a lepton the negative one.
CHARGE_OF = {211: 1, 11: -1, 13: -1}
MM_PER_CM = 10.0
# Of log E and log p of the tutorial (CMS ML documentation, top tagging): what is taken off, and where both end.
TUTORIAL_SHIFT, TUTORIAL_RANGE = 2.0, 5.0


def constituents_of(jets: Objects, links: Objects, candidates: Objects) -> Objects:
    """The particles of each jet, by falling transverse momentum.

    Args:
        jets: with `index`, the place of the jet in its event's collection.
        links: one a jet and particle: `jet` and `candidate` are places in the collections of their event, -1 for none.
        candidates: the particles of each event, with `pt` [GeV]; those of 0 are left out.

    Returns:
        One row a jet and particle, with the columns of *candidates*; `event` is the row of the jet in *jets*, and `n_events`
        the number of jets.

    Raises:
        InputError: a link names a particle that its event does not have.
    """
    links = links.where((links["jet"] >= 0) & (links["candidate"] >= 0))
    row = _rows_of(jets, links)
    links, row = links.where(row >= 0), row[row >= 0]
    _check_candidates(links, candidates.counts[links.event])
    candidate = candidates.starts[links.event] + links["candidate"]
    columns = {name: column[candidate] for name, column in candidates.columns.items()}
    found = Objects(row, len(jets), columns)
    order = falling_order(row, found["pt"])
    return found.take(order[found["pt"][order] > 0])


def _rows_of(jets: Objects, links: Objects) -> NDArray[np.int64]:
    """The row in *jets* that each link names, shape (n_links,); -1 where that jet is not among them."""
    width = 1 + max(jets["index"].max(initial=0), links["jet"].max(initial=0))
    table = np.full(jets.n_events * width, -1)
    table[jets.event * width + jets["index"]] = np.arange(len(jets))
    return np.asarray(table[links.event * width + links["jet"]], dtype=np.int64)


def _check_candidates(links: Objects, counts: NDArray[np.int64]) -> None:
    wrong = np.flatnonzero(links["candidate"] >= counts)
    if len(wrong):
        raise InputError(
            f"A jet has particle {links['candidate'][wrong[0]]} of an event with {counts[wrong[0]]} particles. Expected"
            " links to the collection of particles that was read. Correct selection.candidates in the YAML."
        )


def relative_features(constituents: Objects, jets: Objects) -> Features:
    """Momenta of *constituents* as the jet sees them, each of shape (n_constituents,).

    `eta_rel` and `phi_rel` [rad] are measured from the jet's axis, `eta_rel` towards larger |η| of the jet, as the benchmark
    does; `delta_r` is the distance. `log_pt`, `log_e` and `log_p` are natural logarithms of GeV; `pt_fraction` and
    `e_fraction` are parts of the jet's, and `log_pt_rel` and `log_e_rel` their logarithms.

    Args:
        constituents: of `constituents_of`, with `pt`, `eta`, `phi` and `mass`.
        jets: with the same.

    Source: arXiv:1902.08570, inputs of top tagging.
    """
    row = constituents.event
    pt, eta, phi = (constituents[name].astype(np.float64) for name in ("pt", "eta", "phi"))
    jet_eta, jet_phi = jets["eta"][row], jets["phi"][row]
    energy, jet_energy = _energy(constituents), _energy(jets)[row]
    pt_fraction, e_fraction = pt / jets["pt"][row], energy / jet_energy
    return _float32(
        {
            "eta_rel": (eta - jet_eta) * np.where(jet_eta < 0, -1, 1),
            "phi_rel": delta_phi(phi, jet_phi),
            "delta_r": delta_r(eta, phi, jet_eta, jet_phi),
            "log_pt": np.log(pt),
            "log_e": np.log(energy),
            "log_p": np.log(pt * np.cosh(eta)),
            "pt_fraction": pt_fraction,
            "e_fraction": e_fraction,
            "log_pt_rel": np.log(pt_fraction),
            "log_e_rel": np.log(e_fraction),
        }
    )


def momentum_features(constituents: Objects) -> Features:
    """`px`, `py`, `pz` and `energy` in GeV, each of shape (n_constituents,), as trees need them."""
    p = momentum(*(constituents[name] for name in ("pt", "eta", "phi", "mass")))
    return _float32({name: getattr(p, name) for name in ("px", "py", "pz", "energy")})


def type_features(constituents: Objects) -> Features:
    """`charge`, and 1 or 0 for each of `KINDS`, from the column `pdg_id`, each of shape (n_constituents,)."""
    code, size = constituents["pdg_id"], np.abs(constituents["pdg_id"])
    charge = np.sign(code) * sum((size == kind) * unit for kind, unit in CHARGE_OF.items())
    return _float32({"charge": charge} | {name: np.isin(size, codes) for name, codes in KINDS.items()})


def track_features(constituents: Objects) -> Features:
    """Impact parameters, each of shape (n_constituents,), and 0 for what has no track.

    `d0` and `dz` are tanh of the value in mm, `d0_sig` and `dz_sig` are asinh of value over error: both keep the sign, are
    linear where most particles are, and end the tails of long decays and of wrong tracks.

    Args:
        constituents: with `pdg_id`, and `d0`, `d0_err`, `dz`, `dz_err` in cm.

    Source: arXiv:2202.03772, inputs on JetClass (tanh).
    """
    has_track = np.isin(np.abs(constituents["pdg_id"]), tuple(CHARGE_OF))
    features = {}
    for name in ("d0", "dz"):
        value, error = (constituents[column].astype(np.float64) for column in (name, f"{name}_err"))
        is_measured = has_track & (error > 0) & np.isfinite(value) & np.isfinite(error)
        value = np.where(is_measured, value, 0)
        features[name] = np.tanh(value * MM_PER_CM)
        features[f"{name}_sig"] = np.arcsinh(value / np.where(is_measured, error, 1))
    return _float32(features)


def tutorial_features(features: Features) -> Features:
    """The four numbers of the CMS tutorial, out of the `relative_features`: log E - 2 and log p - 2 end at ±5.

    Source: CMS Machine Learning Documentation, jet tagging with ParticleNet; github.com/colizz/weaver-benchmark,
    top_tagging/data/pf_points_features.yaml.
    """
    logs = {name: np.clip(features[name] - TUTORIAL_SHIFT, -TUTORIAL_RANGE, TUTORIAL_RANGE) for name in ("log_e", "log_p")}
    return _float32({"eta_rel": features["eta_rel"], "phi_rel": features["phi_rel"]} | logs)


def _energy(objects: Objects) -> NDArray[np.float64]:
    pt, eta, mass = (objects[name].astype(np.float64) for name in ("pt", "eta", "mass"))
    energy: NDArray[np.float64] = np.hypot(pt * np.cosh(eta), mass)
    return energy


def _float32(features: dict[str, NDArray[np.generic]]) -> Features:
    return {name: np.asarray(values, dtype=np.float32) for name, values in features.items()}
