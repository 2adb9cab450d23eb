"""How a training that was killed goes on: its state, kept now and then, and used again by the same training only."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError
from pipeline.learning.learner import Epoch
from pipeline.statistics.npz import load_arrays, save_arrays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

log = logging.getLogger(__name__)
SECONDS_BETWEEN = 30.0


@dataclass(frozen=True, slots=True)
class State:
    """A training after *batch* batches of *epoch*.

    Args:
        epoch: counted from 0: how many are complete.
        batch: batches of the next one that are done.
        history: of the complete epochs.
        ledgers: of the stream, when the last of these was complete.
        arrays: whatever the learner needs to go on, by name.
    """

    epoch: int
    batch: int
    history: tuple[Epoch, ...]
    ledgers: Mapping[Any, Any]
    arrays: Mapping[str, NDArray[Any]]


@dataclass
class Checkpoint:
    """A file with the last state of one training.

    Args:
        path: of the file; it is there only while the training is not complete.
        made_by: digest of everything that the training depends on; the state of another one is not used.
        seconds_between: how often the state is written at most.
        clock: seconds, from any beginning.
    """

    path: Path
    made_by: str
    seconds_between: float = SECONDS_BETWEEN
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._begun = self._written = self.clock()
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """How long the training has taken, with its parts before it was killed: what was lost and done again counts once."""
        return self._before + self.clock() - self._begun

    def due(self) -> bool:
        """Whether it is time to save."""
        return self.clock() - self._written >= self.seconds_between

    def save(self, state: State) -> None:
        """Write *state*; without room for it the training goes on and says so."""
        about = {
            "made_by": self.made_by,
            "epoch": state.epoch,
            "batch": state.batch,
            "history": [asdict(row) for row in state.history],
            "ledgers": dict(state.ledgers),
            "seconds": self.seconds,
        }
        try:
            save_arrays(self.path, {"about": np.array(json.dumps(about)), **_prefixed(state.arrays)})
        except OSError as error:
            log.warning("%s cannot be written: %s. Going on; a killed training would begin anew.", self.path, error)
        self._written = self.clock()

    def load(self) -> State | None:
        """The last state; None when there is none, or none of this training."""
        if not self.path.exists():
            return None
        try:
            arrays = load_arrays(self.path)
            about = json.loads(str(arrays.pop("about")))
        except (InputError, KeyError, ValueError):
            log.warning("%s cannot be read. The training begins anew.", self.path)
            return None
        if about["made_by"] != self.made_by:
            log.warning("%s is of a training with other settings, data or code. The training begins anew.", self.path)
            return None
        history = tuple(Epoch(**row) for row in about["history"])
        self._before = float(about["seconds"])
        log.warning("Going on after %d epochs and %d batches, from %s.", about["epoch"], about["batch"], self.path)
        kept = {name.removeprefix("state."): array for name, array in arrays.items()}
        return State(about["epoch"], about["batch"], history, about["ledgers"], kept)

    def remove(self) -> None:
        """The training is complete."""
        self.path.unlink(missing_ok=True)


def numbered(name: str, values: Iterable[Any]) -> dict[str, NDArray[Any]]:
    """Arrays by name and number, as a state keeps them."""
    return {f"{name}.{number}": np.asarray(value) for number, value in enumerate(values)}


def in_order(name: str, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """The inverse of `numbered`.

    >>> in_order("a", numbered("a", [1, 2]) | numbered("b", [3]))
    [array(1), array(2)]
    """
    return [arrays[f"{name}.{number}"] for number in range(sum(key.startswith(f"{name}.") for key in arrays))]


def _prefixed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"state.{name}": array for name, array in arrays.items()}
