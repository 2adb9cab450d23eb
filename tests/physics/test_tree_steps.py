"""Steps and registers: they do what the tree says, for chains, for balanced trees and for all others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.physics.jet_trees import jet_trees
from pipeline.physics.tree_steps import RESULT, n_registers, steps_of
from tests.physics.made_jets import drawn, split


def trees_of(counts, algorithm="random", seed=1):
    return jet_trees(drawn(np.random.default_rng(seed), counts), algorithm, np.arange(len(counts), dtype=np.uint64) + seed)


def run(steps, jet, leaves):
    """What is in register 0 after all steps, where a merge makes a pair."""
    registers = [leaves[0]] + [None] * (n_registers(len(steps.table[jet]) + 1) - 1)
    for left, right, result in steps.table[jet].tolist():
        if result >= 0:
            registers[result] = tuple(leaves[child] if child >= 0 else registers[-1 - child] for child in (left, right))
    return registers[0]


def nested(children, leaves):
    nodes = list(leaves)
    for left, right in children.tolist():
        nodes.append((nodes[left], nodes[right]))
    return nodes[-1]


@settings(max_examples=40)
@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    algorithm=st.sampled_from(["random", "pt", "kt"]),
    seed=st.integers(0, 1000),
    room=st.integers(0, 20),
)
def test_steps_make_the_tree_with_left_and_right_as_they_were(counts, algorithm, seed, room):
    trees = trees_of(counts, algorithm, seed)
    steps = steps_of(trees, max(counts) + room)

    for jet, (n, (_, children)) in enumerate(zip(counts, split(trees), strict=True)):
        leaves = [f"leaf {i}" for i in range(n)]
        assert run(steps, jet, leaves) == nested(children, leaves)


@pytest.mark.parametrize("depth", range(7))
def test_a_balanced_tree_needs_all_registers(depth):
    n = 2**depth
    trees = trees_of([n])
    nodes, balanced = list(range(n)), []
    while len(nodes) > 1:
        nodes = [n + len(balanced) + i for i in range(0, len(nodes) // 2)], nodes
        made, below = nodes
        balanced += [(below[2 * i], below[2 * i + 1]) for i in range(len(made))]
        nodes = made
    trees.children[:] = np.array(balanced, dtype=np.int64).reshape(-1, 2)
    steps = steps_of(trees, n)

    assert steps.table[0, :, RESULT].max(initial=0) + 1 == n_registers(n) == max(1, depth)
    assert run(steps, 0, list(range(n))) == nested(trees.children, list(range(n)))


def test_a_chain_needs_one_register():
    steps = steps_of(trees_of([50], "pt"), 50)

    assert (steps.table[0, :, RESULT] == 0).all()


def test_nodes_are_leaves_and_then_merges_by_step():
    trees = trees_of([3, 1, 5], "kt")
    steps = steps_of(trees, 6)
    first = np.cumsum([0, *trees.n_nodes])

    for jet, n in enumerate([3, 1, 5]):
        assert steps.nodes[jet, :n].tolist() == list(range(first[jet], first[jet] + n))
        assert (steps.nodes[jet, n:6] == -1).all()
        merges = steps.nodes[jet, 6 : 6 + n - 1]
        assert sorted(merges.tolist()) == list(range(first[jet] + n, first[jet + 1]))
        assert (steps.nodes[jet, 6 + n - 1 :] == -1).all()
        for node, (left, right, _) in zip(merges.tolist(), steps.table[jet].tolist(), strict=False):
            expected = trees.children[node - first[jet] - n + np.cumsum([0, *trees.n_merges])[jet]]
            assert [child for child in expected.tolist() if child < n] == [c for c in (left, right) if c >= 0]


def test_more_room_adds_only_steps_without_a_result():
    trees = trees_of([7, 12], "kt")
    short, long = steps_of(trees, 12), steps_of(trees, 30)

    np.testing.assert_array_equal(short.table, long.table[:, :11])
    assert (long.table[:, 11:] == [0, 0, -1]).all()


def test_too_many_leaves_are_refused():
    with pytest.raises(ValueError, match="a tree has 9 leaves, and there is room for 8"):
        steps_of(trees_of([3, 9]), 8)


def test_no_jets_are_no_steps():
    steps = steps_of(trees_of([]), 5)

    assert (steps.nodes.shape, steps.table.shape) == ((0, 9), (0, 4, 3))
