"""One network for every assignment of jets to the quarks of tt̄ → bℓν bqq': how good is it, of all of an event?"""

from __future__ import annotations

from itertools import combinations, permutations
from math import log

import keras
import numpy as np
from keras import ops

from models.layers.attention import NEVER
from models.layers.rows import input_tensors

PARTONS = ("b_had", "q1", "q2", "b_lep")
MOMENTUM_FEATURES = ("px", "py", "pz", "energy")
NEEDED = {"jets": (*MOMENTUM_FEATURES, "btag"), "lepton": MOMENTUM_FEATURES, "met": ("px", "py")}
# Momenta and masses are compared with these before the logarithm, for the numbers to be about 1.
PT_GEV, MASS_GEV = 50.0, 100.0
# Below this, in GeV or GeV², a logarithm ends.
SMALLEST = 1e-3


def build(
    inputs, outputs, *, max_jets=7, units=(64, 64, 64), dropout=0.0, w_mass_gev=80.4, top_mass_gev=172.5
) -> keras.Model:
    """Masses, b tags and momenta of each assignment go through the same dense layers; a softmax compares their answers.

    What a χ² compares, and what it leaves aside. All choices of 4 of the jets count, with the two quarks of the W boson
    exchangeable, and both longitudinal momenta of the neutrino. The probability of a jet for a parton is the sum over the
    assignments that have it there.

    Input shape: (batch, max_objects, n_features) for `jets`, (batch, n_features) for `lepton` and `met`, and (batch,
    max_objects) for the mask of the jets. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, the tensors (`pipeline.stream.spec.InputSpec`): padded `jets` with px, py, pz, energy and btag; flat
            `lepton` with px, py, pz, energy; flat `met` with px, py. They are taken without scales.
        outputs: the assignment of `b_had`, `q1`, `q2` and `b_lep` (`pipeline.stream.spec.OutputSpec`).
        max_jets: so many of the first jets are assigned: 7 of them in 420 ways, 6 in 180.
        units: widths of the dense layers.
        dropout: fraction of each layer's outputs that is dropped in training.
        w_mass_gev: of the W boson that the neutrino is solved with.
        top_mass_gev: masses of top quarks are compared with it.

    Raises:
        ValueError: an input is missing, or something else than the assignment is asked for.

    Source: the terms of the χ² as in arXiv:1909.01144; a classifier of assignments by masses, angles and b tags as the
    permutation trees of the Analysis Grand Challenge (agc.readthedocs.io, task background).
    """
    columns = _columns(inputs)
    head = _assignment(outputs)
    tensors = input_tensors(inputs)
    n_jets = min(max_jets, inputs["jets"].max_objects)
    choices = assignments(n_jets)
    jets, mask = tensors["jets"][:, :n_jets], tensors["jets_mask"][:, :n_jets]
    is_there = ops.min(ops.take(mask, choices, axis=1), axis=-1)
    event = _Event(
        p=ops.stack([jets[..., columns["jets"][name]] for name in MOMENTUM_FEATURES], axis=-1),
        tags=jets[..., columns["jets"]["btag"]] * mask,
        lepton=ops.stack([tensors["lepton"][:, columns["lepton"][name]] for name in MOMENTUM_FEATURES], axis=-1),
        met=[tensors["met"][:, columns["met"][name]] for name in ("px", "py")],
    )
    x = ops.clip(_features(event, mask, choices, w_mass_gev, top_mass_gev), -8.0, 8.0)
    x = keras.layers.BatchNormalization(momentum=0.9, name="input_batch_norm")(x, mask=is_there)
    for step, width in enumerate(units, start=1):
        x = keras.layers.Dense(width, activation="relu", name=f"hidden_{step}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{step}")(x)
    score = keras.layers.Dense(1, name="score")(x)[..., 0]
    probability = ops.softmax(score + NEVER * (1 - is_there), axis=-1) * is_there
    table = ops.matmul(probability, _places(choices, head.rows, n_jets, len(head.columns)))
    return keras.Model(tensors, table, name="permutations")


def assignments(n_jets):
    """Every choice of jets for b_had, q1, q2 and b_lep, q1 before q2, shape (n_choices, 4).

    >>> len(assignments(4)), assignments(4)[0].tolist()
    (12, [0, 1, 2, 3])
    """
    found = [
        (b_had, q1, q2, b_lep)
        for b_had, b_lep in permutations(range(n_jets), 2)
        for q1, q2 in combinations([jet for jet in range(n_jets) if jet not in (b_had, b_lep)], 2)
    ]
    return np.array(sorted(found), dtype=np.int32)


class _Event:
    """The momenta of jets, shape (batch, n_jets, 4), their b tags, and lepton and missing momentum of the event."""

    def __init__(self, p, tags, lepton, met):
        self.p, self.tags, self.lepton, self.met = p, tags, lepton, met

    def neutrinos(self, w_mass):
        """Both solutions for the W boson's mass, the real part where there is none, shape (batch, 2, 4): see
        `pipeline.physics.neutrino`."""
        px, py, pz, _ = ops.unstack(self.lepton, axis=-1)
        pt2 = ops.maximum(px**2 + py**2, SMALLEST)
        met2 = self.met[0] ** 2 + self.met[1] ** 2
        mu = w_mass**2 / 2 + px * self.met[0] + py * self.met[1]
        root = ops.sqrt(pt2 + pz**2) * ops.sqrt(ops.maximum(mu**2 - pt2 * met2, 0.0))
        solutions = [(mu * pz + sign * root) / pt2 for sign in (-1, 1)]
        return ops.stack([ops.stack([*self.met, each, ops.sqrt(met2 + each**2)], axis=-1) for each in solutions], axis=1)


