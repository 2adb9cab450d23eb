"""Objects of the event in a tensor of fixed length, with a mask: (n_events, max_objects, n_features)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from pipeline.errors import InputError
from pipeline.stream.padding import numbers, pad
from pipeline.stream.spec import InputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Sequence
    from pipeline.stream.given import Given
    from pipeline.stream.rows import Tensors

JAGGED = True


def reads(collection: Sequence) -> tuple[str, ...]:
    """The features, and the one by which objects are ordered."""
    return tuple(dict.fromkeys([*collection.features, *([collection.order_by] if collection.order_by else [])]))


def features(collection: Sequence) -> tuple[str, ...]:
    """Those that the configuration lists."""
    return collection.features


def stored(name: str, collection: Sequence, given: Given) -> Tensors:
    """The padded tensor, and the mask `<name>_mask`, shape (n_events, max_objects)."""
    _check_order(collection, given)
    tensor, mask = pad(given.features, collection)
    given.check_finite(tensor, collection.features)
    return {name: tensor, f"{name}_mask": mask}


def finished(name: str, collection: Sequence, tensors: Tensors) -> Tensors:
    """As they are."""
    return {name: tensors[name], f"{name}_mask": tensors[f"{name}_mask"]}


def rows(name: str, collection: Sequence, tensors: Tensors) -> tuple[NDArray[np.float32], int]:
    """A row an object."""
    return tensors[name][tensors[f"{name}_mask"] > 0], 0


def spec(name: str, collection: Sequence, scales: Mapping[str, Mapping[str, float]]) -> InputSpec:
    """Of shape (max_objects, n_features)."""
    return InputSpec.scaled(name, collection.features, scales, max_objects=collection.max_objects)


def _check_order(collection: Sequence, given: Given) -> None:
    """See that objects can be ordered: with NaN, others than the highest would be cut off."""
    if collection.order_by is None:
        return
    key = numbers(ak.flatten(given[collection.order_by], axis=1))
    if np.isnan(key).any():
        row = int(given.event[np.isnan(key)][0])
        raise InputError(
            f"{given.name}.{collection.order_by}, by which the objects of {given.name!r} are ordered, is NaN or missing for"
            f" {given.event_name(row)}. Expected a number for every object. Give such objects a defined value, or drop"
            " them, in the processor."
        )
