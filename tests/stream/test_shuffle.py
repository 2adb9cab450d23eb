"""Every row goes out once, well mixed, in an order that does not depend on how it came in."""

import weakref
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.statistics.hashing import mix64
from pipeline.stream.order import interleave
from pipeline.stream.pool import Pool
from pipeline.stream.rows import Piece
from pipeline.stream.shuffle import SLOT_BYTES, batches, shared_buffer

N_ROWS = 500


def piece(index, group=0):
    """Rows whose only feature is their number."""
    index = np.asarray(index, dtype=np.int64)
    return Piece(
        place=mix64(index.astype(np.uint64)),
        source={"event": np.arange(N_ROWS, dtype=np.float32)[:, np.newaxis]},
        index=index,
        targets=np.zeros((len(index), 2), dtype=np.float32),
        weight=np.ones(len(index), dtype=np.float32),
        group=group,
    )


# The number, two targets, the weight and the dataset; slot and place.
ROW_BYTES = 4 + 8 + 4 + 2 + 16


def pool(pieces, *, name="a", n_rows=N_ROWS):
    return Pool(name, iter(pieces), n_rows)


def drawn(pools, *, batch_size, buffer_rows=10 * N_ROWS, seed=1):
    return batches(pools, batch_size=batch_size, buffer_bytes=buffer_rows * ROW_BYTES, seed=[seed])


def numbers(found):
    return [batch.tensors["event"][:, 0].astype(int).tolist() for batch in found]


@given(cuts=st.lists(st.integers(0, N_ROWS), max_size=6), batch_size=st.integers(1, 200))
def test_any_cutting_gives_the_same_batches_when_the_buffer_holds_all(cuts, batch_size):
    edges = [0, *sorted(cuts), N_ROWS]
    parts = [piece(range(a, b)) for a, b in pairwise(edges)]

    whole = numbers(drawn([pool([piece(range(N_ROWS))])], batch_size=batch_size))

    assert whole == numbers(drawn([pool(parts)], batch_size=batch_size))


@given(buffer_rows=st.integers(1, 600), batch_size=st.integers(1, 200))
def test_every_row_goes_out_once_from_any_buffer(buffer_rows, batch_size):
    pools = [pool([piece(range(a, a + 50), group) for a in range(0, N_ROWS, 50)]) for group in range(2)]

    found = list(drawn(pools, batch_size=batch_size, buffer_rows=buffer_rows))

    for group in range(2):
        mine = [row for batch in found for row in batch.tensors["event"][batch.group == group, 0].tolist()]
        assert sorted(mine) == list(range(N_ROWS))
    assert all(len(batch) == batch_size for batch in found[:-1])


