"""Jets as binary trees: in which order a jet's constituents are merged, two by two, until one momentum is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.physics.groups import spread, starts_of
from pipeline.physics.jet_trees_kernel import chain_all, cluster_all, random_all
from pipeline.statistics.hashing import mix64, salted, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects

Algorithm = Literal["kt", "cambridge_aachen", "anti_kt", "pt", "random"]
# p of the generalised kt algorithm, arXiv:0802.1189, eq. 1.
POWER = {"kt": 1.0, "cambridge_aachen": 0.0, "anti_kt": -1.0}
COMPONENTS = ("px", "py", "pz", "energy")


@dataclass(frozen=True, slots=True)
class Trees:
    """The trees of a chunk of jets, one after the other.

    A jet of n leaves has 2n - 1 nodes: its leaves, then one node for each merge, in order; the last is the jet. A jet
    without leaves has none.

    Args:
        counts: leaves of each jet, shape (n_jets,).
        momenta: px, py, pz, E of each node in GeV, shape (n_nodes, 4); that of a merge is the sum of its children.
        children: of each merge, the numbers of two nodes of its jet, shape (n_merges, 2): left the one with the larger pt.
    """

    counts: NDArray[np.int64]
    momenta: NDArray[np.float64]
    children: NDArray[np.int64]

    @property
    def n_nodes(self) -> NDArray[np.int64]:
        """Of each jet, shape (n_jets,)."""
        return np.maximum(2 * self.counts - 1, 0)

    @property
    def n_merges(self) -> NDArray[np.int64]:
        """Of each jet, shape (n_jets,)."""
        return np.maximum(self.counts - 1, 0)


def jet_trees(constituents: Objects, algorithm: Algorithm, keys: NDArray[np.uint64]) -> Trees:
    """The tree of each jet.

    `kt`, `cambridge_aachen` and `anti_kt` merge the pair with the smallest min(pt_a^2p, pt_b^2p) (Δy² + Δφ²), whatever its
    size: there is no radius and no beam, so that each jet is one tree. `pt` is a chain: the first two constituents are
    merged, and each further one is added to their sum. `random` merges any two that are left.

    Args:
        constituents: by falling pt, with `px`, `py`, `pz` and `energy` [GeV]; `event` is the row of the jet.
        algorithm: how.
        keys: a number for the name of each jet's event, shape (n_jets,), from which random trees are drawn.

    Source: arXiv:0802.1189, eq. 1; trees as in arXiv:1702.00748, section 2.
    """
    counts = constituents.counts
    trees = Trees(counts, np.empty((0, 4)), np.empty((int(np.maximum(counts - 1, 0).sum()), 2), dtype=np.int64))
    starts, merges = starts_of(trees.n_nodes), starts_of(trees.n_merges)
    momenta = np.empty((int(trees.n_nodes.sum()), 4))
    momenta[spread(starts, counts)] = np.stack([constituents[name] for name in COMPONENTS], axis=1)
    if algorithm == "pt":
        chain_all(momenta, starts, trees.children, merges, counts)
    elif algorithm == "random":
        random_all(momenta, starts, trees.children, merges, counts, _draws(keys, trees.n_merges))
    else:
        cluster_all(momenta, starts, trees.children, merges, counts, POWER[algorithm])
    return Trees(counts, momenta, trees.children)


def _draws(keys: NDArray[np.uint64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Two numbers in [0, 1) for each of the *counts* merges of each jet, shape (n_merges, 2)."""
    number = spread(np.zeros_like(counts), counts)[:, np.newaxis] * 2 + np.arange(2)
    own = np.repeat(salted(keys, "random tree"), counts)[:, np.newaxis]
    return uniform(mix64(own + number.astype(np.uint64)))
