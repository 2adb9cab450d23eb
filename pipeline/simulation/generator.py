"""Pythia 8: a process card and a seed in, batches of events out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from pipeline.errors import InputError, PipelineError
from pipeline.simulation.optional import load_pythia
from pipeline.simulation.particles import flat_particles
from pipeline.statistics.hashing import number_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects
    from pipeline.simulation.cards import Card

# The same for all cards, because classes that differ in them would be told apart by them. Without multiparton
# interactions (MPI) an event takes a quarter of the time.
COMMON_SETTINGS = ("Print:quiet = on", "Beams:eCM = 13000.", "PartonLevel:MPI = off")
LARGEST_PYTHIA_SEED = 900_000_000
MOST_EMPTY_BATCHES = 10


@dataclass(frozen=True, slots=True)
class Generated:
    """A batch: the particles of all its events, and the weight of each event, shape (n_events,)."""

    particles: Objects
    weights: NDArray[np.float64]


class Generator:
    """One Pythia for each variant of a card; the events of the variants alternate."""

    def __init__(self, card: Card, *, seed: int, file_index: int) -> None:
        """Start Pythia with *card* and seeds of its own for this file of the dataset."""
        self.card = card
        self._pythias = [_start(card, variant, seed, file_index) for variant in range(len(card.variants))]
        self._n_done = 0

    def next_batch(self, n_events: int) -> Generated:
        """The next *n_events* events; an event at which Pythia fails is replaced by another."""
        variant = (self._n_done + np.arange(n_events)) % len(self._pythias)
        parts = [_exactly(pythia, int(np.sum(variant == k))) for k, pythia in enumerate(self._pythias)]
        self._n_done += n_events
        order = np.argsort(np.argsort(variant, kind="stable"), kind="stable")
        events = ak.concatenate(parts)[order] if len(parts) > 1 else parts[0]
        return Generated(flat_particles(events.prt, self.card.relabel), np.asarray(events.info.weights[:, 0]))


def seed_for(card: Card, what: str, seed: int, file_index: int) -> int:
    """A 64-bit seed for one use of random numbers, from what names the file."""
    return number_of(f"{card.name}/{what}/{seed}/{file_index}")


def _start(card: Card, variant: int, seed: int, file_index: int) -> Any:
    pythia = load_pythia().Pythia("", False)
    pythia_seed = 1 + seed_for(card, f"pythia{variant}", seed, file_index) % LARGEST_PYTHIA_SEED
    random = ("Random:setSeed = on", f"Random:seed = {pythia_seed}")
    for setting in (*COMMON_SETTINGS, *card.settings_of(variant), *random):
        if not pythia.readString(setting):
            raise InputError(
                f"Pythia does not take the setting {setting!r} of process card {card.name!r}. Expected 'key = value' as in"
                f" its manual. Correct pipeline/simulation/cards/{card.name}.yaml."
            )
    if not pythia.init():
        raise InputError(
            f"Pythia cannot start with process card {card.name!r}. Its messages are above. Correct the card's settings."
        )
    return pythia


def _exactly(pythia: Any, n_events: int) -> Any:
    """*n_events* events, though a batch may come back short; an endless failure is an error."""
    parts: list[Any] = []
    missing, empty = n_events, 0
    while missing > 0 or not parts:
        part = pythia.nextBatch(missing, errorMode="skip")
        parts.append(part)
        missing -= len(part)
        empty = 0 if len(part) else empty + 1
        if missing and empty == MOST_EMPTY_BATCHES:
            raise PipelineError(
                f"Pythia failed at {missing} events {MOST_EMPTY_BATCHES} times in a row. A working card rarely fails."
                " Look at its settings."
            )
    return parts[0] if len(parts) == 1 else ak.concatenate(parts)
