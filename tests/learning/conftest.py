"""A stream of two Gaussians, made in memory, that looks to a learner like the one from ROOT files."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.config import Training
from pipeline.stream.rows import Rows
from pipeline.tasks.classification import Settings

CLASSES = {"tt": ("tt",), "hh": ("hh",)}
CLASS_OF = ("tt", "hh")
PARTS = ("training", "validation")


@dataclass(frozen=True)
class ToyStream:
    """Events of class 1 lie one unit to the right in each of five features."""

    training: Training
    n_rows: int = 4000

    def epoch(self, number, part="training"):
        rng = np.random.default_rng([number, part == "validation"])
        labels = self.labels(part)
        for start in range(0, self.n_rows, self.training.batch_size):
            label = labels[start : start + self.training.batch_size]
            features = rng.normal(label[:, np.newaxis], 1.0, size=(len(label), 5)).astype(np.float32)
            yield Rows(
                tensors={"event": features * 10 + 50},
                targets=np.eye(2, dtype=np.float32)[label],
                weight=np.ones(len(label), dtype=np.float32),
                group=label.astype(np.int16),
            )

    @property
    def ledgers(self):
        return {"training": {"selected": self.n_rows}}

    @property
    def n_events(self):
        return {part: dict(Counter(CLASS_OF[label] for label in self.labels(part))) for part in PARTS}

    def labels(self, part):
        return np.random.default_rng(part == "validation").integers(0, 2, self.n_rows)

    def counted(self, part):
        return self.n_events[part]

    def counted_by_class(self, part):
        return dict(self.n_events[part])

    def sample(self):
        return next(self.epoch(0, "validation")).tensors

    def n_batches(self, part="training"):
        return -(-self.n_rows // self.training.batch_size)


@pytest.fixture(scope="session")
def task():
    return Settings(kind="classification", classes=CLASSES, signal="hh")


@pytest.fixture
def toy_stream():
    return ToyStream
