"""An event as a sequence of rows: the flat collections together are the first row, each padded object is one more."""

from __future__ import annotations

import keras
from keras import ops


def rows_of(tensors, inputs):
    """The rows of an event, all of the same width, and which of them there are.

    The first row holds the features of all flat collections. It is filled with zeros up to the width of the others, between
    the first collection and the rest: with a lepton (px, py, pz), the missing momentum (pt, φ) and jets of six features this
    is px, py, pz, 0, pt, φ. Objects of fewer features are filled at their end. Padded rows are zero, whatever stands there.

    Args:
        tensors: by name, `keras.Input` of each collection, and `<name>_mask` of padded ones.
        inputs: by name, the collections with their scales (`pipeline.stream.spec.InputSpec`).

    Returns:
        The rows, shape (batch, n_rows, width); the mask, shape (batch, n_rows), 1 where there is a row; and by padded
        collection, which rows hold it, as a slice.
    """
    flat = [spec for spec in inputs.values() if spec.max_objects is None]
    padded = [spec for spec in inputs.values() if spec.max_objects is not None]
    width = max([sum(len(spec.features) for spec in flat), *(len(spec.features) for spec in padded)])
    rows = [_first_row([scaled(tensors[spec.name], spec) for spec in flat], width)] if flat else []
    masks = [ops.ones_like(rows[0][:, :, 0])] if flat else []
    places = {}
    for spec in padded:
        first = sum(row.shape[1] for row in rows)
        places[spec.name] = slice(first, first + spec.max_objects)
        mask = tensors[f"{spec.name}_mask"]
        rows.append(_filled(scaled(tensors[spec.name], spec), width) * ops.expand_dims(mask, -1))
        masks.append(mask)
    return _joined(rows), _joined(masks), places


def scaled(tensor, spec):
    """*tensor* with mean 0 and spread 1 in each feature."""
    return keras.layers.Rescaling(spec.scale, spec.offset, name=f"normalised_{spec.name}")(tensor)


def input_tensors(inputs):
    """By name, the tensors that a model of these *inputs* takes: each collection, and the mask of each padded one."""
    tensors = {}
    for name, spec in inputs.items():
        if spec.kind == "image":
            raise ValueError(f"{name!r} is an image; a network of objects takes lists of features and padded collections")
        tensors[name] = keras.Input(spec.shape, name=name)
        if spec.max_objects is not None:
            tensors[f"{name}_mask"] = keras.Input((spec.max_objects,), name=f"{name}_mask")
    return tensors


def _first_row(collections, width):
    first, *others = collections
    n_missing = width - sum(collection.shape[-1] for collection in collections)
    parts = [first, *([ops.zeros_like(first[:, :1])] * n_missing), *others]
    return ops.expand_dims(_joined(parts), 1)


def _filled(objects, width):
    n_missing = width - objects.shape[-1]
    return ops.pad(objects, ((0, 0), (0, 0), (0, n_missing))) if n_missing else objects


def _joined(parts):
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=1)
