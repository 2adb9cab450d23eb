"""Bidirectional LSTM over the objects of an event; with `bidirectional: false` an LSTM."""

from __future__ import annotations

import keras
from keras import ops

from models.layers.heads import answers
from models.layers.recurrent import dense_rows, mean_row, recurrent_rows
from models.layers.rows import input_tensors, rows_of


def build(
    inputs,
    outputs,
    *,
    dense_before=(440,),
    activation_before="relu",
    lstm=(44, 44, 44),
    bidirectional=True,
    dense_after=(320, 90, 30),
    activation_after=("relu", "elu", "elu"),
    dropout=0.0,
    batch_norm=True,
    readout="steps",
) -> keras.Model:
    """Dense layers on each row, LSTM layers along the rows, dense layers on each row: the network of AngryTops.

    The rows are those of `models.layers.rows`: flat collections are the first, and every padded object is one. As it is,
    with a lepton, the missing momentum and five jets of six features, and three coordinates of six objects to be answered,
    this is the published network with its 332,201 parameters.

    Input shape: (batch, n_features) or (batch, max_objects, n_features) for each of *inputs*, and (batch, max_objects) for
    the masks. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, the tensors with their scales (`pipeline.stream.spec.InputSpec`).
        outputs: the heads that are to be answered (`pipeline.stream.spec.OutputSpec`).
        dense_before: widths of the dense layers before the LSTM.
        activation_before: of these layers; one name, or a list.
        lstm: widths of the LSTM layers, in each direction.
        bidirectional: false is the LSTM that only looks back.
        dense_after: widths of the dense layers after the LSTM.
        activation_after: of these layers; one name, or a list.
        dropout: fraction of each layer's outputs that is dropped in training.
        batch_norm: normalise the outputs of each layer over the batch (arXiv:1502.03167).
        readout: `steps`: row i answers for object i, as published; padded rows take part then, as rows of zeros. `mean`: the
            mean of all rows answers for all objects, and padded rows are skipped everywhere.

    Raises:
        ValueError: there are not as many rows as objects, or an option is unknown.

    Source: arXiv:1909.01144 and the authors' code, github.com/IMFardz/AngryTops at 1170529, models.py.
    """
    tensors = input_tensors(inputs)
    rows, mask, places = rows_of(tensors, inputs)
    by_step = _reads_steps(outputs, rows.shape[1], readout)
    used = None if by_step else ops.cast(mask, "bool")
    finish = {"dropout": dropout, "batch_norm": batch_norm}
    x = dense_rows(rows, used, dense_before, activation_before, name="dense_before", **finish)
    x = recurrent_rows(x, used, lstm, bidirectional=bidirectional, **finish)
    x = dense_rows(x, used, dense_after, activation_after, name="dense_after", **finish)
    output = answers(
        outputs,
        summary=lambda: mean_row(x, mask),
        objects={name: (x[:, place], mask[:, place]) for name, place in places.items()},
        rows=x if by_step else None,
    )
    return keras.Model(tensors, output, name="blstm")


def _reads_steps(outputs, n_rows, readout):
    """Whether each row answers for an object."""
    if readout not in ("steps", "mean"):
        raise ValueError(f"readout is {readout!r}; choose steps or mean")
    momenta = outputs.head("momenta")
    if readout == "mean" or momenta is None:
        return False
    n_objects = len(momenta[0].rows)
    if n_objects != n_rows:
        raise ValueError(
            f"readout: steps needs as many rows as objects, and there are {n_rows} rows for {n_objects} objects;"
            " choose readout: mean, or another max_objects"
        )
    return True
