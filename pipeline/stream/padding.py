"""How jagged collections become tensors: by offset arithmetic, with a mask from counts and never from a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from pipeline.physics.groups import starts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Sequence


def pad(collection: Mapping[str, Any], sequence: Sequence) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The objects of each event as a tensor of fixed length.

    Args:
        collection: by feature, jagged arrays of shape (n_events, var); all of the same counts.
        sequence: which features, how many objects, and by which feature they are ordered.

    Returns:
        The tensor, shape (n_events, max_objects, n_features), 0 where there is no object, and the mask, shape
        (n_events, max_objects), 1 where there is one. More objects than `max_objects` are cut off after ordering.
    """
    counts = object_counts(collection[sequence.features[0]])
    n_objects, n_features = int(counts.sum()), len(sequence.features)
    # A row of zeros behind the last object, for the slots where there is none.
    objects = np.zeros((n_objects + 1, n_features), dtype=np.float32)
    for position, feature in enumerate(sequence.features):
        objects[:n_objects, position] = _flat(collection[feature], n_objects)
    if sequence.order_by is not None:
        objects[:n_objects] = objects[_descending(_flat(collection[sequence.order_by], n_objects), counts)]

    slot = np.arange(sequence.max_objects)
    mask = slot < counts[:, np.newaxis]
    row = np.where(mask, starts_of(counts)[:, np.newaxis] + slot, n_objects)
    tensor = np.empty((*row.shape, n_features), dtype=np.float32)
    # One gather of whole rows: four times as fast as an assignment to (event, slot, feature).
    np.take(objects, row, axis=0, out=tensor, mode="clip")
    return tensor, mask.astype(np.float32)


def _flat(jagged: Any, n_objects: int) -> NDArray[np.float32]:
    flat = numbers(ak.flatten(jagged, axis=1))
    if len(flat) != n_objects:
        raise ValueError(f"features of one collection have different counts: {len(flat)} and {n_objects}")
    return flat


def object_counts(jagged: Any) -> NDArray[np.int64]:
    """How many objects each event has, shape (n_events,)."""
    counts: NDArray[np.int64] = ak.to_numpy(ak.num(jagged, axis=1), allow_missing=False).astype(np.int64)
    return counts


def numbers(values: Any) -> NDArray[np.float32]:
    """Flat *values* as float32: nan where one is missing, infinite where one is too large."""
    with np.errstate(over="ignore"):
        if type(values) is np.ndarray:
            return values.astype(np.float32, copy=False)
        converted = np.ma.asarray(ak.to_numpy(values)).astype(np.float32)
    filled: NDArray[np.float32] = np.ma.filled(converted, np.nan)
    return filled


def _descending(key: NDArray[np.float32], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions that order *key* from high to low within each event; equal ones stay in their order."""
    event = np.repeat(np.arange(len(counts)), counts)
    return np.lexsort((-key, event))
