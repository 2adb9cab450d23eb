"""Attention: rows ask other rows, of which some are padding; and one block of a transformer with it."""

from __future__ import annotations

import keras
from keras import ops

# Added to the score of padding: its weight is then exactly 0.
NEVER = -1e9


def attention_block(x, others, mask, *, heads, widen, dropout, name):
    """What *x* becomes after it has looked at *others*: attention, then two dense layers, each added to what was there.

    Normalised before each part, so that deep stacks train without a warm-up (Xiong et al., arXiv:2002.04745, fig. 1b).

    Args:
        x: shape (batch, n_rows, width).
        others: shape (batch, n_others, width); *x* itself for self-attention.
        mask: 1 for those of *others* that there are, shape (batch, n_others).
        heads: they divide the width.
        widen: the inner dense layer is so many times as wide.
        dropout: fraction that is dropped in training, of each part.
        name: of the layers.

    Raises:
        ValueError: *heads* do not divide the width.

    Source: Vaswani et al., arXiv:1706.03762, sections 3.1 to 3.3.
    """
    width = x.shape[-1]
    if width % heads:
        raise ValueError(f"{heads} heads do not divide the width {width}; choose a width that is a multiple of them")
    norm = keras.layers.LayerNormalization(name=f"{name}_norm")
    asked = norm(x)
    known = asked if others is x else keras.layers.LayerNormalization(name=f"{name}_norm_others")(others)
    bias = NEVER * (1 - ops.expand_dims(ops.expand_dims(mask, 1), 1))
    seen = attended(asked, known, bias, heads=heads, dropout=dropout, name=name)
    x = x + keras.layers.Dense(width, name=f"{name}_output")(seen)
    inner = keras.layers.LayerNormalization(name=f"{name}_norm_dense")(x)
    inner = keras.layers.Dense(widen * width, activation="gelu", name=f"{name}_dense_1")(inner)
    inner = keras.layers.Dense(width, name=f"{name}_dense_2")(inner)
    return x + (keras.layers.Dropout(dropout)(inner) if dropout else inner)


def attended(queries, keys, bias, *, heads, dropout, name):
    """What each of the *queries* finds among the *keys*, the answers of all heads side by side.

    Written with matrix products: `keras.layers.MultiHeadAttention` takes three times as long for a few rows on a CPU.

    Args:
        queries: shape (batch, n_queries, width).
        keys: shape (batch, n_keys, width).
        bias: added to the scores, shape (batch, 1 or heads, 1 or n_queries, n_keys); `NEVER` for padding.
        heads: they divide the width.
        dropout: fraction of the weights that is dropped in training.
        name: of the layers.

    Returns:
        Shape (batch, n_queries, width), before the dense layer that mixes the heads.
    """
    width = queries.shape[-1]
    query, key, value = (
        _by_head(keras.layers.Dense(width, name=f"{name}_{part}")(x), heads)
        for part, x in (("query", queries), ("key", keys), ("value", keys))
    )
    scores = ops.matmul(query * (width // heads) ** -0.5, ops.transpose(key, (0, 1, 3, 2))) + bias
    # Keras warns of a softmax over one number.
    weights = ops.softmax(scores, axis=-1) if keys.shape[1] > 1 else ops.ones_like(scores)
    if dropout:
        weights = keras.layers.Dropout(dropout, name=f"{name}_weights_dropout")(weights)
    return ops.reshape(ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3)), (-1, queries.shape[1], width))


def _by_head(x, heads):
    """(batch, n, width) as (batch, heads, n, width / heads)."""
    n, width = x.shape[1:]
    return ops.transpose(ops.reshape(x, (-1, n, heads, width // heads)), (0, 2, 1, 3))
