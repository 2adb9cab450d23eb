"""How an event gets its random numbers: from its name, so that neither file layout nor order nor worker count matters."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Constants of splitmix64, Steele, Lea and Flood, doi:10.1145/2660193.2660195, figure 16.
GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)


def mix64(values: ArrayLike) -> NDArray[np.uint64]:
    """Scramble 64-bit integers one to one (splitmix64): every input bit changes each output bit with probability 1/2."""
    mixed = np.atleast_1d(np.asarray(values, dtype=np.uint64)) + GOLDEN_GAMMA
    mixed = (mixed ^ (mixed >> np.uint64(30))) * MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * MIX_2
    return mixed ^ (mixed >> np.uint64(31))


def event_hash(run: ArrayLike, luminosity_block: ArrayLike, event: ArrayLike) -> NDArray[np.uint64]:
    """One 64-bit number for each event's name, shape (n_events,); the same wherever the event is stored."""
    first = mix64(run)
    second = mix64(first ^ np.asarray(luminosity_block, dtype=np.uint64))
    return mix64(second ^ np.asarray(event, dtype=np.uint64))


def salted(keys: NDArray[np.uint64], salt: str) -> NDArray[np.uint64]:
    """*keys* scrambled anew for another use, named by *salt*: independent of the same keys under another salt."""
    return mix64(keys ^ np.uint64(number_of(salt)))


def number_of(text: str) -> int:
    """A 64-bit number for *text*, the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def fold_of(keys: NDArray[np.uint64], folds: int) -> NDArray[np.int64]:
    """The fold of each event, shape (n_events,): its hash modulo the number of folds."""
    return (keys % np.uint64(folds)).astype(np.int64)


def uniform(keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers in [0, 1) from *keys*, shape (n_events,)."""
    return (keys >> np.uint64(11)).astype(np.float64) * 2.0**-53
