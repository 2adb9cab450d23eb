"""What a network of objects answers: the heads of a task, one behind the other, from a summary and from each object."""

from __future__ import annotations

from functools import cache

import keras
from keras import ops

# Less than any score, and far from the largest number: a sum of some of them is finite.
FAR_BELOW = 1e9


def answers(outputs, *, summary, objects, rows=None):
    """All outputs, shape (batch, n_outputs).

    Args:
        outputs: what is asked for (`pipeline.stream.spec.OutputSpec`).
        summary: function of no arguments that gives the event as a vector, shape (batch, width).
        objects: by padded collection, what is known of each object and which there are, shapes (batch, max_objects, width)
            and (batch, max_objects).
        rows: what is known of each row of the momenta, shape (batch, n_rows, width); None takes the summary for all.

    Raises:
        ValueError: a head ranges over a collection that is not among the inputs.
    """
    if not outputs.heads:
        return keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(summary())
    parts, summary = [], cache(summary)
    for head in outputs.heads:
        if head.collection is not None:
            parts.append(_over_objects(head, objects))
        elif rows is not None and len(head.rows) == rows.shape[1]:
            each = keras.layers.Dense(len(head.columns), activation=head.activation, name=head.name)(rows)
            parts.append(ops.reshape(each, (-1, head.size)))
        else:
            parts.append(_of_summary(head, summary()))
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)


def _of_summary(head, summary):
    table = keras.layers.Dense(head.size, name=head.name)(summary)
    if head.activation == "linear":
        return table
    table = keras.layers.Activation(head.activation)(ops.reshape(table, (-1, *head.shape)))
    return ops.reshape(table, (-1, head.size))


def _over_objects(head, objects):
    """For each row of *head*, the probability of each object; 0 for padding, also where there is no object at all."""
    if head.collection not in objects:
        raise ValueError(
            f"head {head.name!r} asks for objects of {head.collection!r}, which is no padded collection of these inputs"
        )
    each, mask = objects[head.collection]
    mask = ops.expand_dims(mask, 1)  # (event, row, object)
    scores = ops.transpose(keras.layers.Dense(len(head.rows), name=head.name)(each), (0, 2, 1))
    probabilities = ops.softmax(scores - (1 - mask) * FAR_BELOW, axis=-1) * mask
    return ops.reshape(probabilities, (-1, head.size))
