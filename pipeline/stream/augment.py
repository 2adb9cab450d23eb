"""Training events under symmetries of the collision: each turned anew in every epoch, its inputs and its truth alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.augmentation import reflect_eta, rotate_phi
from pipeline.statistics.hashing import salted, uniform
from pipeline.stream.kinds.kind import features_of
from pipeline.stream.truth import GIVEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from pipeline.config import Collection
    from pipeline.stream.rows import Tensors

    Columns = dict[str, NDArray[np.float32]]
    Turn = Callable[[Columns], Columns]


def turns_of(names: tuple[str, ...], keys: NDArray[np.uint64], *, seed: int, epoch: int) -> list[Turn]:
    """What the events called *keys* are turned by in one epoch, drawn from their names: it is the same wherever they are.

    Args:
        names: `rotate_phi`, by any angle, or `reflect_eta`, in half of the cases; in this order.
        keys: hash of each event's name, shape (n_events,).
        seed: of the analysis.
        epoch: its number.
    """
    drawn = {name: uniform(salted(keys, f"{name}:{seed}:{epoch}")) for name in names}
    made: dict[str, Turn] = {
        "rotate_phi": lambda columns: rotate_phi(columns, 2 * np.pi * drawn["rotate_phi"]),
        "reflect_eta": lambda columns: reflect_eta(columns, np.where(drawn["reflect_eta"] < 0.5, -1.0, 1.0)),
    }
    return [made[name] for name in names]


def turned_inputs(tensors: Tensors, collections: Mapping[str, Collection], turns: list[Turn]) -> Tensors:
    """The *tensors* of one input set, of the events that *turns* were drawn for; padding stays 0, masks as they are."""
    result = dict(tensors)
    for name, collection in collections.items():
        turned = _turned(tensors[name], features_of(collection), turns)
        mask = tensors.get(f"{name}_mask")
        result[name] = turned if mask is None else turned * mask[..., np.newaxis]
    return result


def turned_truth(truth: Tensors, objects: tuple[str, ...], turns: list[Turn]) -> Tensors:
    """The *truth* of the same events: its four-vectors *objects* turn, all else stays."""
    return {**truth, **{name: _turned(truth[name], GIVEN, turns) for name in objects if name in truth}}


def _turned(table: NDArray[np.float32], names: tuple[str, ...], turns: list[Turn]) -> NDArray[np.float32]:
    columns: Columns = {name: table[..., place] for place, name in enumerate(names)}
    for turn in turns:
        columns = turn(columns)
    return np.stack([columns[name] for name in names], axis=-1).astype(np.float32)
