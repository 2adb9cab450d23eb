"""What a model is trained on: batches of one fold's training or validation events, straight from ROOT files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.statistics.hashing import fold_of, salted, uniform
from pipeline.stream.cache import ChunkCache, cache_name
from pipeline.stream.chunk import build_chunk
from pipeline.stream.order import interleave
from pipeline.stream.select import processor_digest, select
from pipeline.stream.shuffle import Rows, batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis, Training
    from pipeline.events.plan import Plan, Range
    from pipeline.stream.chunk import Chunk

SCRATCH = Path(".scratch/chunks")
SCRATCH_LIMIT_BYTES = 20e9


def is_validation(keys: NDArray[np.uint64], fraction: float) -> NDArray[np.bool_]:
    """Which events of the training folds are kept for early stopping, shape (n_events,): drawn from the event's name."""
    return uniform(salted(keys, "validation")) < fraction


@dataclass(frozen=True)
class TrainingStream:
    """Batches for the model of one fold: it sees the events of all other folds.

    Args:
        analysis: the whole configuration.
        plan: what is read.
        inputs: name of the input set.
        fold: whose events are never given out.
        training: batch size, buffer, validation fraction.
        factors: by dataset, what its event weights are multiplied with (`pipeline.stream.weights`).
        scratch: where built chunks are kept.
    """

    analysis: Analysis
    plan: Plan
    inputs: str
    fold: int
    training: Training
    factors: Mapping[str, float]
    scratch: ChunkCache = field(default_factory=lambda: ChunkCache(SCRATCH, SCRATCH_LIMIT_BYTES))

    def epoch(self, number: int, part: Literal["training", "validation"] = "training") -> Iterator[Rows]:
        """The batches of one epoch: each selected event of *part* once."""
        ranges = {name: [(r, r.entries) for r in self.plan.ranges([name])] for name in self.factors}
        order = interleave(ranges, seed=self.analysis.seed, epoch=number)
        rows = (self._rows(one, number, part) for one in order)
        return batches(
            (some for some in rows if len(some)),
            batch_size=self.training.batch_size,
            buffer_bytes=self.training.shuffle_buffer_mb * 1e6,
        )

    def counts(self, rows: Rows) -> Counter[str]:
        """How many events of each dataset are in *rows*."""
        names = list(self.factors)
        return Counter({names[group]: int(n) for group, n in zip(*np.unique(rows.group, return_counts=True), strict=True)})

    def _rows(self, part: Range, epoch: int, wanted: str) -> Rows:
        chunk = self._chunk(part)
        validation = is_validation(chunk.keys, self.training.validation_fraction)
        chosen = (fold_of(chunk.keys, self.analysis.folds) != self.fold) & (validation == (wanted == "validation"))
        index = np.flatnonzero(chosen)
        keys = np.asarray(chunk.keys)[index]
        salt = f"{part.dataset}:{self.analysis.seed}:{epoch}"
        name = self.analysis.class_of(part.dataset)
        return Rows(
            place=salted(keys, salt),
            tensors={tensor: values[index] for tensor, values in chunk.tensors[self.inputs].items()},
            targets=self.analysis.task.targets(name, len(index)),
            weight=self._weight(chunk.weight[index], part.dataset),
            group=np.full(len(index), list(self.factors).index(part.dataset), dtype=np.int16),
        )

    def _weight(self, weight: NDArray[np.float64], dataset: str) -> NDArray[np.float32]:
        return (apply_policy(weight, self.training.negative_weights) * self.factors[dataset]).astype(np.float32)

    def _chunk(self, part: Range) -> Chunk:
        return self.scratch.get(cache_name(self.analysis, part, self._code), partial(self._build, part))

    @cached_property
    def _code(self) -> str:
        return processor_digest(self.analysis)

    def _build(self, part: Range) -> Chunk:
        return build_chunk(select(self.analysis, part), self.analysis, place=str(part))


def apply_policy(weight: NDArray[np.float64], policy: Literal["keep", "absolute", "zero"]) -> NDArray[np.float64]:
    """What training does with negative weights: *keep* them, take their *absolute* value, or set them to *zero*."""
    if policy == "absolute":
        return np.abs(weight)
    return np.maximum(weight, 0.0) if policy == "zero" else weight