def _features(event, mask, choices, w_mass, top_mass):
    """What is known of each assignment, shape (batch, n_choices, n_features)."""
    b_had, q1, q2, b_lep = (ops.take(event.p, places, axis=1) for places in choices.T)
    tags = [ops.take(event.tags, places, axis=1) for places in choices.T]
    w_had = q1 + q2
    top_had = w_had + b_had
    lepton = ops.expand_dims(event.lepton, 1)
    near, far = (ops.take(mass, choices[:, 3], axis=1) for mass in _leptonic_tops(event, w_mass, top_mass))
    met = ops.stack([ops.expand_dims(part, 1) for part in event.met], axis=-1)
    across = b_lep[..., :2] + lepton[..., :2] + met
    pts = [_pt(jet) for jet in (b_had, q1, q2, b_lep)]
    all_pts = ops.sum(_pt(event.p) * mask, axis=1, keepdims=True)
    features = [
        _log(_mass(w_had), w_mass),
        _log(_mass(top_had), top_mass),
        _log(_mass(top_had) - _mass(w_had), top_mass - w_mass),
        near,
        far,
        _log(_mass(lepton + b_lep), MASS_GEV),
        *(_log(pt, PT_GEV) for pt in (pts[0], ops.maximum(pts[1], pts[2]), ops.minimum(pts[1], pts[2]), pts[3])),
        _log(_pt(w_had), PT_GEV),
        _log(_pt(top_had), PT_GEV),
        _log(_pt(across), PT_GEV),
        # The cosine of the angle between the sides, across the beam.
        ops.sum(top_had[..., :2] * across, axis=-1) / ops.maximum(_pt(top_had) * _pt(across), SMALLEST),
        # m² / (pt pt) is 2 (cosh Δη - cos Δφ): how far two are apart.
        _log(_mass(w_had) ** 2) - _log(pts[1] * pts[2]),
        _log(_mass(top_had) ** 2) - _log(pts[0] * _pt(w_had)),
        _log(_mass(lepton + b_lep) ** 2) - _log(pts[3] * _pt(lepton)),
        tags[0],
        tags[3],
        ops.maximum(tags[1], tags[2]),
        tags[1] + tags[2],
        ops.sum(event.tags, axis=1, keepdims=True) - sum(tags),
        ops.log(1 + ops.maximum(all_pts - sum(pts), 0.0) / PT_GEV),
        ops.sum(mask, axis=1, keepdims=True) + ops.zeros_like(near),
    ]
    return ops.stack(features, axis=-1)


def _leptonic_tops(event, w_mass, top_mass):
    """For each jet, ln of its mass with lepton and neutrino over the top quark's: the nearer and the other solution."""
    w_lep = ops.expand_dims(event.lepton, 1) + event.neutrinos(w_mass)
    whole = ops.expand_dims(event.p, 2) + ops.expand_dims(w_lep, 1)  # (event, jet, solution, 4)
    first, second = ops.unstack(_log(_mass(whole), top_mass), axis=-1)
    first_is_near = ops.abs(first) <= ops.abs(second)
    return ops.where(first_is_near, first, second), ops.where(first_is_near, second, first)


def _mass(p):
    squared = p[..., 3] ** 2 - p[..., 0] ** 2 - p[..., 1] ** 2 - p[..., 2] ** 2
    return ops.sqrt(ops.maximum(squared, SMALLEST))


def _pt(p):
    return ops.sqrt(ops.maximum(p[..., 0] ** 2 + p[..., 1] ** 2, SMALLEST))


def _log(values, unit=1.0):
    return ops.log(ops.maximum(values, SMALLEST)) - log(unit)


def _places(choices, rows, n_jets, n_columns):
    """Which jet each assignment gives to each parton: 0 and 1, shape (n_choices, n_partons * n_columns)."""
    table = np.zeros((len(choices), len(rows), n_columns), dtype=np.float32)
    for row, parton in enumerate(rows):
        table[np.arange(len(choices)), row, choices[:, PARTONS.index(parton)]] = 1
    return table.reshape(len(choices), -1)


def _columns(inputs):
    found = {}
    for name, needed in NEEDED.items():
        if name not in inputs or (inputs[name].max_objects is None) == (name == "jets"):
            raise ValueError(
                f"permutations needs padded jets, and flat lepton and met; {name} is missing, or of another kind"
            )
        features = inputs[name].features
        for feature in needed:
            if feature not in features:
                raise ValueError(f"permutations needs {name}.{feature}; there are {', '.join(features)}")
        found[name] = {feature: features.index(feature) for feature in needed}
    if inputs["jets"].max_objects < len(PARTONS):
        raise ValueError(f"permutations needs room for four jets, not {inputs['jets'].max_objects}; raise max_objects")
    return found


def _assignment(outputs):
    if [head.name for head in outputs.heads] != ["assignment"] or sorted(outputs.heads[0].rows) != sorted(PARTONS):
        raise ValueError(f"permutations answers the assignment of {', '.join(PARTONS)} alone; set heads: [assignment]")
    return outputs.heads[0]
