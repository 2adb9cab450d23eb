"""Dense and recurrent layers over the rows of an event, each followed by batch normalisation."""

from __future__ import annotations

import keras
from keras import ops

# Without a mask and up to so many rows, their steps stand one after the other in the graph: a quarter faster than a loop.
MOST_UNROLLED = 16


def dense_rows(x, mask, units, activations, *, dropout, batch_norm, name):
    """Dense layers on each row, the same for all.

    Args:
        x: shape (batch, n_rows, width).
        mask: which rows count in batch normalisation, bool, shape (batch, n_rows); None for all.
        units: widths of the layers.
        activations: one for each layer, or one name for all.
        dropout: fraction of the outputs of each layer that is dropped in training.
        batch_norm: normalise the outputs of each layer over the batch.
        name: of the layers, a number follows.

    Raises:
        ValueError: there are more or fewer *activations* than *units*.
    """
    each = [activations] * len(units) if isinstance(activations, str) else list(activations)
    if len(each) != len(units):
        raise ValueError(f"{name} has {len(units)} layers and {len(each)} activations; give one for each, or one for all")
    for step, (width, activation) in enumerate(zip(units, each, strict=True), start=1):
        x = keras.layers.Dense(width, activation=activation, name=f"{name}_{step}")(x)
        x = _finished(x, mask, dropout=dropout, batch_norm=batch_norm, name=f"{name}_{step}")
    return x


def recurrent_rows(x, mask, units, *, bidirectional, dropout, batch_norm):
    """LSTM layers along the rows (Hochreiter and Schmidhuber, Neural Computation 9 (1997) 1735), each with all its outputs.

    Args:
        x: shape (batch, n_rows, width).
        mask: rows that are not to be skipped, bool, shape (batch, n_rows); None for all.
        units: widths of the layers; in two directions each gives twice as many numbers.
        bidirectional: both ways (Schuster and Paliwal, IEEE Trans. Signal Process. 45 (1997) 2673), or forward only.
        dropout: fraction of the outputs of each layer that is dropped in training.
        batch_norm: normalise the outputs of each layer over the batch.
    """
    for step, width in enumerate(units, start=1):
        layer = keras.layers.LSTM(
            width, return_sequences=True, unroll=mask is None and x.shape[1] <= MOST_UNROLLED, name=f"lstm_{step}"
        )
        if bidirectional:
            layer = keras.layers.Bidirectional(layer, name=f"blstm_{step}")
        x = layer(x, mask=mask)
        x = _finished(x, mask, dropout=dropout, batch_norm=batch_norm, name=f"lstm_{step}")
    return x


def mean_row(x, mask):
    """The mean of the rows that there are, shape (batch, width); 0 where there is none."""
    weight = ops.expand_dims(mask, -1)
    return ops.sum(x * weight, axis=1) / ops.maximum(ops.sum(weight, axis=1), 1.0)


def _finished(x, mask, *, dropout, batch_norm, name):
    if batch_norm:
        x = keras.layers.BatchNormalization(name=f"batch_norm_{name}")(x, mask=mask)
    if dropout:
        x = keras.layers.Dropout(dropout, name=f"dropout_{name}")(x)
    return x
