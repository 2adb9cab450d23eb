"""Which jet is which quark of tt̄ → bℓν bqq'? The assignment whose masses fit best, by a χ² over all of them.

χ² = Σ ((m - M) / σ)² over the hadronic and leptonic W boson and top quark (arXiv:1909.01144 compares with this sum). All
choices of 4 of the jets count, with the two quarks of the W exchangeable, and both longitudinal momenta of the neutrino.
The mass of the hadronic top quark moves with that of its W boson; their difference does not (as in arXiv:1305.2756).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.chi_square_kernel import minimise
from pipeline.physics.kinematics import Momentum
from pipeline.physics.neutrino import neutrino_momentum, neutrino_pz
from pipeline.physics.peaks import Peak

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Peaks:
    """The masses that the χ² compares with; with `minus_w`, `top_had` is that of m_jjj - m_jj instead of m_jjj."""

    w_had: Peak
    w_lep: Peak
    top_had: Peak
    top_lep: Peak
    minus_w: bool = False


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
    minimise(jets, counts, _stacked(w_lep), cost, table, peaks.minus_w, found.places, found.solution, found.chi_square)
    return found


def _stacked(p: Momentum) -> NDArray[np.float64]:
    return np.stack((p.px, p.py, p.pz, p.energy), axis=-1)
