"""What a network takes in and gives out: shapes, names and scales, told to `build` of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One tensor of an input set.

    Args:
        name: of the collection; the tensor's name.
        features: in order; the last axis.
        mean: of each feature over the training folds, shape (n_features,).
        spread: standard deviation, shape (n_features,); 1 where a feature is constant.
        max_objects: length of the padded axis; None for a flat collection. A padded one has a second tensor `<name>_mask`.
    """

    name: str
    features: tuple[str, ...]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    max_objects: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Without the batch axis: (n_features,) or (max_objects, n_features)."""
        n_features = len(self.features)
        return (n_features,) if self.max_objects is None else (self.max_objects, n_features)

    @property
    def scale(self) -> NDArray[np.float32]:
        """Factor of `keras.layers.Rescaling`, shape (n_features,)."""
        return np.float32(1) / self.spread

    @property
    def offset(self) -> NDArray[np.float32]:
        """Offset of `keras.layers.Rescaling`, shape (n_features,)."""
        return -self.mean / self.spread


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """The network's last layer: names of its units, in order, and its activation, as the task wants it."""

    names: tuple[str, ...]
    activation: str

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.names)
