"""How rows are shuffled in a buffer of fixed size and cut into batches that hold every dataset's share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from pipeline.stream.pool import Pool
    from pipeline.stream.rows import Rows

# Rows are drawn in blocks of several batches, for the time that a block takes by itself not to count.
BLOCK_ROWS = 16_384
BLOCK_BYTES = 16e6
# NumPy draws from at most so many.
MOST_DRAWN_FROM = 10**9 - 1
# What a pool remembers of a row beside the row.
SLOT_BYTES = 16


def batches(
    pools: Sequence[Pool],
    *,
    batch_size: int,
    buffer_bytes: float,
    seed: Sequence[int],
    at_end: Callable[[], None] = lambda: None,
) -> Iterator[Rows]:
    """Batches of *batch_size* rows drawn from the *pools*, each row once; the last batch may be smaller.

    How many rows of each pool are in a batch has the distribution of a shuffle of all rows, whatever the buffer: it is drawn
    from the numbers that are left (multivariate hypergeometric).

    Args:
        pools: one a dataset.
        batch_size: in rows.
        buffer_bytes: memory of the buffer; a block of batches is beside it, and the block before it as long as it is in use.
        seed: of the draws.
        at_end: called when all pools are empty, before the last batches go out.

    Raises:
        PipelineError: a pool has more or fewer rows than it should; raised before the last batch goes out.
    """
    rng = np.random.default_rng(seed)
    left = np.array([pool.n_rows for pool in pools], dtype=np.int64)
    buffer = shared_buffer(pools, buffer_bytes)
    block_rows = _block_rows(buffer, batch_size)
    while left.any():
        counts = rng.multivariate_hypergeometric(left // (1 + left.sum() // MOST_DRAWN_FROM), min(block_rows, left.sum()))
        block = _block(pools, counts, buffer, rng)
        left -= counts
        if not left.any():
            for pool in pools:
                pool.close()
            buffer = buffer.empty(0)  # the next epoch may fill its own while these batches go out
            at_end()
        yield from (block.part(slice(start, start + batch_size)) for start in range(0, len(block), batch_size))


def shared_buffer(pools: Sequence[Pool], n_bytes: float) -> Rows:
    """Memory for the waiting rows of all *pools*: as many slots for each as its share of the rows.

    Raises:
        PipelineError: no pool has any row.
    """
    kind = next((kind for kind in (pool.kind() for pool in pools) if kind is not None), None)
    if kind is None:
        raise PipelineError("The epoch held no events. Expected those of summary.json. Run summarise again.")
    n_rows = sum(pool.n_rows for pool in pools)
    fit = n_bytes / (kind.empty(1).n_bytes + SLOT_BYTES)
    # At least one, for an epoch to go on at all.
    slots = [max(1, min(pool.n_rows, int(fit * pool.n_rows / max(1, n_rows)))) for pool in pools]
    buffer = kind.empty(sum(slots))
    for pool, first, n_slots in zip(pools, np.cumsum([0, *slots]).tolist(), slots, strict=False):
        pool.take_place(buffer, first, n_slots)
    return buffer


def _block_rows(buffer: Rows, batch_size: int) -> int:
    """A multiple of *batch_size*."""
    row_bytes = buffer.empty(1).n_bytes
    return max(1, min(BLOCK_ROWS, int(BLOCK_BYTES / row_bytes)) // batch_size) * batch_size


def _block(pools: Sequence[Pool], counts: NDArray[np.int64], buffer: Rows, rng: np.random.Generator) -> Rows:
    """So many rows of each pool, in random order."""
    block = buffer.empty(int(counts.sum()))
    order = np.split(rng.permutation(len(block)), np.cumsum(counts)[:-1])
    while any(map(len, order)):
        drawn = [pool.draw(len(places), rng) if len(places) else places for pool, places in zip(pools, order, strict=True)]
        places = np.concatenate([own[: len(slots)] for own, slots in zip(order, drawn, strict=True)])
        if len(places) == len(block):
            block.copy_from(buffer, np.concatenate(drawn)[np.argsort(places)])
        else:  # a buffer smaller than a block
            part = buffer.empty(len(places))
            part.copy_from(buffer, np.concatenate(drawn))
            for mine, new in zip(block.arrays(), part.arrays(), strict=True):
                mine[places] = new
        order = [own[len(slots) :] for own, slots in zip(order, drawn, strict=True)]
    return block
