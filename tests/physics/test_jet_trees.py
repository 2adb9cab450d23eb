"""Trees of hand-made jets, the definition as a slow loop, and FastJet where it is installed."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.physics.jet_trees import COMPONENTS, POWER, jet_trees
from tests.physics.made_jets import drawn, jets, leaves_below, split

ALGORITHMS = ("kt", "cambridge_aachen", "anti_kt", "pt", "random")
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
every_clustering = pytest.mark.parametrize("algorithm", POWER)


def keys(n):
    return np.arange(7, 7 + n, dtype=np.uint64)


def trees_of(constituents, algorithm):
    return jet_trees(constituents, algorithm, keys(constituents.n_events))


def merges_of(constituents, algorithm):
    """Of the first jet, the leaves on the left and on the right of each merge, as strings."""
    trees = trees_of(constituents, algorithm)
    (_, children), *_ = split(trees)
    return [
        tuple("".join(str(leaf) for leaf in sorted(side)) for side in merge)
        for merge in leaves_below(children, trees.counts[0])
    ]


# Two hard particles 0.3 apart, and two soft ones, 0.1 apart, that are 0.4 from the second.
GOLDEN = jets([(100.0, 0.0, 0.0, 0.0), (50.0, 0.3, 0.0, 0.0), (2.0, 0.7, 0.0, 0.0), (1.0, 0.7, 0.1, 0.0)])


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        # 1² · 0.1²; then about 3² · 0.4², which is less than 50² · 0.3².
        ("kt", [("2", "3"), ("1", "23"), ("0", "123")]),
        # 0.1, then 0.3, then what is left.
        ("cambridge_aachen", [("2", "3"), ("0", "1"), ("01", "23")]),
        # 0.3² / 100² is the smallest, then the softer ones one by one: 0.6²/ 150² is less than 0.1² / 2².
        ("anti_kt", [("0", "1"), ("01", "2"), ("012", "3")]),
        ("pt", [("0", "1"), ("01", "2"), ("012", "3")]),
    ],
)
def test_the_golden_jet_is_merged_as_by_hand(algorithm, expected):
    assert merges_of(GOLDEN, algorithm) == expected


def test_anti_kt_merges_a_hard_core_before_a_close_soft_pair():
    """0.1²/20² of the hard pair against 0.01²/1² of the soft one: kt and C/A begin with the soft one."""
    jet = jets([(20.0, 0.0, 0.0, 0.0), (20.0, 0.1, 0.0, 0.0), (1.0, 0.5, 0.0, 0.0), (1.0, 0.51, 0.0, 0.0)])

    assert {algorithm: merges_of(jet, algorithm)[0] for algorithm in POWER} == {
        **{"kt": ("2", "3"), "cambridge_aachen": ("2", "3"), "anti_kt": ("0", "1")}
    }


def test_azimuth_goes_round():
    jet = jets([(10.0, 0.0, 3.1, 0.0), (9.0, 0.0, 2.7, 0.0), (8.0, 0.0, -3.1, 0.0)])

    assert merges_of(jet, "cambridge_aachen")[0] == ("0", "2")


@every_algorithm
def test_every_node_is_the_sum_of_its_leaves_and_the_last_one_is_the_jet(algorithm):
    constituents = drawn(np.random.default_rng(3), [1, 2, 0, 17, 60])
    trees = trees_of(constituents, algorithm)

    assert trees.n_nodes.tolist() == [1, 3, 0, 33, 119]
    for jet, (momenta, children) in enumerate(split(trees)):
        own = np.stack([constituents[name][constituents.event == jet] for name in COMPONENTS], axis=1)
        np.testing.assert_array_equal(momenta[: len(own)], own)
        for merge, (left, right) in enumerate(leaves_below(children, len(own))):
            assert not left & right
            np.testing.assert_allclose(
                momenta[len(own) + merge], own[sorted(left | right)].sum(axis=0), rtol=1e-12, atol=1e-9
            )
        if len(own):
            np.testing.assert_allclose(momenta[-1], own.sum(axis=0), rtol=1e-12)


@every_algorithm
def test_the_child_with_the_larger_momentum_is_on_the_left(algorithm):
    for momenta, children in split(trees_of(drawn(np.random.default_rng(4), [30] * 5), algorithm)):
        pt2 = (momenta[:, :2] ** 2).sum(axis=1)

        assert (pt2[children[:, 0]] >= pt2[children[:, 1]]).all()


def slow_clustering(momenta, power):
    """The sets of leaves that come to be: of all pairs, the one with the smallest distance, again and again."""
    jets = [(frozenset([leaf]), p) for leaf, p in enumerate(momenta)]
    found = []
    while len(jets) > 1:
        a, b = min(itertools.combinations(jets, 2), key=lambda pair: slow_distance(pair[0][1], pair[1][1], power))
        jets = [jet for jet in jets if jet is not a and jet is not b] + [(a[0] | b[0], a[1] + b[1])]
        found.append(a[0] | b[0])
    return found


def slow_distance(p, q, power):
    y = [0.5 * math.log((energy + pz) / (energy - pz)) for _, _, pz, energy in (p, q)]
    phi = abs(math.atan2(p[1], p[0]) - math.atan2(q[1], q[0]))
    pt = [math.hypot(px, py) for px, py, _, _ in (p, q)]
    return min(one ** (2 * power) for one in pt) * ((y[0] - y[1]) ** 2 + min(phi, 2 * math.pi - phi) ** 2)


@every_clustering
@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), counts=st.lists(st.integers(0, 12), max_size=4))
def test_it_is_the_slow_loop_over_all_pairs(algorithm, seed, counts):
    trees = trees_of(drawn(np.random.default_rng(seed), counts), algorithm)

    for n, (momenta, children) in zip(counts, split(trees), strict=True):
        expected = slow_clustering(momenta[:n], POWER[algorithm])
        assert [left | right for left, right in leaves_below(children, n)] == expected


@every_clustering
def test_it_is_fastjet(algorithm):
    """With the largest radius that FastJet takes, where beams are far."""
    fastjet = pytest.importorskip("fastjet", reason="FastJet is in the extra `simulation`")._swig
    name = {"kt": "kt", "cambridge_aachen": "cambridge", "anti_kt": "antikt"}[algorithm]
    definition = fastjet.JetDefinition(getattr(fastjet, f"{name}_algorithm"), 1000.0)
    trees = trees_of(drawn(np.random.default_rng(6), range(2, 90)), algorithm)

    for n, (momenta, children) in zip(trees.counts.tolist(), split(trees), strict=True):
        particles = [fastjet.PseudoJet(*p) for p in momenta[:n].tolist()]
        for leaf, particle in enumerate(particles):
            particle.set_user_index(leaf)
        sequence = fastjet.ClusterSequence(particles, definition)
        (jet,) = sequence.inclusive_jets()
        merged = set()
        leaves_of_fastjet(jet, merged, fastjet)
        assert {left | right for left, right in leaves_below(children, n)} == merged


def leaves_of_fastjet(jet, merged, fastjet):
    """The leaves below *jet*; those of each merge go into *merged*."""
    parents = fastjet.PseudoJet(), fastjet.PseudoJet()
    if not jet.has_parents(*parents):
        return frozenset([jet.user_index()])
    leaves = frozenset().union(*(leaves_of_fastjet(parent, merged, fastjet) for parent in parents))
    merged.add(leaves)
    return leaves


@every_clustering
def test_the_order_of_the_constituents_does_not_matter(algorithm):
    rng = np.random.default_rng(8)
    constituents = drawn(rng, [40])
    order = rng.permutation(40)

    (_, straight), (_, turned) = (split(trees_of(one, algorithm))[0] for one in (constituents, constituents.take(order)))

    expected = [tuple(frozenset(order[list(side)].tolist()) for side in merge) for merge in leaves_below(turned, 40)]
    assert [tuple(map(frozenset, merge)) for merge in leaves_below(straight, 40)] == expected


@every_clustering
def test_particles_of_one_direction_are_merged_first_and_nothing_is_lost(algorithm):
    """Distances of 0: ties, where the order decides, but no more."""
    jet = jets([(30.0, 0.5, 1.0, 0.0)] + [(10.0, 0.2, 1.0, 0.0)] * 4)
    merges = merges_of(jet, algorithm)

    assert len(merges) == 4
    assert {leaf for merge in merges[:3] for side in merge for leaf in side} == set("1234")


def test_along_the_beam_nothing_is_infinite():
    constituents = jets([(30.0, 0.5, 1.0, 0.0), (20.0, 0.2, 1.0, 0.0)])
    for name in ("px", "py"):
        constituents[name][1] = 0.0

    for algorithm in POWER:
        ((momenta, children),) = split(trees_of(constituents, algorithm))
        assert np.isfinite(momenta).all()
        assert children.tolist() == [[0, 1]]


def test_random_trees_are_those_of_the_event_whatever_is_beside_it():
    constituents = drawn(np.random.default_rng(9), [20, 30, 20])
    whole = split(jet_trees(constituents, "random", keys(3)))
    last = split(jet_trees(constituents.of(np.array([False, False, True])), "random", keys(3)[2:]))

    np.testing.assert_array_equal(whole[2][1], last[0][1])
    assert not np.array_equal(whole[0][1], whole[2][1])


def test_random_trees_merge_any_pair_as_often():
    """Of three leaves, each pair comes first in a third of the trees."""
    constituents = jets(*[[(3.0, 0.1, 0.0, 0.0), (2.0, 0.0, 0.1, 0.0), (1.0, 0.2, 0.2, 0.0)]] * 3000)
    first = [tuple(children[0]) for _, children in split(trees_of(constituents, "random"))]

    counts = {pair: first.count(pair) for pair in ((0, 1), (0, 2), (1, 2))}
    assert sum(counts.values()) == 3000
    assert all(abs(n - 1000) < 5 * math.sqrt(3000 * 2 / 9) for n in counts.values()), counts
