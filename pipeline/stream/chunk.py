"""What the selected events of a range look like to a network: tensors, targets, weights and the events' hashes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError
from pipeline.inputs import source_of
from pipeline.statistics.hashing import event_hash
from pipeline.stream.flattening import bins_of_models
from pipeline.stream.given import Given, check_shape, not_finite
from pipeline.stream.kinds.kind import kind_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis, Collection
    from pipeline.physics.selected import Selected
    from pipeline.stream.rows import Tensors


@dataclass(frozen=True, slots=True)
class Chunk:
    """The selected events of one range.

    Args:
        keys: hash of each event's name, shape (n_events,); decides its fold and its place in the shuffle.
        weight: event weight, shape (n_events,).
        tensors: by input set and tensor, as they are kept (`pipeline/stream/kinds`), shape (n_events, ...).
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
    check_shape("the weight", selected.weight, len(selected))
    chunk = Chunk(
        keys=event_hash(ids.run, ids.luminosity_block, ids.event),
        weight=np.asarray(selected.weight, dtype=np.float64),
        tensors={name: build_inputs(selected, collections, place=place) for name, collections in analysis.inputs.items()},
        targets={name: np.asarray(values, dtype=np.float32) for name, values in selected.targets.items()},
        bins={name: bins.index(selected, place=place) for name, bins in bins_of_models(analysis).items() if for_training},
    )
    if not np.isfinite(chunk.weight).all():
        raise InputError(not_finite("weight", chunk.weight, selected, place))
    return chunk


def build_inputs(selected: Selected, collections: Mapping[str, Collection], *, place: str) -> Tensors:
    """The tensors of one input set as they are kept: each kind says which (`pipeline/stream/kinds`)."""
    tensors: Tensors = {}
    for name, collection in collections.items():
        kind = kind_for(collection)
        source = source_of(name, collection)
        given = Given.of(selected, source, kind.reads(collection), jagged=kind.JAGGED, place=place)
        tensors |= kind.stored(name, collection, given)
    return tensors
