"""Which jet is which quark of tt̄ → bℓν bqq'? The assignment whose masses fit best, by a χ² over all of them.

χ² = Σ ((m - M) / σ)² over the hadronic and leptonic W boson and top quark (arXiv:1909.01144 compares with this sum). All
choices of 4 of the jets count, with the two quarks of the W exchangeable, and both longitudinal momenta of the neutrino.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.physics.kinematics import Momentum
from pipeline.physics.neutrino import neutrino_momentum, neutrino_pz
from pipeline.physics.peaks import Peak
from pipeline.statistics.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Peaks:
    """The masses that the χ² compares with."""

    w_had: Peak
    w_lep: Peak
    top_had: Peak
    top_lep: Peak


# Those of the published comparison (arXiv:1909.01144, its code ChiSquaredAlgo.py); masses as given by the generator there.
NOMINAL = Peaks(w_had=Peak(80.4, 20.0), w_lep=Peak(80.4, 20.0), top_had=Peak(172.5, 30.0), top_lep=Peak(172.5, 30.0))


@dataclass(frozen=True, slots=True)
class Candidates:
    """What an event offers to be assigned.

    Args:
        jets: momenta in GeV, shape (n_events, n_slots); those behind the last jet of an event are not looked at.
        n_jets: shape (n_events,).
        lepton: momenta in GeV, shape (n_events,).
        met_px: x component of the missing transverse momentum in GeV, shape (n_events,).
        met_py: y component, same shape.
    """

    jets: Momentum
    n_jets: NDArray[np.int64]
    lepton: Momentum
    met_px: NDArray[np.float64]
    met_py: NDArray[np.float64]

    def neutrinos(self, w_mass: float) -> Momentum:
        """Both solutions of `neutrino_pz`, shape (n_events, 2)."""
        pz = neutrino_pz(self.lepton, self.met_px, self.met_py, w_mass=w_mass)
        px, py = (np.broadcast_to(part[:, np.newaxis], pz.shape) for part in (self.met_px, self.met_py))
        return neutrino_momentum(px, py, pz)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which jet is which quark.

    Args:
        places: of the jets of b_had, q1, q2 and b_lep, shape (n_events, 4); q1 is before q2; -1 with fewer than four jets.
        solution: which of the neutrino's, 0 or 1, shape (n_events,); -1 with fewer than four jets.
        chi_square: of that choice, shape (n_events,); infinite with fewer than four jets.
    """

    places: NDArray[np.int64]
    solution: NDArray[np.int64]
    chi_square: NDArray[np.float64]


def smallest_chi_square(
    candidates: Candidates, peaks: Peaks, *, w_mass: float, b_cost: NDArray[np.float64] | None = None
) -> Assignment:
    """The assignment with the smallest χ²; of equal ones the first in the order of b_had, q1, q2, b_lep.

    Args:
        candidates: of each event.
        peaks: masses and widths.
        w_mass: in GeV, of the W boson that the neutrino is solved with.
        b_cost: is added to the χ² for each of the two jets that is taken as a b jet, shape (n_events, n_slots). With
            -2 ln p(tag | b) / p(tag | other) the sum is that of a likelihood in which all other jets are no b jets.
    """
    jets = _stacked(candidates.jets)
    cost = np.zeros(jets.shape[:2]) if b_cost is None else np.ascontiguousarray(b_cost, dtype=np.float64)
    neutrinos = candidates.neutrinos(w_mass)
    lepton = Momentum(*(getattr(candidates.lepton, name)[:, np.newaxis] for name in ("px", "py", "pz", "energy")))
    w_lep = lepton + neutrinos
    table = np.array([[peak.mass, peak.width] for peak in (peaks.w_had, peaks.w_lep, peaks.top_had, peaks.top_lep)])
    n_events = len(jets)
    found = Assignment(np.full((n_events, 4), -1), np.full(n_events, -1), np.full(n_events, np.inf))
    counts = np.minimum(candidates.n_jets, jets.shape[1]).astype(np.int64)
    _minimise(jets, counts, _stacked(w_lep), cost, table, found.places, found.solution, found.chi_square)
    return found


def _stacked(p: Momentum) -> NDArray[np.float64]:
    return np.stack((p.px, p.py, p.pz, p.energy), axis=-1)


@compiled
def _term(px: Any, py: Any, pz: Any, energy: Any, peak: Any) -> Any:
    """((m - M) / σ)² of one four-momentum; a negative square of the mass counts as 0, as in `Momentum.mass`."""
    square = energy * energy - px * px - py * py - pz * pz
    return ((np.sqrt(max(square, 0.0)) - peak[0]) / peak[1]) ** 2


@compiled
def _minimise(
    jets: Any, n_jets: Any, w_lep: Any, cost: Any, peaks: Any, places: Any, solution: Any, chi_square: Any
) -> None:
    """Fill *places*, *solution* and *chi_square*.

    The leptonic half depends on its b jet only, and the hadronic one on three jets: each is worked out once.
    """
    n_slots = jets.shape[1]
    leptonic = np.empty(n_slots)
    chosen = np.empty(n_slots, dtype=np.int64)
    for event in range(len(jets)):
        n = n_jets[event]
        if n < 4:
            continue
        jet = jets[event]
        for b in range(n):
            leptonic[b] = np.inf
            for s in range(2):
                w = w_lep[event, s]
                term = _term(w[0] + jet[b, 0], w[1] + jet[b, 1], w[2] + jet[b, 2], w[3] + jet[b, 3], peaks[3])
                term += _term(w[0], w[1], w[2], w[3], peaks[1]) + cost[event, b]
                if term < leptonic[b]:
                    leptonic[b] = term
                    chosen[b] = s
        for b_had in range(n):
            for q1 in range(n):
                for q2 in range(q1 + 1, n):
                    if b_had in (q1, q2):
                        continue
                    x, y, z, e = (
                        jet[q1, 0] + jet[q2, 0],
                        jet[q1, 1] + jet[q2, 1],
                        jet[q1, 2] + jet[q2, 2],
                        jet[q1, 3] + jet[q2, 3],
                    )
                    hadronic = _term(x, y, z, e, peaks[0]) + cost[event, b_had]
                    hadronic += _term(x + jet[b_had, 0], y + jet[b_had, 1], z + jet[b_had, 2], e + jet[b_had, 3], peaks[2])
                    for b_lep in range(n):
                        if b_lep in (b_had, q1, q2):
                            continue
                        if hadronic + leptonic[b_lep] < chi_square[event]:
                            chi_square[event] = hadronic + leptonic[b_lep]
                            solution[event] = chosen[b_lep]
                            places[event, 0] = b_had
                            places[event, 1] = q1
                            places[event, 2] = q2
                            places[event, 3] = b_lep
