"""Which jets hold all decay quarks of a top quark or of a W boson, or a quark or gluon of the hard process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.physics.kinematics import delta_r
from pipeline.physics.objects import Objects
from pipeline.physics.pairs import pairs_between

if TYPE_CHECKING:
    from numpy.typing import NDArray

Resonance = Literal["top", "w", "parton"]

TOP, W = 6, 24
HEAVIEST_QUARK_OF_A_DECAY = 5
N_QUARKS = {"top": 3, "w": 2, "parton": 1}
GLUON = 21
# Of particles that the hard process gives out, in Pythia.
OUTGOING = 23


@dataclass(frozen=True, slots=True)
class JetTruth:
    """What the generator says of jets.

    Args:
        n_quarks: the most decay quarks of one resonance that are inside the jet, or 1 for a parton, shape (n_jets,).
        is_contained: all quarks of a resonance that decays to quarks are inside it, shape (n_jets,).
        is_background: its event has no resonance that decays to quarks, shape (n_jets,).
    """

    n_quarks: NDArray[np.int64]
    is_contained: NDArray[np.bool_]
    is_background: NDArray[np.bool_]


def jet_truth(jets: Objects, particles: Objects, resonance: Resonance, *, delta_r_max: float) -> JetTruth:
    """Match jets to the quarks that *resonance* decays to; with `parton`, to the quarks and gluons of the hard process.

    A jet that holds only some of the quarks is neither contained nor background, and nor is any other jet of such an event:
    what it holds of a top quark is no light quark and no gluon.

    Args:
        jets: with `eta` and `phi` [rad].
        particles: of NanoAOD's GenPart, with `eta`, `phi`, `pdg_id` and `mother`, the mother's place in its event or -1; for
            `parton` with `status`.
        resonance: `top` has three quarks, `w` two; a W boson of a top quark counts as well. With `parton` each is by itself,
            and no jet is background.
        delta_r_max: a quark nearer to the axis than this is inside.
    """
    quarks = hard_partons(particles) if resonance == "parton" else decay_quarks(particles, resonance)
    n_decays = 1 + quarks["decay"].max(initial=-1)
    i, j = pairs_between(jets, quarks)
    inside = delta_r(jets["eta"][i], jets["phi"][i], quarks["eta"][j], quarks["phi"][j]) < delta_r_max
    held = np.zeros((len(jets), max(1, n_decays)), dtype=np.int64)
    np.add.at(held, (i, quarks["decay"][j]), inside)
    most = held.max(axis=1)
    is_background = (quarks.counts[jets.event] == 0) & (resonance != "parton")
    return JetTruth(most, most == N_QUARKS[resonance], is_background)


def hard_partons(particles: Objects) -> Objects:
    """The quarks and gluons that the hard process gives out, with `decay`, their number in the event, from 0."""
    code = np.abs(particles["pdg_id"])
    is_parton = (code <= HEAVIEST_QUARK_OF_A_DECAY) | (code == GLUON)
    partons = particles.where(is_parton & (particles["status"] == OUTGOING))
    return partons.having(decay=partons.rank)


def decay_quarks(particles: Objects, resonance: Resonance) -> Objects:
    """The quarks that each *resonance* decays to, where it decays to quarks only.

    Args:
        particles: as for `jet_truth`.
        resonance: `top` or `w`.

    Returns:
        The quarks with the columns of *particles* and `decay`, the number of their resonance in the event, from 0.
    """
    code = np.abs(particles["pdg_id"])
    mother = _mothers(particles)
    of_w, of_top = (_is_child_of(code, mother, kind) for kind in (W, TOP))
    # The first mother that is something else, because a W boson may be listed several times.
    parent = np.where(of_w, _before_copies(code, mother)[mother], mother) if resonance == "top" else mother
    chosen = (of_w & (code[parent] == TOP)) | of_top if resonance == "top" else of_w
    rows = np.flatnonzero(chosen & (code <= HEAVIEST_QUARK_OF_A_DECAY))
    # Of a top quark with W → ℓν the b quark alone is left.
    n_children = np.bincount(parent[rows], minlength=len(particles))
    rows = rows[n_children[parent[rows]] == N_QUARKS[resonance]]
    return particles.take(rows).having(decay=_number_in_event(parent[rows], particles))


def _mothers(particles: Objects) -> NDArray[np.int64]:
    """The row of each mother; a particle without one is its own."""
    place = particles["mother"].astype(np.int64)
    return np.where(place >= 0, particles.starts[particles.event] + place, np.arange(len(particles)))


def _is_child_of(code: NDArray[np.int64], mother: NDArray[np.int64], kind: int) -> NDArray[np.bool_]:
    return np.asarray((code[mother] == kind) & (code != kind))


def _before_copies(code: NDArray[np.int64], mother: NDArray[np.int64]) -> NDArray[np.int64]:
    """The nearest ancestor of each particle that is of another kind, or the first of its own kind where there is none."""
    ancestor = mother
    while True:
        further = np.where(code[ancestor] == code, mother[ancestor], ancestor)
        if np.array_equal(further, ancestor):
            return ancestor
        ancestor = further


def _number_in_event(parent: NDArray[np.int64], particles: Objects) -> NDArray[np.int64]:
    """*parent*, which are rows of *particles*, as 0, 1, … in each event."""
    parents, number = np.unique(parent, return_inverse=True)
    first = Objects(particles.event[parents], particles.n_events, {}).rank
    return first[number]
