"""A disk that is full costs speed and a warning, and leaves nothing half-written."""

import os
import subprocess

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.events.repeated_keys import RepeatedKeys
from pipeline.learning.checkpoint import Checkpoint, State
from pipeline.stream.cache import ChunkCache
from pipeline.stream.chunk import Chunk

SIZE = 1_000_000


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small file system, where it is allowed to")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def chunk(n_events):
    return Chunk(np.arange(n_events, dtype=np.uint64), np.ones(n_events), {"all": {"x": np.ones((n_events, 8), "f4")}}, {})


def test_chunks_that_do_not_fit_are_built_every_time(small_disk, caplog):
    cache, built = ChunkCache(small_disk / "chunks", 1e9), []

    for _ in range(2):
        for name, n_events in (("aa", 5_000), ("bb", 100_000)):
            found = cache.get(name, lambda n=n_events: built.append(n) or chunk(n))
            np.testing.assert_array_equal(found.keys, np.arange(n_events))

    assert built == [5_000, 100_000, 100_000]
    assert "cannot be used" in caplog.text
    assert not list(small_disk.rglob("*.part*"))


def test_a_checkpoint_that_does_not_fit_ends_no_training(small_disk, caplog):
    checkpoint = Checkpoint(small_disk / "c/c.npz", "me")
    checkpoint.save(State(1, 0, (), {}, {"a": np.zeros(10)}))

    checkpoint.save(State(2, 0, (), {}, {"a": np.random.default_rng(1).random(1_000_000)}))

    assert "No space left on device" in caplog.text
    assert checkpoint.load().epoch == 1


def test_keys_that_do_not_fit_say_where_and_what_to_do(small_disk):
    keys = np.random.default_rng(1).integers(0, 2**63, 1_000_000, dtype=np.uint64)

    def add():
        with RepeatedKeys(small_disk) as repeated:
            repeated.add(1, keys)
            list(repeated.repeats())

    with pytest.raises(InputError, match=r"cannot be written: No space left on device\. Expected .* Give it space"):
        add()

    assert list(small_disk.iterdir()) == []
