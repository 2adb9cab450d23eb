"""In which order a training epoch meets its events: a function of seed, epoch and plan, not of workers or timing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pipeline.statistics.hashing import number_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Item = TypeVar("Item")


def interleave(groups: Mapping[str, Sequence[tuple[Item, int]]], *, seed: int, epoch: int) -> list[Item]:
    """Shuffle each group and mix the groups evenly, so that any stretch of the result holds its share of every group.

    Args:
        groups: by dataset, its ranges with their numbers of entries.

    Returns:
        All items; the place of one is the middle of its entries' share of its group.

    >>> interleave({"a": [("a1", 1), ("a2", 1)], "b": [("b1", 4)]}, seed=1, epoch=0)
    ['a2', 'b1', 'a1']
    """
    placed: list[tuple[float, str, int, Item]] = []
    for name, items in groups.items():
        rng = np.random.default_rng([seed, epoch, number_of(name)])
        order = rng.permutation(len(items))
        entries = np.array([items[i][1] for i in order], dtype=np.float64)
        middles = (np.cumsum(entries) - entries / 2) / max(entries.sum(), 1.0)
        placed += [
            (float(middle), name, step, items[i][0]) for step, (middle, i) in enumerate(zip(middles, order, strict=True))
        ]
    return [item for *_, item in sorted(placed, key=lambda place: place[:3])]
