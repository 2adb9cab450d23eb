import gc
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events.local_source import LocalSource
from pipeline.events.opening import open_root

SIZE = 1000
CONTENT = np.random.default_rng(1).integers(0, 256, SIZE, dtype=np.uint8).tobytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    made = tmp_path_factory.mktemp("bytes") / "file"
    made.write_bytes(CONTENT)
    return made


@given(ranges=st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(sorted).map(tuple), max_size=5))
def test_every_range_holds_the_bytes_of_the_file(path, ranges):
    notifications = Queue()
    with LocalSource(str(path)) as source:
        chunks = source.chunks(ranges, notifications)
        singly = [source.chunk(start, stop) for start, stop in ranges]

        expected = [CONTENT[start:stop] for start, stop in ranges]
        assert expected == [chunk.raw_data.tobytes() for chunk in chunks]
        assert expected == [chunk.raw_data.tobytes() for chunk in singly]
        assert chunks == [notifications.get_nowait() for _ in ranges]
        assert source.num_requested_bytes == 2 * sum(map(len, expected))


def test_bytes_beyond_the_end_are_an_error_of_what_came(path):
    with LocalSource(str(path)) as source, pytest.raises(OSError, match=r"length 20,\s+received 10 bytes"):
        _ = source.chunk(SIZE - 10, SIZE + 10).raw_data


def test_a_file_replaced_while_it_is_open_is_read_as_it_was(tmp_path):
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(CONTENT)
    other.write_bytes(bytes(2 * SIZE))
    with LocalSource(str(path)) as source:
        other.rename(path)

        assert source.chunk(0, SIZE).raw_data.tobytes() == CONTENT
        assert source.num_bytes == SIZE


def test_a_closed_file_gives_no_bytes(path):
    source = LocalSource(str(path))
    source.close()

    assert source.closed
    with pytest.raises(ValueError, match="closed"):
        source.chunk(0, 1)


def test_a_file_that_nobody_closes_is_closed_with_its_source(path):
    before = open_files()
    source = LocalSource(str(path))
    assert open_files() == before + 1
    del source
    gc.collect()

    assert open_files() == before


def test_local_files_are_read_by_it(tmp_path):
    path = tmp_path / "tree.root"
    with uproot.recreate(path) as file:
        file["Events"] = {"run": np.arange(3)}
    with open_root(str(path)) as file:
        assert isinstance(file.file.source, LocalSource)
        assert file["Events"]["run"].array().tolist() == [0, 1, 2]


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))
