"""How a network goes through a tree: one merge after the other, with what it still needs in a few registers."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

PACKAGE = "nanoloom"


def through_tree(u, steps, *, gated, activation):
    """What a recursive network makes of the root of each tree, shape (batch, width).

    Args:
        u: what a layer made of each node by itself, shape (batch, 2N - 1, width): N leaves, then the merges by step.
        steps: where the children of each step are and where its result goes (`pipeline.physics.tree_steps`), shape
            (batch, N - 1, 3).
        gated: with `GatedMerge`, or with `SimpleMerge`.
        activation: of what a merge makes.
    """
    n_leaves, width = steps.shape[1] + 1, u.shape[-1]
    n_registers = max(1, n_leaves.bit_length() - 1)
    merge = (GatedMerge if gated else SimpleMerge)(width, n_registers, activation, name="merge")
    # A tree of one leaf has no merge: it is that leaf.
    registers = ops.concatenate([u[:, 0]] + [ops.zeros_like(u[:, 0])] * (n_registers - 1), axis=1)
    given = ops.concatenate([leaves_of(u, steps), u[:, n_leaves:], registers_of(steps, n_registers)], axis=-1)
    return keras.layers.RNN(merge, name="merges")(given, initial_state=[registers])


def leaves_of(u, steps):
    """The children of each step that are leaves, left beside right, and 0 for others: shape (batch, N - 1, 2 · width)."""
    n_leaves = steps.shape[1] + 1
    chosen = _is_equal(ops.expand_dims(steps[:, :, :2], -1), np.arange(n_leaves, dtype="float32"))
    leaves = ops.matmul(ops.reshape(chosen, (-1, 2 * (n_leaves - 1), n_leaves)), u[:, :n_leaves])
    return ops.reshape(leaves, (-1, n_leaves - 1, 2 * u.shape[-1]))


def registers_of(steps, n_registers):
    """1 for each register that a step reads on the left, on the right, and writes: shape (batch, N - 1, 3 · n_registers)."""
    # Constants are NumPy's: one of the backend would become an input of the exported model.
    names = np.arange(n_registers, dtype="float32")
    read = _is_equal(ops.expand_dims(-1 - steps[:, :, :2], -1), names)
    write = _is_equal(steps[:, :, 2:], names)
    return ops.concatenate([ops.reshape(read, (-1, steps.shape[1], 2 * n_registers)), write], axis=-1)


def _is_equal(numbers, names):
    return ops.cast(ops.equal(numbers, names), "float32")


class Merge(keras.layers.Layer):
    """A cell of `keras.layers.RNN` that does one step: its state are the registers, its output is register 0.

    What becomes of left child, right child and node, shape (batch, 3 · width), says the method `merged` of its kinds.

    Args:
        width: of a register.
        n_registers: how many there are.
        activation: of what a merge makes.
    """

    def __init__(self, width, n_registers, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.width, self.n_registers, self.activation = width, n_registers, activation
        self.state_size, self.output_size = width * n_registers, width

    def call(self, given, states):
        """One step of all trees of a batch; a step that writes no register changes nothing."""
        width, n = self.width, self.n_registers
        registers = ops.reshape(states[0], (-1, n, width))
        leaves, u = given[:, : 2 * width], given[:, 2 * width : 3 * width]
        plan = ops.stop_gradient(given[:, 3 * width :])
        read, write = ops.reshape(plan[:, : 2 * n], (-1, 2, n)), ops.expand_dims(plan[:, 2 * n :], -1)
        children = leaves + ops.reshape(ops.matmul(read, registers), (-1, 2 * width))
        result = self.merged(ops.concatenate([children, u], axis=1))
        registers = (1 - write) * registers + write * ops.expand_dims(result, 1)
        return registers[:, 0], [ops.reshape(registers, (-1, n * width))]

    def get_config(self):
        """What `keras.saving` needs to make it again."""
        return {**super().get_config(), "width": self.width, "n_registers": self.n_registers, "activation": self.activation}


@keras.saving.register_keras_serializable(PACKAGE)
class SimpleMerge(Merge):
    """h = f(W [h_L, h_R, u] + b) (arXiv:1702.00748, section 2)."""

    def build(self, input_shape):
        """One layer."""
        self.merge = keras.layers.Dense(self.width, activation=self.activation, name="merge")
        self.merge.build((None, 3 * self.width))

    def merged(self, given):
        """The layer."""
        return self.merge(given)


@keras.saving.register_keras_serializable(PACKAGE)
class GatedMerge(Merge):
    """A merge with gates: r says how much of its children and node is taken in, z how much of them is given on as it is.

    r = σ(W_r g + b_r) with g = [h_L, h_R, u], h' = f(W (r · g) + b), z = softmax over the four parts of W_z [h', g] + b_z,
    and h = z_H · h' + z_L · h_L + z_R · h_R + z_N · u (arXiv:1702.00748, appendix A).
    """

    def build(self, input_shape):
        """Three layers."""
        width = self.width
        self.reset = keras.layers.Dense(3 * width, activation="sigmoid", name="reset")
        self.merge = keras.layers.Dense(width, activation=self.activation, name="merge")
        self.mix = keras.layers.Dense(4 * width, name="mix")
        for layer, size in ((self.reset, 3), (self.merge, 3), (self.mix, 4)):
            layer.build((None, size * width))

    def merged(self, given):
        """With both gates."""
        new = self.merge(self.reset(given) * given)
        every = ops.concatenate([new, given], axis=1)
        parts = (-1, 4, self.width)
        share = ops.softmax(ops.reshape(self.mix(every), parts), axis=1)
        return ops.sum(share * ops.reshape(every, parts), axis=1)
