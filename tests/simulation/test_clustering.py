import math

import numpy as np
import pytest

from pipeline.simulation.clustering import cluster
from pipeline.simulation.flavour import hadron_flavour, parton_flavour
from pipeline.simulation.momenta import cartesian

NONE = np.array([], dtype=np.int64)

pytest.importorskip("fastjet", reason="needs nanoloom[simulation]")


def made(objects, rng, sizes):
    event = np.repeat(np.arange(len(sizes)), sizes)
    n = len(event)
    pt, eta, phi = rng.exponential(10, n) + 0.5, rng.uniform(-2, 2, n), rng.uniform(-np.pi, np.pi, n)
    px, py, pz, energy = cartesian(pt, eta, phi, np.zeros(n))
    return objects(event, len(sizes), px=px, py=py, pz=pz, energy=energy)


def slow_anti_kt(momenta, radius):
    """Sets of constituents by the definition, arXiv:0802.1189, equations 1 and 2, with rapidity and the E scheme."""
    found, left = [], [((k,), p) for k, p in enumerate(momenta)]

    def kinematics(p):
        return math.hypot(p[0], p[1]), 0.5 * math.log((p[3] + p[2]) / (p[3] - p[2])), math.atan2(p[1], p[0])

    while left:
        k = [kinematics(p) for _, p in left]
        beam = min(range(len(left)), key=lambda i: k[i][0] ** -2)
        best = (k[beam][0] ** -2, beam, None)
        for i in range(len(left)):
            for j in range(i):
                dphi = abs(k[i][2] - k[j][2])
                dphi = min(dphi, 2 * math.pi - dphi)
                d = min(k[i][0] ** -2, k[j][0] ** -2) * ((k[i][1] - k[j][1]) ** 2 + dphi**2) / radius**2
                if d < best[0]:
                    best = (d, i, j)
        _, i, j = best
        if j is None:
            found.append(left.pop(i))
        else:
            merged = (left[i][0] + left[j][0], [a + b for a, b in zip(left[i][1], left[j][1], strict=True)])
            left = [item for n, item in enumerate(left) if n not in (i, j)] + [merged]
    return found


def test_jets_are_those_of_the_definition(objects):
    sizes = [12, 0, 1, 18]
    inputs = made(objects, np.random.default_rng(1), sizes)
    result = cluster(inputs, inputs.take(NONE), radius=0.4, pt_min_gev=5.0)
    found = [
        (int(result.jets.event[jet]), sorted(result.constituent[result.jet == jet].tolist()))
        for jet in range(len(result.jets))
    ]
    slow = []
    for event, start in enumerate(inputs.starts):
        rows = range(start, start + inputs.counts[event])
        momenta = [[float(inputs[name][row]) for name in ("px", "py", "pz", "energy")] for row in rows]
        jets = [(math.hypot(*p[:2]), sorted(start + k for k in group)) for group, p in slow_anti_kt(momenta, 0.4)]
        slow += [(event, group) for pt, group in sorted(jets, reverse=True) if pt > 5.0]

    assert slow == found


def test_jets_are_the_sums_of_their_constituents_and_fall_in_momentum(objects):
    inputs = made(objects, np.random.default_rng(2), [40, 40])
    result = cluster(inputs, inputs.take(NONE), radius=0.6, pt_min_gev=10.0)

    assert result.sum_over(inputs["px"]) == pytest.approx(result.jets["px"])
    assert result.sum_over(inputs["energy"]) == pytest.approx(result.jets["energy"])
    assert np.all(np.diff(result.jets["pt"])[np.diff(result.jets.event) == 0] <= 0)
    assert set(result.jet_of(len(inputs))[result.constituent]) == set(range(len(result.jets)))


def test_ghosts_change_no_jet_and_carry_the_flavour(objects):
    inputs = made(objects, np.random.default_rng(3), [30, 30])
    plain = cluster(inputs, inputs.take(NONE), radius=0.4, pt_min_gev=5.0)
    rows = [0, 1, 2, 30]
    ghosts = inputs.take(rows).having(
        hadron=np.array([5, 4, 0, 4]), parton=np.array([0, 0, 21, 0]), pt=np.array([6.0, 7.0, 8.0, 9.0])
    )
    result = cluster(inputs, ghosts, radius=0.4, pt_min_gev=5.0)
    jet_of = result.jet_of(len(inputs))
    slow_hadron, slow_parton = np.zeros(len(result.jets), dtype=int), np.zeros(len(result.jets), dtype=int)
    for row, hadron, parton in zip(rows, ghosts["hadron"], ghosts["parton"], strict=True):
        if jet_of[row] >= 0:
            slow_hadron[jet_of[row]] = max(slow_hadron[jet_of[row]], hadron)
            slow_parton[jet_of[row]] = parton or slow_parton[jet_of[row]]

    assert plain.jets["pt"].tolist() == pytest.approx(result.jets["pt"].tolist(), rel=1e-12)
    assert slow_hadron.tolist() == hadron_flavour(result, ghosts).tolist()
    assert slow_parton.tolist() == parton_flavour(result, ghosts).tolist()


def test_b_goes_before_c_and_both_before_the_hardest_parton(objects):
    inputs = made(objects, np.random.default_rng(4), [1])
    ghosts = inputs.take([0, 0, 0, 0]).having(
        hadron=np.zeros(4, dtype=int), parton=np.array([21, -4, 5, 1]), pt=np.array([90.0, 30.0, 10.0, 50.0])
    )
    for kept, flavour in (([0, 1, 2, 3], 5), ([0, 1, 3], -4), ([0, 3], 21), ([3], 1), ([], 0)):
        some = ghosts.take(np.array(kept, dtype=int))

        assert flavour == parton_flavour(cluster(inputs, some, radius=0.4, pt_min_gev=0.1), some)[0]


def test_events_without_particles_have_no_jets(objects):
    empty = made(objects, np.random.default_rng(5), [0, 0])

    assert len(cluster(empty, empty, radius=0.4, pt_min_gev=1.0).jets) == 0
