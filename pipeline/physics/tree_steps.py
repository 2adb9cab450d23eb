"""Trees as tensors of one shape: the merges of a jet as steps that need few registers, whatever the tree looks like.

A network that goes through a tree must keep what it made of a merge until the merge above it. In the right order, ⌊log₂ n⌋
registers are enough for any tree of n leaves: of two branches, first the one that needs more of them (R. Sethi and
J. D. Ullman, J. ACM 17 (1970) 715). So every tree of at most N leaves is N - 1 steps on ⌊log₂ N⌋ registers, exactly, where a
table by the height of the nodes would have about N ln N places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.physics.groups import spread, starts_of
from pipeline.statistics.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.jet_trees import Trees

# Columns of a step.
LEFT, RIGHT, RESULT = range(3)


@dataclass(frozen=True, slots=True)
class Steps:
    """The merges of each jet in the order in which a network does them.

    Args:
        nodes: by jet, its leaves and then its merges in the order of the steps, as rows of the trees' momenta, -1 where
            there is none, shape (n_jets, 2 max_leaves - 1). Merges begin at `max_leaves`.
        table: of each step, where its left and its right child are, and the register that its result goes to, shape
            (n_jets, max_leaves - 1, 3). A child of 0 or more is a leaf, and -1 - r is register r. A step without a result,
            with -1, is padding. The jet is in register 0 at the end.
    """

    nodes: NDArray[np.int64]
    table: NDArray[np.int64]


def n_registers(max_leaves: int) -> int:
    """How many registers any tree of at most *max_leaves* leaves needs.

    >>> [n_registers(n) for n in (1, 2, 3, 4, 7, 8, 60)]
    [1, 1, 1, 2, 2, 3, 5]
    """
    return max(1, max_leaves.bit_length() - 1)


def steps_of(trees: Trees, max_leaves: int) -> Steps:
    """The steps of *trees* that have no more than *max_leaves* leaves.

    Raises:
        ValueError: a tree has more.
    """
    if trees.counts.max(initial=0) > max_leaves:
        raise ValueError(f"a tree has {trees.counts.max()} leaves, and there is room for {max_leaves}")
    n_jets, n_steps = len(trees.counts), max_leaves - 1
    nodes, table = np.full((n_jets, max_leaves + n_steps), -1), np.zeros((n_jets, n_steps, 3), dtype=np.int64)
    table[:, :, RESULT] = -1
    starts, counts = starts_of(trees.n_nodes), trees.counts
    jet = np.repeat(np.arange(n_jets), counts)
    leaf = spread(np.zeros_like(counts), counts)
    nodes[jet, leaf] = starts[jet] + leaf
    _order_all(trees.children, starts_of(trees.n_merges), counts, starts, nodes, table, max_leaves)
    return Steps(nodes, table)


@compiled
def _order_all(children: Any, merges: Any, counts: Any, starts: Any, nodes: Any, table: Any, max_leaves: Any) -> None:
    for jet in range(len(counts)):
        n = counts[jet]
        if n > 1:
            own = children[merges[jet] : merges[jet] + n - 1]
            _order_jet(own, starts[jet], nodes[jet, max_leaves:], table[jet])


@compiled
def _order_jet(children: Any, start: Any, nodes: Any, table: Any) -> None:
    """Fill the *table* of one jet, and *nodes* with the row of the merge of each step; its first node is in row *start*."""
    n_steps = len(children)
    n = n_steps + 1
    need, size = np.zeros(n_steps, dtype=np.int64), np.ones(n_steps, dtype=np.int64)
    for m in range(n_steps):
        a, b = children[m, 0] - n, children[m, 1] - n
        more, less = max(need[a] if a >= 0 else 0, need[b] if b >= 0 else 0), 0
        if a >= 0 and b >= 0:
            less = min(need[a], need[b])
        need[m] = max(more, less + 1)
        for child in (a, b):
            if child >= 0:
                size[m] += size[child]
    # From the jet down: where the steps of each branch begin, and its register.
    begin, register = np.zeros(n_steps, dtype=np.int64), np.zeros(n_steps, dtype=np.int64)
    for m in range(n_steps - 1, -1, -1):
        step = begin[m] + size[m] - 1
        nodes[step], table[step, 2] = start + n + m, register[m]
        a, b = children[m, 0] - n, children[m, 1] - n
        first, second = (a, b) if (need[a] if a >= 0 else 0) >= (need[b] if b >= 0 else 0) else (b, a)
        if first >= 0:
            begin[first], register[first] = begin[m], register[m]
        if second >= 0:
            begin[second], register[second] = begin[m] + size[first], register[m] + 1
        for side, child in enumerate((a, b)):
            table[step, side] = child + n if child < 0 else -1 - register[child]
