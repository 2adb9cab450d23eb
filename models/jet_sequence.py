"""Jets of an event one after the other: each is embedded along its tree, and a recurrent network reads them."""

from __future__ import annotations

import keras
from keras import ops

from models.layers.rows import scaled
from models.layers.tree import through_tree


def build(inputs, outputs, *, width=40, gated=False, recurrent=10, units=(40, 40), activation="relu") -> keras.Model:
    """Embed every jet along its tree with one recursive network, put its own numbers beside, and read all jets by a GRU.

    Input shape: (batch, n_jets, n_features) with a mask (batch, n_jets) for one padded collection, the jets; and for each of
    them, in the same order, one collection of `kind: tree`, (batch, 2N - 1, n_features) and its steps (batch, N - 1, 3).
    The order is that of the YAML: the first tree is that of the first jet, and all should be merged by one algorithm in one
    frame. Without any tree, the network sees the jets' own numbers alone. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, the jets and their trees with their scales (`pipeline.stream.spec.InputSpec`). All trees are scaled
            as the first one, since one network embeds them all.
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        width: of what is known of each node of a tree.
        gated: with gates that decide what of its children a merge takes in and gives on.
        recurrent: width of the GRU.
        units: width of each dense layer after it.
        activation: of the trees and of these layers.

    Raises:
        ValueError: there is not one padded collection, there are not as many trees as jets, or trees differ in size.

    Source: arXiv:1702.00748, section 3 (embedding of events).
    """
    jets, trees = _parted(inputs)
    tensors = {jets.name: keras.Input(jets.shape, name=jets.name)}
    mask = tensors[f"{jets.name}_mask"] = keras.Input((jets.max_objects,), name=f"{jets.name}_mask")
    rows = scaled(tensors[jets.name], jets)
    for tree in trees:
        tensors[tree.name] = keras.Input(tree.shape, name=tree.name)
        tensors[f"{tree.name}_steps"] = keras.Input((tree.max_leaves - 1, 3), name=f"{tree.name}_steps")
    if trees:
        # All trees of a batch below each other: one pass along the steps, and the same weights for each.
        nodes, steps = (
            ops.concatenate([tensors[f"{tree.name}{part}"] for tree in trees], axis=0) for part in ("", "_steps")
        )
        x = scaled(nodes, trees[0])
        x = keras.layers.Dense(width, activation=activation, name="node")(x)
        x = through_tree(x, steps, gated=gated, activation=activation)
        x = ops.transpose(ops.reshape(x, (len(trees), -1, width)), (1, 0, 2))
        rows = ops.concatenate([rows, x], axis=-1)
    x = keras.layers.GRU(recurrent, unroll=True, name="sequence")(rows, mask=ops.cast(mask, "bool"))
    for step, size in enumerate(units, start=1):
        x = keras.layers.Dense(size, activation=activation, name=f"hidden_{step}")(x)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(x)
    return keras.Model(tensors, output, name="jet_sequence")


def _parted(inputs):
    """The padded collection, and the trees."""
    padded = [spec for spec in inputs.values() if spec.kind == "padded"]
    trees = [spec for spec in inputs.values() if spec.kind == "tree"]
    if len(padded) != 1 or len(padded) + len(trees) != len(inputs):
        raise ValueError(
            f"jet_sequence takes one padded collection, the jets, and trees, not {', '.join(inputs)}; give it these inputs"
        )
    (jets,) = padded
    if trees and len(trees) != jets.max_objects:
        raise ValueError(
            f"jet_sequence takes a tree for each jet, and has {len(trees)} trees for {jets.max_objects} of {jets.name};"
            " correct max_objects, or the trees"
        )
    if len({(tree.shape, tree.features) for tree in trees}) > 1:
        raise ValueError(
            "trees of jet_sequence differ in features or max_leaves; one network embeds all, so make them equal"
        )
    return jets, trees
