"""Bidirectional LSTM over the objects of an event, then attention among all rows."""

from __future__ import annotations

import keras
from keras import ops

from models.layers.attention import attention_block
from models.layers.heads import answers
from models.layers.recurrent import dense_rows, mean_row, recurrent_rows
from models.layers.rows import input_tensors, rows_of


def build(
    inputs,
    outputs,
    *,
    dense_before=(128,),
    activation_before="relu",
    lstm=(64, 64),
    bidirectional=True,
    attention=1,
    heads=4,
    dense_after=(128, 64),
    activation_after="relu",
    dropout=0.0,
    batch_norm=True,
) -> keras.Model:
    """The layers of `models/blstm.py` with blocks of attention behind the LSTM: every row sees every other at once.

    Padded rows are skipped by the LSTM, are no part of batch normalisation and are never looked at by attention. The mean
    of the rows answers for all momenta; each object answers for itself in an assignment.

    Input shape: (batch, n_features) or (batch, max_objects, n_features) for each of *inputs*, and (batch, max_objects) for
    the masks. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, the tensors with their scales (`pipeline.stream.spec.InputSpec`).
        outputs: the heads that are to be answered (`pipeline.stream.spec.OutputSpec`).
        dense_before: widths of the dense layers before the LSTM.
        activation_before: of these layers; one name, or a list.
        lstm: widths of the LSTM layers, in each direction.
        bidirectional: false is the LSTM that only looks back.
        attention: number of blocks.
        heads: of the attention; they divide the width of the LSTM's outputs.
        dense_after: widths of the dense layers after the attention.
        activation_after: of these layers; one name, or a list.
        dropout: fraction of each layer's outputs that is dropped in training.
        batch_norm: normalise the outputs of dense and LSTM layers over the batch (arXiv:1502.03167).

    Raises:
        ValueError: *heads* do not divide the width, or an option does not fit.

    Source: rows and LSTM as in arXiv:1909.01144; attention as in Vaswani et al., arXiv:1706.03762, section 3.2.
    """
    tensors = input_tensors(inputs)
    rows, mask, places = rows_of(tensors, inputs)
    used = ops.cast(mask, "bool")
    finish = {"dropout": dropout, "batch_norm": batch_norm}
    x = dense_rows(rows, used, dense_before, activation_before, name="dense_before", **finish)
    x = recurrent_rows(x, used, lstm, bidirectional=bidirectional, **finish)
    for step in range(1, attention + 1):
        x = attention_block(x, x, mask, heads=heads, widen=2, dropout=dropout, name=f"attention_{step}")
    x = dense_rows(x, used, dense_after, activation_after, name="dense_after", **finish)
    output = answers(
        outputs,
        summary=lambda: mean_row(x, mask),
        objects={name: (x[:, place], mask[:, place]) for name, place in places.items()},
    )
    return keras.Model(tensors, output, name="attention_blstm")
