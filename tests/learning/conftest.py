"""A stream of two Gaussians, made in memory, that looks to a learner like the one from ROOT files."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.config import Training
from pipeline.stream.shuffle import Rows
from pipeline.tasks.classification import Settings

CLASSES = {"tt": ("tt",), "hh": ("hh",)}


@dataclass(frozen=True)
class ToyStream:
    """Events of class 1 lie one unit to the right in each of five features."""

    training: Training
    n_events: int = 4000

    def epoch(self, number, part="training"):
        rng = np.random.default_rng([number, part == "validation"])
        labels = np.random.default_rng(part == "validation").integers(0, 2, self.n_events)
        for start in range(0, self.n_events, self.training.batch_size):
            label = labels[start : start + self.training.batch_size]
            features = rng.normal(label[:, np.newaxis], 1.0, size=(len(label), 5)).astype(np.float32)
            yield Rows(
                place=np.arange(len(label), dtype=np.uint64),
                tensors={"event": features * 10 + 50},
                targets=np.eye(2, dtype=np.float32)[label],
                weight=np.ones(len(label), dtype=np.float32),
                group=label.astype(np.int16),
            )

    def counts(self, rows):
        return Counter({("tt", "hh")[group]: int((rows.group == group).sum()) for group in np.unique(rows.group)})

    def n_by_part(self):
        return {
            part: dict(sum((self.counts(rows) for rows in self.epoch(0, part)), Counter()))
            for part in ("training", "validation")
        }


@pytest.fixture(scope="session")
def task():
    return Settings(kind="classification", classes=CLASSES, signal="hh")


@pytest.fixture
def toy_stream():
    return ToyStream
