"""What the processor gives of one collection, and what is said where that does not fit an input set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError, nearest
from pipeline.stream.padding import object_counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.physics.selected import Selected


@dataclass(frozen=True, slots=True)
class Given:
    """Features of one collection, as the processor gave them for the events of a range.

    Args:
        name: of the collection in the processor.
        features: by name, shape (n_events,), or (n_events, var) with the same counts.
        selected: the events.
        place: file and range, for messages.
    """

    name: str
    features: Mapping[str, Any]
    selected: Selected
    place: str

    @classmethod
    def of(cls, selected: Selected, name: str, wanted: tuple[str, ...], *, jagged: bool, place: str) -> Given:
        """The features *wanted* of the collection *name*.

        Raises:
            InputError: the processor does not give one of them, or not one number an event (*jagged*: a list).
        """
        collection = selected.inputs.get(name)
        if collection is None:
            raise InputError(
                f"The processor gives no collection {name!r}. {nearest(name, selected.inputs)} Correct `inputs` in the YAML."
            )
        for feature in wanted:
            if feature not in collection:
                raise InputError(
                    f"The processor gives no feature {name}.{feature}. {nearest(feature, collection)} Correct `inputs` in"
                    " the YAML."
                )
            check_shape(f"{name}.{feature}", collection[feature], len(selected), jagged=jagged)
        given = cls(name, {feature: collection[feature] for feature in wanted}, selected, place)
        if jagged:
            given._check_counts()
        return given

    def __len__(self) -> int:
        return len(self.selected)

    def __getitem__(self, feature: str) -> Any:
        return self.features[feature]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many objects each event has, shape (n_events,)."""
        return object_counts(next(iter(self.features.values())))

    @property
    def event(self) -> NDArray[np.int64]:
        """The row of the event of each object, shape (n_objects,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    def check_finite(self, tensor: NDArray[np.float32], features: tuple[str, ...]) -> None:
        """See that *tensor*, shape (n_events, ..., n_features), holds finite numbers.

        Raises:
            InputError: one is not; names the feature and the event.
        """
        if np.isfinite(tensor).all():
            return
        finite = np.isfinite(tensor).all(axis=tuple(range(tensor.ndim - 1)))
        column = int(np.flatnonzero(~finite)[0])
        raise InputError(not_finite(f"input {self.name}.{features[column]}", tensor[..., column], self.selected, self.place))

    def check_objects(self, columns: Mapping[str, NDArray[np.float32]]) -> None:
        """See that *columns*, by feature, each of shape (n_objects,), hold finite numbers.

        Raises:
            InputError: one is not; names the feature and the event.
        """
        for feature, values in columns.items():
            bad = np.flatnonzero(~np.isfinite(values))
            if len(bad):
                raise InputError(
                    f"The input {self.name}.{feature} is {values[bad[0]]} for {self.event_name(int(self.event[bad[0]]))}."
                    " Expected finite numbers. Give such objects a defined value, or drop them, in the processor."
                )

    def event_name(self, row: int) -> str:
        """What the event *row* is called, and where it lies, for messages."""
        return f"{event_name(self.selected, row)} in {self.place}"

    def _check_counts(self) -> None:
        """See that all features are of the same objects."""
        (first, expected), *others = ((feature, object_counts(self[feature])) for feature in sorted(self.features))
        for feature, counts in others:
            if not np.array_equal(counts, expected):
                row = int(np.flatnonzero(counts != expected)[0])
                raise InputError(
                    f"Collection {self.name!r} has {expected[row]} of {self.name}.{first} and {counts[row]} of"
                    f" {self.name}.{feature} for {self.event_name(row)}. Expected one of each for every object. Select the"
                    " same objects for both in the processor."
                )


def check_shape(what: str, values: Any, n_events: int, *, jagged: bool = False) -> None:
    """See that there is one number an event, or one list.

    Raises:
        InputError: there is not.
    """
    n_dimensions = values.ndim if hasattr(values, "ndim") else np.ndim(values)
    if len(values) != n_events or n_dimensions != 1 + jagged:
        raise InputError(
            f"The processor gives {what} with {len(values)} entries in {n_dimensions} dimensions, for {n_events} selected"
            f" events. Expected {'a list' if jagged else 'one number'} an event. Correct it in the processor."
        )


def not_finite(what: str, values: NDArray[Any], selected: Selected, place: str) -> str:
    """The message on the first of *values*, shape (n_events, ...), that is not finite."""
    bad = np.argwhere(~np.isfinite(values))[0]
    return (
        f"The {what} is {values[tuple(bad)]} for {event_name(selected, int(bad[0]))} in {place}. Expected finite numbers."
        " Give such events a defined value, or cut them, in the processor."
    )


def event_name(selected: Selected, row: int) -> str:
    """What names the event in CMS."""
    ids = selected.ids
    return f"run {ids.run[row]}, luminosity block {ids.luminosity_block[row]}, event {ids.event[row]}"
