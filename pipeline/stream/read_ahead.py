"""How the chunks of an epoch come: from the scratch cache, or built from ROOT, here or by workers beside the training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.events.reading import check_unchanged
from pipeline.stream.cache import cache_name, made_by
from pipeline.stream.read_chunk import read_chunk
from pipeline.stream.select import processor_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.config import Analysis
    from pipeline.events.plan import Range
    from pipeline.physics.selected import Selected
    from pipeline.scale.workers import Pending, Workers
    from pipeline.stream.cache import ChunkCache
    from pipeline.stream.chunk import Chunk


@dataclass(frozen=True)
class ChunkMaker:
    """Makes the chunk of a range, or finds it in the cache; what a worker is given.

    Args:
        analysis: the whole configuration.
        scratch: the cache.
        code: digest of the processor and all that it uses.
    """

    analysis: Analysis
    scratch: ChunkCache
    code: str

    @classmethod
    def of(cls, analysis: Analysis, scratch: ChunkCache) -> ChunkMaker:
        """With the processor as it is now: whoever works for this maker must run the same."""
        return cls(analysis, scratch, processor_digest(analysis))

    def read(self, part: Range, *, for_training: bool) -> tuple[Selected, Chunk]:
        """The selected events of *part* and what is built from them, from the file."""
        return read_chunk(self.analysis, part, code=self.code, for_training=for_training)

    @cached_property
    def made_by(self) -> str:
        """Digest of what builds a chunk."""
        return made_by(self.analysis, self.code)

    def name(self, part: Range) -> str:
        """What the cache calls the chunk of *part*."""
        return cache_name(self.made_by, part)

    def __call__(self, part: Range, *, inputs: str | None = None, verify: bool = True) -> Chunk:
        """The chunk of *part*, in memory or mapped from the cache; the arguments are those of `ChunkCache.get`."""

        def build() -> Chunk:
            return self.read(part, for_training=True)[1]

        return self.scratch.get(self.name(part), build, inputs=inputs, verify=verify)

    def keep_built(self, part: Range, chunk: Chunk) -> None:
        """Keep what another stage has just built, for training to begin at once."""
        if not self.scratch.holds(self.name(part), chunk):
            self.scratch.keep(self.name(part), chunk)

    def keep(self, part: Range) -> Chunk | None:
        """Build the chunk of *part*; None when it is in the cache, from where another process can map it."""
        chunk = self(part)
        return None if self.scratch.has(self.name(part)) else chunk


class ReadAhead:
    """Chunks in any order, prepared by *workers* about in the order in which they will be wanted.

    Args:
        maker: of chunks.
        inputs: the input set that is needed.
        expected: the ranges in that order.
        workers: None makes each chunk when it is wanted, in this process.
        checked: ranges and paths that this process has had: their chunks are whole, their files are those of the plan.
    """

    def __init__(
        self,
        maker: ChunkMaker,
        inputs: str,
        expected: Iterable[Range],
        *,
        workers: Workers | None,
        checked: set[Range | str],
    ) -> None:
        self._maker, self._inputs, self._workers, self._checked = maker, inputs, workers, checked
        self._expected = iter(expected)
        # By range, what a worker prepares; None for what was found in the cache.
        self._prepared: dict[Range, Pending[Chunk | None] | None] = {}

    def get(self, part: Range) -> Chunk:
        """The chunk of *part*, once.

        Raises:
            InputError: the file cannot be read, or is not the one that was planned, also if its chunk is in the cache.
        """
        pending = self._prepared_one(part)
        if pending is not None:
            chunk = pending.result()
            self._checked |= {part.path, part}  # it was made from the file a moment ago
            if chunk is not None:
                return chunk
        if part.path not in self._checked:
            check_unchanged(part)
        chunk = self._maker(part, inputs=self._inputs, verify=part not in self._checked)
        self._checked |= {part.path, part}
        return chunk

    def _prepared_one(self, part: Range) -> Pending[Chunk | None] | None:
        """What a worker makes of *part*; None when it is to be found in the cache, or made here."""
        if self._workers is None:
            return None
        self._prepare(part, self._workers)
        return self._prepared.pop(part)

    def _prepare(self, part: Range, workers: Workers) -> None:
        while part not in self._prepared or len(self._prepared) < workers.window:
            ahead = next(self._expected, None)
            if ahead is None:
                return
            cached = self._maker.scratch.has(self._maker.name(ahead))
            self._prepared[ahead] = None if cached else workers.submit(self._maker.keep, ahead)
