"""What the selected events of a range look like to a network: tensors, targets, weights and the events' hashes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from pipeline.config import Sequence
from pipeline.errors import InputError, nearest
from pipeline.statistics.hashing import event_hash
from pipeline.stream.flattening import bins_of_models
from pipeline.stream.padding import numbers, object_counts, pad

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis, Collection
    from pipeline.physics.selected import Selected

Tensors = dict[str, "NDArray[np.float32]"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The selected events of one range.

    Args:
        keys: hash of each event's name, shape (n_events,); decides its fold and its place in the shuffle.
        weight: event weight, shape (n_events,).
        tensors: by input set and tensor, shape (n_events, ...).
        targets: by name, shape (n_events, ...); empty for classification.
        bins: by name of the bins (`pipeline.stream.flattening`), the bin of each event, shape (n_events,); empty where no
            model flattens.
    """

    keys: NDArray[np.uint64]
    weight: NDArray[np.float64]
    tensors: Mapping[str, Tensors]
    targets: Tensors
    bins: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)


def build_chunk(selected: Selected, analysis: Analysis, *, place: str, for_training: bool = False) -> Chunk:
    """Build every input set of *analysis* from the *selected* events.

    Args:
        place: file and range, for messages.
        for_training: with the bins in which models flatten.

    Raises:
        InputError: the processor gives no such input or variable, an input is not finite, or an array has the wrong length.
    """
    ids = selected.ids
    _check_shape("the weight", selected.weight, len(selected))
    chunk = Chunk(
        keys=event_hash(ids.run, ids.luminosity_block, ids.event),
        weight=np.asarray(selected.weight, dtype=np.float64),
        tensors={name: build_inputs(selected, collections, place=place) for name, collections in analysis.inputs.items()},
        targets={name: np.asarray(values, dtype=np.float32) for name, values in selected.targets.items()},
        bins={name: bins.index(selected, place=place) for name, bins in bins_of_models(analysis).items() if for_training},
    )
    if not np.isfinite(chunk.weight).all():
        raise InputError(_not_finite("weight", chunk.weight, selected, place))
    return chunk


def build_inputs(selected: Selected, collections: Mapping[str, Collection], *, place: str) -> Tensors:
    """The tensors of one input set; a padded collection gives `<name>` and `<name>_mask`."""
    tensors: Tensors = {}
    for name, collection in collections.items():
        given = selected.inputs.get(name)
        if given is None:
            raise InputError(
                f"The processor gives no collection {name!r}. {nearest(name, selected.inputs)} Correct `inputs` in the YAML."
            )
        features = collection.features if isinstance(collection, Sequence) else collection
        wanted = {*features, *([collection.order_by] if isinstance(collection, Sequence) and collection.order_by else [])}
        for feature in wanted - set(given):
            raise InputError(
                f"The processor gives no feature {name}.{feature}. {nearest(feature, given)} Correct `inputs` in the YAML."
            )
        for feature in wanted:
            _check_shape(f"{name}.{feature}", given[feature], len(selected), jagged=isinstance(collection, Sequence))
        if isinstance(collection, Sequence):
            _check_counts(name, {feature: given[feature] for feature in sorted(wanted)}, selected, place)
            _check_order(name, collection, given, selected, place)
            tensors[name], tensors[f"{name}_mask"] = pad(given, collection)
        else:
            tensors[name] = _columns(given, features, len(selected))
        _check_finite(tensors[name], name, features, selected, place)
    return tensors


def _columns(given: Mapping[str, Any], features: tuple[str, ...], n_events: int) -> NDArray[np.float32]:
    table = np.empty((n_events, len(features)), dtype=np.float32)
    for position, feature in enumerate(features):
        table[:, position] = numbers(given[feature])
    return table


def _check_shape(what: str, values: Any, n_events: int, *, jagged: bool = False) -> None:
    n_dimensions = values.ndim if hasattr(values, "ndim") else np.ndim(values)
    if len(values) != n_events or n_dimensions != 1 + jagged:
        raise InputError(
            f"The processor gives {what} with {len(values)} entries in {n_dimensions} dimensions, for {n_events} selected"
            f" events. Expected {'a list' if jagged else 'one number'} an event. Correct it in the processor."
        )


def _check_counts(name: str, features: Mapping[str, Any], selected: Selected, place: str) -> None:
    """See that all *features* of one collection are of the same objects."""
    (first, expected), *others = ((feature, object_counts(values)) for feature, values in features.items())
    for feature, counts in others:
        if not np.array_equal(counts, expected):
            row = int(np.flatnonzero(counts != expected)[0])
            raise InputError(
                f"Collection {name!r} has {expected[row]} of {name}.{first} and {counts[row]} of {name}.{feature} for"
                f" {_event_name(selected, row)} in {place}. Expected one of each for every object. Select the same objects"
                " for both in the processor."
            )


def _check_order(name: str, collection: Sequence, given: Mapping[str, Any], selected: Selected, place: str) -> None:
    """See that objects can be ordered: with NaN, others than the highest would be cut off."""
    if collection.order_by is None:
        return
    key = numbers(ak.flatten(given[collection.order_by], axis=1))
    if np.isnan(key).any():
        row = int(np.repeat(np.arange(len(selected)), object_counts(given[collection.order_by]))[np.isnan(key)][0])
        raise InputError(
            f"{name}.{collection.order_by}, by which the objects of {name!r} are ordered, is NaN or missing for"
            f" {_event_name(selected, row)} in {place}. Expected a number for every object. Give such objects a defined"
            " value, or drop them, in the processor."
        )


def _check_finite(tensor: NDArray[np.float32], name: str, features: tuple[str, ...], selected: Selected, place: str) -> None:
    if np.isfinite(tensor).all():
        return
    finite = np.isfinite(tensor).all(axis=tuple(range(tensor.ndim - 1)))
    column = int(np.flatnonzero(~finite)[0])
    raise InputError(_not_finite(f"input {name}.{features[column]}", tensor[..., column], selected, place))


def _not_finite(what: str, values: NDArray[Any], selected: Selected, place: str) -> str:
    bad = np.argwhere(~np.isfinite(values))[0]
    return (
        f"The {what} is {values[tuple(bad)]} for {_event_name(selected, int(bad[0]))} in {place}. Expected finite numbers."
        " Give such events a defined value, or cut them, in the processor."
    )


def _event_name(selected: Selected, row: int) -> str:
    ids = selected.ids
    return f"run {ids.run[row]}, luminosity block {ids.luminosity_block[row]}, event {ids.event[row]}"
