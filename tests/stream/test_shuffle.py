"""Every row goes out once, in an order that does not depend on how it came in."""

from itertools import chain, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics.hashing import mix64
from pipeline.stream.order import interleave
from pipeline.stream.shuffle import Rows, batches

N_ROWS = 500


def rows(index, group=0):
    index = np.asarray(index, dtype=np.int64)
    return Rows(
        place=mix64(index.astype(np.uint64)),
        tensors={"event": index[:, np.newaxis].astype(np.float32)},
        targets=np.zeros((len(index), 2), dtype=np.float32),
        weight=np.ones(len(index), dtype=np.float32),
        group=np.full(len(index), group, dtype=np.int16),
    )


def seen(parts, **settings):
    return [batch.tensors["event"][:, 0].astype(int).tolist() for batch in batches(parts, **settings)]


@given(cuts=st.lists(st.integers(0, N_ROWS), max_size=6), batch_size=st.integers(1, 200))
def test_any_cutting_gives_the_same_batches_when_the_buffer_holds_all(cuts, batch_size):
    edges = [0, *sorted(cuts), N_ROWS]
    parts = [rows(range(a, b)) for a, b in pairwise(edges)]

    whole = seen([rows(range(N_ROWS))], batch_size=batch_size, buffer_bytes=1e9)

    assert whole == seen(parts, batch_size=batch_size, buffer_bytes=1e9)


@given(buffer_rows=st.integers(1, 600), batch_size=st.integers(1, 200))
def test_every_row_goes_out_once_from_any_buffer(buffer_rows, batch_size):
    parts = [rows(range(a, a + 50)) for a in range(0, N_ROWS, 50)]
    one_row = rows([0]).n_bytes

    found = seen(parts, batch_size=batch_size, buffer_bytes=buffer_rows * one_row)

    assert sorted(chain.from_iterable(found)) == list(range(N_ROWS))
    assert all(len(batch) == batch_size for batch in found[:-1])


def test_equal_places_are_ordered_by_dataset():
    parts = [rows(range(10), group=1), rows(range(10), group=0)]

    found = [batch.group.tolist() for batch in batches(parts, batch_size=2, buffer_bytes=1e9)]

    assert found == [[0, 1]] * 10


def test_no_rows_give_no_batches():
    assert seen([], batch_size=4, buffer_bytes=1e9) == []


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
