"""The loop over all assignments of jets to the quarks of tt̄ → bℓν bqq', as machine code: see `chi_square`.

A momentum is a tuple (px, py, pz, E): small arrays would be made on the heap, which takes ten times as long. The leptonic
half of a χ² depends on its b jet only, and the hadronic half on three jets: each is worked out once for all assignments that
share it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.statistics.compiled import compiled

# Rows of the table of peaks: mass and width each.
W_HAD, W_LEP, TOP_HAD, TOP_LEP = range(4)


@compiled
def row(table: Any, place: Any) -> Any:
    """One momentum out of a table of shape (n, 4)."""
    return table[place, 0], table[place, 1], table[place, 2], table[place, 3]


@compiled
def added(p: Any, q: Any) -> Any:
    """The sum of two momenta."""
    return p[0] + q[0], p[1] + q[1], p[2] + q[2], p[3] + q[3]


@compiled
def mass_of(p: Any) -> Any:
    """Invariant mass; 0 where its square is negative, as in `kinematics.Momentum.mass`."""
    return np.sqrt(max(p[3] * p[3] - p[0] * p[0] - p[1] * p[1] - p[2] * p[2], 0.0))


@compiled
def term(mass: Any, peak: Any) -> Any:
    """((m - M) / σ)²."""
    return ((mass - peak[0]) / peak[1]) ** 2


@compiled
def leptonic_half(jet: Any, w_lep: Any, peaks: Any) -> Any:
    """The χ² of the leptonic side with this b jet, and which of the two W bosons of *w_lep*, shape (2, 4), makes it."""
    best, solution = np.inf, -1
    for s in range(2):
        w = row(w_lep, s)
        value = term(mass_of(w), peaks[W_LEP]) + term(mass_of(added(w, jet)), peaks[TOP_LEP])
        if value < best:
            best, solution = value, s
    return best, solution


@compiled
def hadronic_half(b: Any, q1: Any, q2: Any, peaks: Any, minus_w: Any) -> Any:
    """The χ² of the hadronic side; with *minus_w* its second term is of m_jjj - m_jj."""
    w = added(q1, q2)
    w_mass, top_mass = mass_of(w), mass_of(added(w, b))
    if minus_w:
        top_mass -= w_mass
    return term(w_mass, peaks[W_HAD]) + term(top_mass, peaks[TOP_HAD])


@compiled
def minimise(
    jets: Any, n_jets: Any, w_lep: Any, b_cost: Any, peaks: Any, minus_w: Any, places: Any, solution: Any, chi_square: Any
) -> None:
    """Fill *places*, shape (n_events, 4), *solution* and *chi_square*, shape (n_events,), of events with four jets or more.

    Args:
        jets: shape (n_events, n_slots, 4).
        n_jets: shape (n_events,), at most n_slots.
        w_lep: both leptonic W bosons, shape (n_events, 2, 4).
        b_cost: of each jet as a b jet, shape (n_events, n_slots).
        peaks: masses and widths, shape (4, 2).
        minus_w: see `hadronic_half`.
        places: of b_had, q1, q2, b_lep.
        solution: which of *w_lep*.
        chi_square: infinite to begin with.
    """
    leptonic = np.empty(jets.shape[1])
    chosen = np.empty(jets.shape[1], dtype=np.int64)
    for event in range(len(jets)):
        n, jet = n_jets[event], jets[event]
        if n < 4:
            continue
        for b_lep in range(n):
            leptonic[b_lep], chosen[b_lep] = leptonic_half(row(jet, b_lep), w_lep[event], peaks)
        for b_had in range(n):
            for q1 in range(n):
                for q2 in range(q1 + 1, n):
                    if b_had in (q1, q2):
                        continue
                    hadronic = hadronic_half(row(jet, b_had), row(jet, q1), row(jet, q2), peaks, minus_w)
                    hadronic += b_cost[event, b_had]
                    for b_lep in range(n):
                        total = hadronic + leptonic[b_lep] + b_cost[event, b_lep]
                        if total < chi_square[event] and b_lep not in (b_had, q1, q2):
                            chi_square[event], solution[event] = total, chosen[b_lep]
                            places[event, 0], places[event, 1] = b_had, q1
                            places[event, 2], places[event, 3] = q2, b_lep
