"""What a network takes in and gives out: shapes, names and scales, told to `build` of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One tensor of an input set.

    Args:
        name: of the collection; the tensor's name.
        features: in order; the last axis.
        mean: of each feature over the training folds, shape (n_features,).
        spread: standard deviation, shape (n_features,); 1 where a feature is constant.
        max_objects: length of the padded axis, for a padded collection; it has a second tensor `<name>_mask`.
        pixels: on each side, for images, whose features are their channels.
        max_leaves: of a tree, which has a second tensor `<name>_steps`, shape (max_leaves - 1, 3).
    """

    name: str
    features: tuple[str, ...]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    max_objects: int | None = None
    pixels: int | None = None
    max_leaves: int | None = None

    @classmethod
    def scaled(
        cls,
        name: str,
        features: tuple[str, ...],
        scales: Mapping[str, Mapping[str, float]],
        *,
        max_objects: int | None = None,
        pixels: int | None = None,
        max_leaves: int | None = None,
    ) -> InputSpec:
        """With the *scales* `mean` and `spread`, by feature."""
        mean, spread = (np.array([scales[kind][one] for one in features], dtype=np.float32) for kind in ("mean", "spread"))
        return cls(name, features, mean, spread, max_objects, pixels, max_leaves)

    @classmethod
    def without_scales(cls, name: str, features: tuple[str, ...], max_objects: int | None = None) -> InputSpec:
        """For what takes its inputs as they are."""
        zeros = np.zeros(len(features), dtype=np.float32)
        return cls(name, features, zeros, zeros + 1, max_objects)

    @property
    def shape(self) -> tuple[int, ...]:
        """Without the batch axis: (n_features,), (max_objects, n_features), (pixels, pixels, n_features), or of a tree
        (2 max_leaves - 1, n_features)."""
        sides = {
            "flat": (),
            "padded": (self.max_objects,),
            "image": (self.pixels, self.pixels),
            "tree": (2 * (self.max_leaves or 0) - 1,),
        }[self.kind]
        return (*(side for side in sides if side is not None), len(self.features))

    @property
    def kind(self) -> str:
        """That of its collection: `flat`, `padded`, `image` or `tree`."""
        if self.max_leaves is not None:
            return "tree"
        if self.pixels is not None:
            return "image"
        return "flat" if self.max_objects is None else "padded"

    @property
    def scale(self) -> NDArray[np.float32]:
        """Factor of `keras.layers.Rescaling`, shape (n_features,)."""
        return np.float32(1) / self.spread

    @property
    def offset(self) -> NDArray[np.float32]:
        """Offset of `keras.layers.Rescaling`, shape (n_features,)."""
        return -self.mean / self.spread


@dataclass(frozen=True, slots=True)
class Head:
    """Some of a network's outputs that belong together: a table of *rows* and *columns*, flattened row by row.

    Args:
        name: what is answered: `classes`, `momenta` or `assignment`.
        rows: what each row is of, for example the objects whose momenta are asked for; one for a plain vector.
        columns: what each column is, for example a coordinate, or the place of an object in *collection*.
        activation: over the columns of a row, as Keras calls it.
        collection: the padded collection that the columns range over; its padding is to be answered with 0.
    """

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    activation: str
    collection: str | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_columns)."""
        return len(self.rows), len(self.columns)

    @property
    def size(self) -> int:
        """Number of outputs."""
        return len(self.rows) * len(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the outputs: `<row>_<column>`."""
        return tuple(f"{row}_{column}" for row in self.rows for column in self.columns)


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """What a model answers, as the task wants it: one tensor, shape (n_events, size).

    Args:
        names: of the outputs, in order.
        activation: of the last layer; `linear` where the *heads* have activations of their own.
        heads: parts of the outputs, one behind the other; empty for a plain vector.
        targets: names of the columns that a batch brings as targets; empty where they are those of the outputs.
        mean: of each output over the training folds, shape (size,); None where outputs are not scaled. A network answers
            in units of *spread* around it: the layer that undoes that is added to what `build` returns.
        spread: standard deviation of each output, shape (size,); 1, with mean 0, for outputs that are not scaled.
    """

    names: tuple[str, ...]
    activation: str
    heads: tuple[Head, ...] = ()
    targets: tuple[str, ...] = ()
    mean: NDArray[np.float32] | None = None
    spread: NDArray[np.float32] | None = None

    @property
    def size(self) -> int:
        """Number of outputs."""
        return len(self.names)

    def head(self, name: str) -> tuple[Head, slice] | None:
        """The head called *name* and its place among the outputs; None if there is none."""
        first = 0
        for head in self.heads:
            if head.name == name:
                return head, slice(first, first + head.size)
            first += head.size
        return None
