"""Jets as binary trees: numbers of each node, (n_jets, 2N - 1, n_features), and the steps that merge them up to the jet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from pipeline.errors import InputError
from pipeline.physics.jet_trees import COMPONENTS, jet_trees
from pipeline.physics.objects import Objects
from pipeline.physics.tree_features import node_features
from pipeline.physics.tree_leaves import at_most
from pipeline.physics.tree_steps import RESULT, steps_of
from pipeline.statistics.hashing import event_hash
from pipeline.stream.padding import numbers
from pipeline.stream.spec import InputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.inputs import Tree
    from pipeline.stream.given import Given
    from pipeline.stream.rows import Tensors

JAGGED = True


def reads(tree: Tree) -> tuple[str, ...]:
    """The momenta of the constituents, in GeV."""
    return COMPONENTS


def features(tree: Tree) -> tuple[str, ...]:
    """Of each node."""
    return tree.features


def stored(name: str, tree: Tree, given: Given) -> Tensors:
    """The nodes, N leaves and then the merges by step, shape (n_jets, 2N - 1, n_features), 0 where there is none; and
    `<name>_steps`, the table of `pipeline.physics.tree_steps`, shape (n_jets, N - 1, 3)."""
    ids = given.selected.ids
    leaves = at_most(constituents_of(given), tree.max_leaves)
    trees = jet_trees(leaves, tree.algorithm, event_hash(ids.run, ids.luminosity_block, ids.event))
    steps = steps_of(trees, tree.max_leaves)
    columns = node_features(trees, tree.frame)
    # A row of zeros behind the last node, where -1 leads to.
    table = np.zeros((len(trees.momenta) + 1, len(tree.features)), dtype=np.float32)
    for position, feature in enumerate(tree.features):
        table[:-1, position] = columns[feature]
    return {name: table[steps.nodes], f"{name}_steps": steps.table.astype(np.int16)}


def constituents_of(given: Given) -> Objects:
    """Momenta in float64, by falling pt.

    Raises:
        InputError: a number is not finite, or a jet has no constituents.
    """
    columns = {feature: numbers(ak.flatten(given[feature], axis=1)) for feature in COMPONENTS}
    given.check_objects(columns)
    empty = np.flatnonzero(given.counts == 0)
    if len(empty):
        raise InputError(
            f"The jet of {given.event_name(int(empty[0]))} has no constituents. Expected one or more, of which a tree can be"
            " made. Drop such jets in the processor."
        )
    momenta = {feature: column.astype(np.float64) for feature, column in columns.items()}
    pt = np.hypot(momenta["px"], momenta["py"])
    return Objects(given.event, len(given), momenta | {"pt": pt}).ordered("pt")


def finished(name: str, tree: Tree, tensors: Tensors) -> Tensors:
    """As they are, with steps as numbers of the same kind as all inputs."""
    return {name: tensors[name], f"{name}_steps": tensors[f"{name}_steps"].astype(np.float32)}


def rows(name: str, tree: Tree, tensors: Tensors) -> tuple[NDArray[np.float32], int]:
    """A row a node: n - 1 merges, and n leaves."""
    is_merge = tensors[f"{name}_steps"][:, :, RESULT] >= 0
    is_leaf = np.arange(tree.max_leaves) <= is_merge.sum(axis=1, keepdims=True)
    return tensors[name][np.concatenate([is_leaf, is_merge], axis=1)], 0


def spec(name: str, tree: Tree, scales: Mapping[str, Mapping[str, float]]) -> InputSpec:
    """Of shape (2N - 1, n_features)."""
    return InputSpec.scaled(name, tree.features, scales, max_leaves=tree.max_leaves)
