"""Recursive network: a jet as a binary tree, merged from its particles up to one vector."""

from __future__ import annotations

import keras

from models.layers.tree import through_tree


def build(inputs, outputs, *, width=40, gated=False, units=(40, 40), activation="relu") -> keras.Model:
    """Embed a jet along its tree, then dense layers.

    Input shape: (batch, 2N - 1, n_features) and the steps (batch, N - 1, 3), for one collection of `kind: tree` with at most
    N leaves. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, one tree with its scales (`pipeline.stream.spec.InputSpec`).
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        width: of what is known of each node.
        gated: with gates that decide what of its children a merge takes in and gives on.
        units: width of each dense layer after the tree.
        activation: of all layers.

    Raises:
        ValueError: the input is not one tree.

    Source: arXiv:1702.00748, section 2 and appendix A. With seven features and one output it has 8,481 parameters, gated
    48,761.
    """
    if [spec.kind for spec in inputs.values()] != ["tree"]:
        raise ValueError(f"recursive takes one collection of kind: tree, not {', '.join(inputs)}; give it an algorithm")
    (spec,) = inputs.values()
    nodes = keras.Input(spec.shape, name=spec.name)
    steps = keras.Input((spec.max_leaves - 1, 3), name=f"{spec.name}_steps")
    x = keras.layers.Rescaling(spec.scale, spec.offset, name="normalised")(nodes)
    x = keras.layers.Dense(width, activation=activation, name="node")(x)
    x = through_tree(x, steps, gated=gated, activation=activation)
    for step, size in enumerate(units, start=1):
        x = keras.layers.Dense(size, activation=activation, name=f"hidden_{step}")(x)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(x)
    return keras.Model({spec.name: nodes, f"{spec.name}_steps": steps}, output, name="recursive")
