"""The loops that merge the constituents of jets into trees, as machine code: see `jet_trees`.

A jet is a table of its nodes, shape (2n - 1, 4), of which the first n are filled: px, py, pz, E of its leaves. Merge m makes
node n + m out of two nodes before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.statistics.compiled import compiled

# Of a momentum along the beam, as FastJet has it; differences stay finite.
LARGEST_RAPIDITY = 1e5
# Smaller squares of a transverse momentum [GeV²] count as this one.
SMALLEST_PT2 = 1e-100


@compiled
def pt2_of(p: Any) -> Any:
    """Square of the transverse momentum of (px, py, pz, E)."""
    return p[0] * p[0] + p[1] * p[1]


@compiled
def rapidity_of(p: Any) -> Any:
    """½ ln (E + pz) / (E - pz), by a form that stays exact for small masses, as FastJet has it (arXiv:1111.6097)."""
    mass2 = max((p[3] + p[2]) * (p[3] - p[2]) - pt2_of(p), 0.0)
    transverse2, along = pt2_of(p) + mass2, abs(p[2])
    if transverse2 <= 0.0:
        return np.copysign(LARGEST_RAPIDITY + along, p[2])
    return np.copysign(0.5 * np.log((p[3] + along) ** 2 / transverse2), p[2])


@compiled
def distance2(y: Any, phi: Any, a: Any, b: Any) -> Any:
    """Δy² + Δφ² between the places *a* and *b*."""
    turn = abs(phi[a] - phi[b])
    turn = min(turn, 2 * np.pi - turn)
    return (y[a] - y[b]) ** 2 + turn**2


@compiled
def nearest(y: Any, phi: Any, a: Any, n: Any) -> Any:
    """The place nearest to *a* among the first *n*, and its distance; of equal ones the first."""
    best, found = np.inf, -1
    for b in range(n):
        if b != a:
            distance = distance2(y, phi, a, b)
            if distance < best or found < 0:
                best, found = distance, b
    return found, best


@compiled
def merge(nodes: Any, children: Any, step: Any, a: Any, b: Any) -> Any:
    """Make node n + *step* out of the nodes *a* and *b*; the one with the larger pt is the left one. Returns its number."""
    n = len(children) + 1
    for component in range(4):
        nodes[n + step, component] = nodes[a, component] + nodes[b, component]
    first, second = min(a, b), max(a, b)
    if pt2_of(nodes[second]) > pt2_of(nodes[first]):
        first, second = second, first
    children[step, 0], children[step, 1] = first, second
    return n + step


@compiled
def cluster_jet(nodes: Any, children: Any, power: Any) -> None:
    """Merge the pair with the smallest min(pt_a^2p, pt_b^2p) ΔR²_ab until one is left.

    If that pair is (a, b) and a has the smaller pt^2p, then b is the nearest to a: only nearest ones are compared
    (hep-ph/0512210).
    """
    n = len(children) + 1
    node, near, distance = np.arange(n), np.empty(n, dtype=np.int64), np.empty(n)
    y, phi, scale = np.empty(n), np.empty(n), np.empty(n)
    for a in range(n):
        set_place(nodes[a], a, y, phi, scale, power)
    for a in range(n):
        near[a], distance[a] = nearest(y, phi, a, n)
    for step in range(n - 1):
        a = 0
        for other in range(1, n - step):
            if scale[other] * distance[other] < scale[a] * distance[a]:
                a = other
        a, b = min(a, near[a]), max(a, near[a])
        node[a] = merge(nodes, children, step, node[a], node[b])
        set_place(nodes[node[a]], a, y, phi, scale, power)
        last = n - step - 1
        node[b], y[b], phi[b], scale[b], near[b], distance[b] = (
            node[last], y[last], phi[last], scale[last], near[last], distance[last],
        )  # fmt: skip
        for other in range(last):
            was = near[other]
            if other == a or was in (a, b):
                near[other], distance[other] = nearest(y, phi, other, last)
                continue
            if was == last:
                near[other] = b
            new = distance2(y, phi, other, a)
            if new < distance[other]:
                near[other], distance[other] = a, new


@compiled
def set_place(p: Any, a: Any, y: Any, phi: Any, scale: Any, power: Any) -> None:
    """Rapidity, azimuth and pt^2p of the momentum *p*, at place *a*."""
    y[a], phi[a] = rapidity_of(p), np.arctan2(p[1], p[0])
    scale[a] = max(pt2_of(p), SMALLEST_PT2) ** power


@compiled
def chain_jet(nodes: Any, children: Any) -> None:
    """Merge the first two leaves, and then one leaf after the other to what there is."""
    n = len(children) + 1
    for step in range(n - 1):
        merge(nodes, children, step, n + step - 1 if step else 0, step + 1)


@compiled
def random_jet(nodes: Any, children: Any, draws: Any) -> None:
    """Merge two of those that are left, drawn by two numbers in [0, 1) for each merge, shape (n - 1, 2)."""
    n = len(children) + 1
    node = np.arange(n)
    for step in range(n - 1):
        left = n - step
        a, b = int(draws[step, 0] * left), int(draws[step, 1] * (left - 1))
        b += b >= a
        a, b = min(a, b), max(a, b)
        node[a] = merge(nodes, children, step, node[a], node[b])
        node[b] = node[left - 1]


@compiled
def cluster_all(nodes: Any, node_starts: Any, children: Any, starts: Any, counts: Any, power: Any) -> None:
    """`cluster_jet` for each jet of *counts* leaves."""
    for jet in range(len(counts)):
        if counts[jet] > 1:
            own, made = node_starts[jet], starts[jet]
            cluster_jet(nodes[own : own + 2 * counts[jet] - 1], children[made : made + counts[jet] - 1], power)


@compiled
def chain_all(nodes: Any, node_starts: Any, children: Any, starts: Any, counts: Any) -> None:
    """`chain_jet` for each jet of *counts* leaves."""
    for jet in range(len(counts)):
        if counts[jet] > 1:
            own, made = node_starts[jet], starts[jet]
            chain_jet(nodes[own : own + 2 * counts[jet] - 1], children[made : made + counts[jet] - 1])


@compiled
def random_all(nodes: Any, node_starts: Any, children: Any, starts: Any, counts: Any, draws: Any) -> None:
    """`random_jet` for each jet of *counts* leaves."""
    for jet in range(len(counts)):
        if counts[jet] > 1:
            own, made, end = node_starts[jet], starts[jet], starts[jet] + counts[jet] - 1
            random_jet(nodes[own : own + 2 * counts[jet] - 1], children[made:end], draws[made:end])