@pytest.mark.parametrize("buffer_rows", [70, 5000])
def test_the_buffer_has_the_size_that_is_given_or_less(buffer_rows):
    pools = [pool([piece(range(n))], n_rows=n) for n in (N_ROWS, N_ROWS // 4)]

    buffer = shared_buffer(pools, buffer_rows * ROW_BYTES)

    assert len(buffer) == min(buffer_rows, N_ROWS + N_ROWS // 4)
    assert buffer.n_bytes + SLOT_BYTES * len(buffer) <= buffer_rows * ROW_BYTES


def test_no_more_is_read_than_fits_into_the_buffer():
    read = []

    def pieces():
        for a in range(0, N_ROWS, 50):
            read.append(a)
            yield piece(range(a, a + 50))

    one = pool(pieces())
    shared_buffer([one], 100 * ROW_BYTES)
    one.draw(10, np.random.default_rng(1))

    assert read == [0, 50]


@pytest.mark.parametrize("buffer_rows", [30, 5000], ids=["small buffer", "all in the buffer"])
def test_a_batch_holds_each_datasets_share_as_if_all_were_shuffled(buffer_rows):
    counts = []
    for seed in range(300):
        pools = [pool([piece(range(n), group)], n_rows=n) for group, n in enumerate((400, 100))]
        found = drawn(pools, batch_size=50, buffer_rows=buffer_rows, seed=seed)
        counts += [(batch.group == 1).sum() for batch in found]

    # Hypergeometric: 50 of 500, 100 of which are wanted: 10 ± 2.69, in 3000 batches.
    assert abs(np.mean(counts) - 10) < 1e-9
    assert np.std(counts) == pytest.approx(np.sqrt(50 * 0.2 * 0.8 * 450 / 499), rel=0.06)


@pytest.mark.parametrize("buffer_rows", [250, 5000], ids=["small buffer", "all in the buffer"])
def test_a_row_comes_in_any_batch_alike(buffer_rows):
    first = np.zeros(N_ROWS)
    for seed in range(400):
        pools = [pool([piece(range(a, a + 50)) for a in range(0, N_ROWS, 50)])]
        first[numbers(drawn(pools, batch_size=100, buffer_rows=buffer_rows, seed=seed))[0]] += 1

    share = first.reshape(10, 50).sum(axis=1) / first.sum()
    # A smaller buffer than all rows favours early pieces at first; ranges come in another order each epoch.
    assert (share[:5] > 0.05).all()
    if buffer_rows > N_ROWS:
        assert np.abs(share - 0.1).max() < 5 * np.sqrt(0.1 / first.sum())


@pytest.mark.parametrize("n_rows", [N_ROWS - 1, N_ROWS + 1, 0], ids=["fewer", "more", "none"])
@pytest.mark.parametrize("buffer_rows", [30, 5000])
def test_another_number_of_rows_than_expected_stops_before_the_last_batch(n_rows, buffer_rows):
    pools = [pool([piece([0])], name="b", n_rows=1), pool([piece(range(N_ROWS))], n_rows=n_rows)]
    seen = []

    with pytest.raises(PipelineError, match=rf"held {N_ROWS} events of dataset 'a'\. Expected {n_rows}, as in summary.json"):
        seen.extend(drawn(pools, batch_size=10, buffer_rows=buffer_rows))

    assert sum(map(len, seen)) < N_ROWS + 1


def test_no_rows_at_all_are_an_error():
    with pytest.raises(PipelineError, match=r"held no events\. Expected those of summary.json"):
        list(drawn([pool([])], batch_size=4))


def test_an_empty_dataset_changes_nothing():
    one = numbers(drawn([pool([piece(range(9))], n_rows=9)], batch_size=4))
    two = drawn([pool([piece(range(9))], n_rows=9), pool([piece([])], name="b", n_rows=0)], batch_size=4)

    assert sorted(chain.from_iterable(numbers(two))) == sorted(chain.from_iterable(one)) == list(range(9))


@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=30), seed=st.integers(0, 1000))
def test_interleaving_keeps_the_share_of_every_group_in_any_stretch(sizes, seed):
    groups = {name: [((name, i), n) for i, n in enumerate(sizes)] for name in ("a", "b")}

    order = interleave(groups, seed=seed, epoch=3)

    assert sorted(order) == sorted(item for items in groups.values() for item, _ in items)
    taken = {"a": 0, "b": 0}
    for name, i in order:
        taken[name] += sizes[i]
        # Both groups are alike, so neither may run ahead by more than its largest items.
        assert abs(taken["a"] - taken["b"]) <= 2 * max(sizes)


def test_another_epoch_has_another_order():
    groups = {"a": [(i, 1) for i in range(100)]}

    assert interleave(groups, seed=1, epoch=0) == interleave(groups, seed=1, epoch=0)
    assert interleave(groups, seed=1, epoch=0) != interleave(groups, seed=1, epoch=1)
    assert interleave(groups, seed=1, epoch=0) != interleave(groups, seed=2, epoch=0)


def test_the_buffer_is_gone_before_the_last_batches_go_out(monkeypatch):
    buffers = []

    def watched(pools, n_bytes):
        buffer = shared_buffer(pools, n_bytes)
        buffers.extend(weakref.ref(array) for array in buffer.arrays())
        return buffer

    monkeypatch.setattr("pipeline.stream.shuffle.shared_buffer", watched)
    pools = [pool([piece(range(N_ROWS), group)]) for group in range(2)]

    found = drawn(pools, batch_size=10)
    next(found)

    assert buffers
    assert [buffer() for buffer in buffers] == [None] * len(buffers)
    assert sum(map(len, found)) == 2 * N_ROWS - 10
