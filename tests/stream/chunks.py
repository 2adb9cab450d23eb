"""Made chunks, how often they are built, and where a cache keeps them."""

import numpy as np

from pipeline.stream.chunk import Chunk


def make_chunk(n_events=3):
    table = np.arange(2 * n_events, dtype=np.float32).reshape(n_events, 2)
    return Chunk(
        keys=np.arange(n_events, dtype=np.uint64),
        weight=np.linspace(-1, 1, n_events),
        tensors={
            "all": {
                "event": table,
                "jets": np.ones((n_events, 4, 2), np.float32),
                "jets_mask": np.ones((n_events, 4), np.float32),
            },
            "few": {"event": table[:, :1]},
        },
        targets={"pt": np.ones((n_events, 1), dtype=np.float32)},
        bins={"0123456789abcdef": np.arange(n_events, dtype=np.int32)},
    )


def assert_same(expected, actual):
    np.testing.assert_array_equal(expected.keys, actual.keys)
    np.testing.assert_array_equal(expected.weight, actual.weight)
    assert {name: set(tensors) for name, tensors in expected.tensors.items()} == {
        name: set(tensors) for name, tensors in actual.tensors.items()
    }
    for name, tensors in expected.tensors.items():
        for tensor, values in tensors.items():
            np.testing.assert_array_equal(values, actual.tensors[name][tensor])
            assert values.dtype == actual.tensors[name][tensor].dtype
    assert set(expected.bins) == set(actual.bins)
    for name, bins in expected.bins.items():
        np.testing.assert_array_equal(bins, actual.bins[name])
    assert set(expected.targets) == set(actual.targets)
    for name, values in expected.targets.items():
        np.testing.assert_array_equal(values, actual.targets[name])


def entries(folder):
    return sorted(path.parent.name for path in folder.rglob("arrays.json"))


def entry(folder, name):
    return folder / name[:2] / name


class Builder:
    """Makes a chunk, and counts how often."""

    def __init__(self, n_events=3):
        self.chunk, self.calls = make_chunk(n_events), 0

    def __call__(self):
        self.calls += 1
        return self.chunk
