"""Numbers of the whole event, side by side: (n_events, n_features)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.stream.padding import numbers
from pipeline.stream.spec import InputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.stream.given import Given
    from pipeline.stream.rows import Tensors

JAGGED = False

Features = tuple[str, ...]


def reads(collection: Features) -> Features:
    """All of them."""
    return collection


def features(collection: Features) -> Features:
    """All of them."""
    return collection


def stored(name: str, collection: Features, given: Given) -> Tensors:
    """The columns in order, shape (n_events, n_features)."""
    table = np.empty((len(given), len(collection)), dtype=np.float32)
    for position, feature in enumerate(collection):
        table[:, position] = numbers(given[feature])
    given.check_finite(table, collection)
    return {name: table}


def finished(name: str, collection: Features, tensors: Tensors) -> Tensors:
    """As they are."""
    return {name: tensors[name]}


def rows(name: str, collection: Features, tensors: Tensors) -> tuple[NDArray[np.float32], int]:
    """A row an event."""
    return tensors[name], 0


def spec(name: str, collection: Features, scales: Mapping[str, Mapping[str, float]]) -> InputSpec:
    """Of shape (n_features,)."""
    return InputSpec.scaled(name, collection, scales)
