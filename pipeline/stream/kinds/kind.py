"""What every kind of collection is asked: the functions that a module of this folder has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pipeline.inputs import kind_of
from pipeline.stream.kinds import flat, image, padded, tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.config import Collection
    from pipeline.stream.given import Given
    from pipeline.stream.rows import Tensors
    from pipeline.stream.spec import InputSpec


class Kind(Protocol):
    """A module of this folder. *name* is always that of the collection in its input set, and of its first tensor."""

    # Whether the features that it reads are lists, one number an object, or one number an event.
    JAGGED: bool

    def reads(self, collection: Any) -> tuple[str, ...]:
        """The features of the processor's collection that it needs."""

    def features(self, collection: Any) -> tuple[str, ...]:
        """What the last axis of its first tensor holds, each with a scale of its own."""

    def stored(self, name: str, collection: Any, given: Given) -> Tensors:
        """The tensors of a chunk as they are kept, each of shape (n_events, ...): small, since they lie in the scratch
        cache and wait in the shuffle buffer.

        Raises:
            InputError: a number is not finite, or something does not fit in.
        """

    def finished(self, name: str, collection: Any, tensors: Tensors) -> Tensors:
        """What a model takes, from the stored *tensors* of a batch, shape (n_events, ...)."""

    def rows(self, name: str, collection: Any, tensors: Tensors) -> tuple[NDArray[np.float32], int]:
        """What the scales are of, from the stored *tensors*: a table without padding, shape (n_rows, n_features), and how
        many rows of zeros there are besides."""

    def spec(self, name: str, collection: Any, scales: Mapping[str, Mapping[str, float]]) -> InputSpec:
        """What is told to `build` of a model, with the *scales* `mean` and `spread` by feature."""


KINDS: dict[str, Kind] = {"flat": flat, "padded": padded, "image": image, "tree": tree}


def kind_for(collection: Collection) -> Kind:
    """The module that makes tensors of *collection*."""
    return KINDS[kind_of(collection)]


def features_of(collection: Collection) -> tuple[str, ...]:
    """What the last axis of the first tensor of *collection* holds."""
    return kind_for(collection).features(collection)


def finished_all(collections: Mapping[str, Collection], tensors: Tensors) -> Tensors:
    """What a model takes that has the input set *collections*, from the stored *tensors* of a batch."""
    finished: Tensors = {}
    for name, collection in collections.items():
        finished |= kind_for(collection).finished(name, collection, tensors)
    return finished
