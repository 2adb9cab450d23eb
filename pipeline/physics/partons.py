"""Who made this event: the top quarks, W bosons and quarks of tt̄ → bℓν bqq', from NanoAOD's list of generated particles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.physics.kinematics import Momentum, momentum
from pipeline.physics.objects import Objects, read_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

GEN_FIELDS = {
    **{name: name for name in ("pt", "eta", "phi", "mass")},
    **{"pdg_id": "pdgId", "flags": "statusFlags", "mother": "genPartIdxMother"},
}
TOP, W = 6, 24
DOWN_TYPE, QUARKS, CHARGED_LEPTONS = (1, 3, 5), (1, 2, 3, 4, 5), (11, 13, 15)
# Bits of statusFlags (CMSSW, DataFormats/HepMCCandidate/interface/GenStatusFlags.h).
IS_HARD_PROCESS, IS_LAST_COPY = 7, 13

BOSONS_AND_TOPS = ("top_had", "top_lep", "w_had", "w_lep")
JET_PARTONS = ("b_had", "q1", "q2", "b_lep")


@dataclass(frozen=True, slots=True)
class TopPair:
    """The particles of tt̄ → bℓν bqq', one of each kind an event.

    Args:
        found: the events that are such, shape (n_events,); τ leptons count as leptons.
        particles: of the generator, flat.
        rows: of each of `BOSONS_AND_TOPS` and `JET_PARTONS` among *particles*, shape (n_events,); -1 where not *found*.
    """

    found: NDArray[np.bool_]
    particles: Objects
    rows: dict[str, NDArray[np.int64]]

    def columns(self, name: str, events: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """`pt` [GeV], `eta`, `phi` [rad] and `mass` [GeV] of particle *name* in some *events*, NaN where not found.

        Args:
            name: one of `BOSONS_AND_TOPS` and `JET_PARTONS`.
            events: which events, shape (n_events,); each column has one number for each of them.
        """
        rows, found = self.rows[name][events], self.found[events]
        values = {}
        for column in ("pt", "eta", "phi", "mass"):
            values[column] = np.full(len(rows), np.nan)
            values[column][found] = self.particles[column][rows[found]]
        return values

    def momentum(self, name: str, events: NDArray[np.bool_]) -> Momentum:
        """Four-momentum of particle *name* in some *events*, NaN where not found."""
        return momentum(*self.columns(name, events).values())

    def quarks(self, events: NDArray[np.bool_]) -> Objects:
        """The quarks that make jets, as `JET_PARTONS` orders them: four objects in those of *events* that are found.

        Args:
            events: which events, shape (n_events,); objects are of these events, counted from 0.
        """
        found = np.flatnonzero(self.found[events])
        rows = np.stack([self.rows[name][events][found] for name in JET_PARTONS], axis=1).ravel()
        columns = {name: self.particles[name][rows] for name in ("pt", "eta", "phi", "mass")}
        return Objects(np.repeat(found, len(JET_PARTONS)), int(np.sum(events)), columns)


def read_top_pair(gen_part: Any) -> TopPair:
    """Find the particles of tt̄ → bℓν bqq' in NanoAOD's collection *gen_part*, shape (n_events, var).

    Top quarks and W bosons are taken as they are when they decay: the last of their copies. Quarks do not decay; they are
    taken as the decay makes them, before they radiate, so that t = W + b up to the recoil of the W. Their jets hold most of
    what they radiate later. q1 has the higher pt of the two quarks from the W.

    Real NanoAOD does not keep masses below 10 GeV: quarks of it are massless.
    """
    return find_top_pair(read_objects(gen_part, GEN_FIELDS))


def find_top_pair(particles: Objects) -> TopPair:
    """The same from the columns `pt`, `pdg_id`, `flags` and `mother` (place in the event, -1 for none) of *particles*."""
    origin, parent = _origins(particles)
    family = _Family(np.abs(particles["pdg_id"]), origin, parent, _has(particles, IS_HARD_PROCESS))
    (down,) = family.daughters(DOWN_TYPE, of=TOP, n=1)
    (lepton,) = family.daughters(CHARGED_LEPTONS, of=W, n=1)
    quark_1, quark_2 = family.daughters(QUARKS, of=W, n=2, by=particles["pt"])
    w_had = _only(particles, family.is_child(of=TOP) & (quark_1 >= 0) & (lepton < 0))
    w_lep = _only(particles, family.is_child(of=TOP) & (quark_1 < 0) & (lepton >= 0))
    top_had, top_lep = _at(parent, w_had), _at(parent, w_lep)
    last = np.full(len(particles), -1)
    is_last = np.flatnonzero(_has(particles, IS_LAST_COPY))
    last[origin[is_last]] = is_last
    rows = {
        **{
            "top_had": _at(last, top_had),
            "top_lep": _at(last, top_lep),
            "w_had": _at(last, w_had),
            "w_lep": _at(last, w_lep),
        },
        **{"b_had": _at(down, top_had), "q1": _at(quark_1, w_had), "q2": _at(quark_2, w_had), "b_lep": _at(down, top_lep)},
    }
    found = np.all([row >= 0 for row in rows.values()], axis=0) & (top_had != top_lep)
    return TopPair(found, particles, {name: np.where(found, row, -1) for name, row in rows.items()})


@dataclass(frozen=True, slots=True)
class _Family:
    """Who decayed to whom: absolute PDG codes, rows as `_origins` gives them, and who is of the hard process, each of shape
    (n_particles,)."""

    code: NDArray[np.int64]
    origin: NDArray[np.int64]
    parent: NDArray[np.int64]
    is_hard: NDArray[np.bool_]

    def is_child(self, *, of: int) -> NDArray[np.bool_]:
        """Which particles are the first copy of what a particle of code *of* decays to, shape (n_particles,)."""
        is_first = self.origin == np.arange(len(self.code))
        return np.asarray(is_first & (self.parent >= 0) & (self.code[self.parent] == of))

    def daughters(
        self, codes: tuple[int, ...], *, of: int, n: int, by: NDArray[np.floating] | None = None
    ) -> NDArray[np.int64]:
        """The rows of the *n* daughters with *codes* of each particle of code *of*, at the row of its first copy.

        They must be of the hard process: NanoAOD leaves photons and gluons out, so that what these turn into seems to come
        from the particle that radiated them.

        Args:
            codes: of the daughters.
            of: code of what decays.
            n: how many there must be.
            by: they are ordered by this, falling, shape (n_particles,).

        Returns:
            Shape (n, n_particles); -1 where there are fewer or more, and for all other particles.
        """
        rows = np.flatnonzero(np.isin(self.code, codes) & self.is_child(of=of) & self.is_hard)
        counts = np.bincount(self.parent[rows], minlength=len(self.code))
        rows = rows[counts[self.parent[rows]] == n]
        falling = np.zeros(len(rows)) if by is None else -by[rows].astype(np.float64)
        rows = rows[np.lexsort((falling, self.parent[rows]))].reshape(-1, n)
        found = np.full((n, len(self.code)), -1)
        found[:, self.parent[rows[:, 0]]] = rows.T
        return found


def _origins(particles: Objects) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each particle the row of its first copy, and the row of the first copy of what decayed to it, -1 for none."""
    here = np.arange(len(particles))
    place = particles["mother"].astype(np.int64)
    mother = np.where(place >= 0, particles.starts[particles.event] + place, here)
    origin = np.where(particles["pdg_id"][mother] == particles["pdg_id"], mother, here)
    while not np.array_equal(origin, further := origin[origin]):
        origin = further
    made_by = mother[origin]
    return origin, np.where(made_by == origin, -1, origin[made_by])


def _has(particles: Objects, flag: int) -> NDArray[np.bool_]:
    return np.asarray(particles["flags"] >> flag & 1, dtype=np.bool_)


def _only(particles: Objects, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each event the one row for which *mask* is true, -1 where there is none or more."""
    rows = np.flatnonzero(mask)
    event = particles.event[rows]
    only = np.full(particles.n_events, -1)
    only[event] = rows
    return np.where(np.bincount(event, minlength=particles.n_events) == 1, only, -1)


def _at(values: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """*values* at *rows*, -1 where the row is."""
    return np.append(values, -1)[rows]  # the last one
