"""One block of a transformer: rows ask other rows, of which some are padding."""

from __future__ import annotations

import keras
from keras import ops


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
    seen = keras.layers.MultiHeadAttention(heads, width // heads, dropout=dropout, name=name)(
        asked, known, attention_mask=ops.expand_dims(ops.cast(mask, "bool"), 1)
    )
    x = x + seen
    inner = keras.layers.LayerNormalization(name=f"{name}_norm_dense")(x)
    inner = keras.layers.Dense(widen * width, activation="gelu", name=f"{name}_dense_1")(inner)
    inner = keras.layers.Dense(width, name=f"{name}_dense_2")(inner)
    return x + (keras.layers.Dropout(dropout)(inner) if dropout else inner)
