"""What a model is trained on: batches of one fold's training or validation events, straight from ROOT files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import PipelineError
from pipeline.events.ledger import Ledger
from pipeline.statistics.hashing import fold_of, salted
from pipeline.stream.augment import turned_inputs, turned_truth, turns_of
from pipeline.stream.cache import usual_cache
from pipeline.stream.flattening import FlatBins
from pipeline.stream.kinds.kind import finished_all
from pipeline.stream.model_weights import by_class
from pipeline.stream.order import interleave
from pipeline.stream.pool import Pool
from pipeline.stream.read_ahead import ChunkMaker, ReadAhead
from pipeline.stream.rows import Piece
from pipeline.stream.shuffle import batches
from pipeline.stream.truth import of_events
from pipeline.stream.validation import Part, is_learned, is_validation
from pipeline.stream.weights import apply_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis, Training
    from pipeline.events.plan import Plan, Range
    from pipeline.scale.workers import Workers
    from pipeline.stream.cache import ChunkCache
    from pipeline.stream.chunk import Chunk
    from pipeline.stream.rows import Rows, Tensors

SAMPLE_EVENTS = 1024


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
        n_events: for `training` and `validation`, the events of each dataset that an epoch must hold.
        scratch: where built chunks are kept.
        workers: they build chunks beside this process; None builds them here.
        flat: by class, a factor besides, by bin of `training.flatten`, shape (n_bins,); empty without it.
        seed: of order, shuffle and augmentation; None for that of the analysis.
        failed: gets the ledger of an epoch that fails, with its number and part.
    """

    analysis: Analysis
    plan: Plan
    inputs: str
    fold: int
    training: Training
    factors: Mapping[str, float]
    n_events: Mapping[Part, Mapping[str, int]]
    scratch: ChunkCache = field(default_factory=usual_cache)
    workers: Workers | None = None
    flat: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    seed: int | None = None
    failed: dict[str, Any] = field(default_factory=dict)
    # The ledger of the last complete epoch of each part.
    ledgers: dict[Part, Any] = field(default_factory=dict)
    _checked: set[Range | str] = field(default_factory=set)

    @property
    def _seed(self) -> int:
        return self.analysis.seed if self.seed is None else self.seed

    def n_batches(self, part: Part = "training") -> int:
        """Batches of an epoch."""
        return -(-sum(self.n_events[part].values()) // self.training.batch_size)

    def counted(self, part: Part) -> dict[str, int]:
        """By dataset, the events that the last complete epoch held, from its ledger."""
        return {name: totals["selected"] for name, totals in self.ledgers[part]["datasets"].items()}

    def counted_by_class(self, part: Part) -> dict[str, int]:
        """By class, the events that the last complete epoch held."""
        return by_class(self.analysis, self.counted(part))

    def sample(self) -> Tensors:
        """Inputs of some events, of whatever fold: what the tensors look like, without beginning an epoch.

        Raises:
            PipelineError: there is no event.
        """
        for part in self.plan.ranges(self.factors):
            chunk = self._maker(part, inputs=self.inputs)
            if len(chunk):
                kept = {name: np.array(tensor[:SAMPLE_EVENTS]) for name, tensor in chunk.tensors[self.inputs].items()}
                return finished_all(self.analysis.inputs[self.inputs], kept)
        raise PipelineError("No event is selected. Expected those of summary.json. Run summarise again.")

    def epoch(self, number: int, part: Part = "training") -> Iterator[Rows]:
        """The batches of one epoch: each selected event of *part* once.

        They depend on the seed, *number* and the plan alone, not on workers, cache or timing. Before the last batch goes
        out, every range is accounted for in `ledgers`.

        Raises:
            PipelineError: a dataset has more or fewer events than `n_events` says.
        """
        order = interleave(
            {name: [(r, r.entries) for r in self.plan.ranges([name])] for name in self.factors},
            seed=self._seed,
            epoch=number,
        )
        chunks = ReadAhead(self._maker, self.inputs, order, workers=self.workers, checked=self._checked)
        ledger, pools = Ledger(self.plan, self.factors), []
        for name in self.factors:
            pieces = self._pieces(chunks, [one for one in order if one.dataset == name], number, part, ledger)
            pools.append(Pool(name, pieces, self.n_events[part][name]))

        def account() -> None:
            ledger.close()
            self.ledgers[part] = ledger.to_json()

        kept = batches(
            pools,
            batch_size=self.training.batch_size,
            buffer_bytes=self.training.shuffle_buffer_mb * 1e6,
            seed=(self._seed, number),
            at_end=account,
        )
        try:
            yield from map(self._finished, kept)  # a loop would hold the last batch
        except Exception:
            self.failed.update(epoch=number + 1, part=part, **ledger.to_json())
            raise

    def _finished(self, rows: Rows) -> Rows:
        """A batch as a model takes it, which may be much larger than what is kept."""
        return replace(rows, tensors=finished_all(self.analysis.inputs[self.inputs], rows.tensors))

    def _pieces(self, chunks: ReadAhead, ranges: list[Range], epoch: int, wanted: Part, ledger: Ledger) -> Iterator[Piece]:
        for part, chunk in ledger.each(ranges, map(chunks.get, ranges)):
            with ledger.at(part):
                piece = self._piece(chunk, part.dataset, epoch, wanted)
            del chunk  # the piece knows what it needs of it
            yield piece
            ledger.done(part, n_selected=len(piece))

    def _piece(self, chunk: Chunk, dataset: str, epoch: int, wanted: Part) -> Piece:
        held_out, fraction = self.training.validation_fraction, self.training.fraction
        learned = wanted == "training"
        chosen = is_learned(chunk.keys, held_out, fraction) if learned else is_validation(chunk.keys, held_out)
        index = np.flatnonzero((fold_of(chunk.keys, self.analysis.folds) != self.fold) & chosen)
        keys, task = np.asarray(chunk.keys)[index], self.analysis.task
        source, place, truth = chunk.tensors[self.inputs], index, of_events(chunk.targets, index)
        if task.augment and learned:
            turns = turns_of(task.augment, keys, seed=self._seed, epoch=epoch)
            source = turned_inputs(of_events(source, index), self.analysis.inputs[self.inputs], turns)
            place, truth = np.arange(len(index)), turned_truth(truth, task.truth.objects, turns)
        return Piece(
            place=salted(keys, f"{dataset}:{self._seed}:{epoch}"),
            source=source,
            index=place,
            targets=task.targets(self.analysis.class_of(dataset), len(index), truth),
            weight=self._weight(chunk, index, dataset),
            group=list(self.factors).index(dataset),
        )

    def _weight(self, chunk: Chunk, index: NDArray[np.int64], dataset: str) -> NDArray[np.float32]:
        weight = apply_policy(chunk.weight[index], self.training.negative_weights) * self.factors[dataset]
        if self.training.flatten is not None:
            bins = chunk.bins[FlatBins.of(self.training.flatten).name][index]
            weight = weight * self.flat[str(self.analysis.class_of(dataset))][bins]
        return weight.astype(np.float32)

    @cached_property
    def _maker(self) -> ChunkMaker:
        return ChunkMaker.of(self.analysis, self.scratch)
