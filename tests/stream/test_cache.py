"""A cache may be deleted, damaged or full at any time: results stay the same."""

import json
import logging
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config import Analysis
from pipeline.events.plan import Range
from pipeline.stream.cache import ChunkCache, cache_name, made_by
from pipeline.stream.chunk import Chunk
from tests.toy_analysis import ANALYSIS

PART = Range("s", "s.root", "uuid-1", 0, 100)


ANY_JSON = st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))


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


@pytest.fixture
def cache(tmp_path):
    return ChunkCache(tmp_path / "chunks", 1e9)


@pytest.mark.parametrize("n_events", [0, 1, 3])
def test_the_second_time_nothing_is_built_and_the_chunk_is_the_same(n_events, cache):
    build = Builder(n_events)

    first, second = cache.get("a", build), cache.get("a", build)

    assert build.calls == 1
    assert_same(build.chunk, first)
    assert_same(build.chunk, second)


def test_another_name_is_another_chunk(cache):
    for name, n_events in (("a", 2), ("b", 5), ("a", 2), ("b", 5)):
        assert len(cache.get(name, Builder(n_events))) == n_events


@given(n_events=st.integers(0, 40))
def test_saving_and_loading_is_the_identity(n_events, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chunks")

    ChunkCache(folder, 1e9).get("a", Builder(n_events))
    again = ChunkCache(folder, 1e9).get("a", lambda: pytest.fail("was not kept"))

    assert_same(make_chunk(n_events), again)


def lose(entry):
    (entry / "input.few.event.npy").unlink()


def cut(entry):
    path = entry / "input.all.jets.npy"
    path.write_bytes(path.read_bytes()[:-8])


def cut_header(entry):
    path = entry / "keys.npy"
    path.write_bytes(path.read_bytes()[:20])


def empty(entry):
    (entry / "weight.npy").write_bytes(b"")


def garbage(entry):
    (entry / "weight.npy").write_bytes(b"not an array at all" * 20)


def pickled(entry):
    np.save(entry / "weight.npy", np.array([{}], dtype=object), allow_pickle=True)


def shorten(entry):
    np.save(entry / "weight.npy", np.ones(2))


def flip(entry):
    path = entry / "input.all.event.npy"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def old_form(entry):
    (entry / "arrays.json").write_text('["keys", "weight"]', encoding="utf-8")


def forget(entry):
    (entry / "arrays.json").unlink()


def scribble(entry):
    (entry / "arrays.json").write_text('["keys", ', encoding="utf-8")


def no_folder(entry):
    for path in entry.iterdir():
        path.unlink()
    entry.rmdir()
    entry.write_text("a file", encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [lose, cut, cut_header, empty, garbage, pickled, shorten, flip, old_form, forget, scribble, no_folder],
    ids=lambda f: f.__name__,
)
def test_a_damaged_entry_is_made_again(damage, cache):
    build = Builder()
    cache.get("a", build)
    damage(entry(cache.folder, "a"))

    assert_same(build.chunk, cache.get("a", build))
    assert build.calls == 2
    assert_same(build.chunk, cache.get("a", build))
    assert build.calls == 2


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), inputs=st.sampled_from([None, "all"]))
def test_no_damaged_byte_of_an_entry_changes_the_chunk(data, inputs, tmp_path_factory):
    cache, build = ChunkCache(tmp_path_factory.mktemp("chunks"), 1e9), Builder()
    cache.get("a", build)
    path = data.draw(st.sampled_from(sorted(entry(cache.folder, "a").iterdir())))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)

    found = cache.get("a", build, inputs=inputs)

    assert_same(replace(build.chunk, tensors={name: build.chunk.tensors[name] for name in found.tensors}), found)
    assert "all" in found.tensors


@pytest.mark.parametrize("inputs", [None, "all"])
@given(
    content=st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))
)
def test_no_list_of_arrays_that_is_not_its_own_changes_the_chunk(inputs, content, tmp_path_factory):
    cache, build = ChunkCache(tmp_path_factory.mktemp("chunks"), 1e9), Builder()
    cache.get("a", build)
    (entry(cache.folder, "a") / "arrays.json").write_text(json.dumps(content), encoding="utf-8")

    assert_same(build.chunk, cache.get("a", build, inputs=inputs))


def test_an_entry_is_read_whole_only_when_it_is_verified(cache):
    build = Builder()
    cache.get("a", build)
    flip(entry(cache.folder, "a"))

    cache.get("a", build, verify=False)
    assert build.calls == 1
    assert_same(build.chunk, cache.get("a", build))
    assert build.calls == 2


def test_a_lost_list_of_what_was_used_is_made_again(tmp_path):
    cache = ChunkCache(tmp_path, 1e9)
    for name in ("a", "b"):
        cache.get(name, Builder())
    size = sum(path.stat().st_size for path in entry(tmp_path, "a").iterdir())
    (tmp_path / "usage.txt").unlink()

    ChunkCache(tmp_path, 2.5 * size).get("c", Builder())

    assert len(entries(tmp_path)) == 2


def test_garbage_in_the_list_of_what_was_used_costs_nothing(tmp_path):
    cache = ChunkCache(tmp_path, 1e9)
    cache.get("a", Builder())
    (tmp_path / "usage.txt").write_bytes(bytes(range(256)))

    cache.get("b", Builder())

    assert entries(tmp_path) == ["a", "b"]


def test_what_another_process_writes_is_not_removed(tmp_path):
    (tmp_path / "bb").mkdir()
    (tmp_path / "bb/.bb.part").mkdir()
    (tmp_path / "bb/.bb.part/keys.npy").write_bytes(bytes(10_000))

    ChunkCache(tmp_path, 1.0).get("a", Builder())

    assert (tmp_path / "bb/.bb.part/keys.npy").exists()


def test_an_entry_is_told_from_another_chunk(cache):
    build = Builder()
    cache.get("a", build)

    assert cache.holds("a", build.chunk)
    assert not cache.holds("a", make_chunk(4))
    assert not cache.holds("b", build.chunk)


def test_a_folder_that_cannot_be_written_costs_a_warning_and_no_result(tmp_path, caplog):
    (tmp_path / "file").write_text("", encoding="utf-8")
    cache = ChunkCache(tmp_path / "file/chunks", 1e9)
    build = Builder()

    with caplog.at_level(logging.WARNING):
        chunks = [cache.get("a", build) for _ in range(2)]

    for chunk in chunks:
        assert_same(build.chunk, chunk)
    assert "cannot be used" in caplog.text
    assert "Going on without it" in caplog.text


def test_a_folder_that_can_only_be_read_still_serves(cache, monkeypatch):
    build = Builder()
    cache.get("a", build)

    def refuse(*_args, **_kwargs):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refuse)

    assert_same(build.chunk, cache.get("a", build))
    assert build.calls == 1


def test_an_error_while_building_leaves_nothing(cache):
    def fail():
        raise ZeroDivisionError("in the processor")

    with pytest.raises(ZeroDivisionError, match="in the processor"):
        cache.get("a", fail)

    assert not cache.folder.exists()


def test_a_full_cache_drops_what_was_not_used_for_longest(tmp_path):
    ChunkCache(tmp_path, 1e9).get("a", Builder())
    size = sum(path.stat().st_size for path in entry(tmp_path, "a").iterdir())
    cache = ChunkCache(tmp_path, 3.5 * size)
    for age, name in enumerate(("a", "b", "c")):
        cache.get(name, Builder())
        os.utime(entry(tmp_path, name), (1000 + age, 1000 + age))

    cache.get("a", Builder())  # now the oldest is b
    cache.get("d", Builder())

    assert entries(tmp_path) == ["a", "c", "d"]


def test_a_chunk_larger_than_the_limit_is_kept_alone(tmp_path):
    cache = ChunkCache(tmp_path, 1.0)

    for name in ("a", "b"):
        assert_same(make_chunk(), cache.get(name, Builder()))

    assert entries(tmp_path) == ["b"]


def analysis(**changes):
    return Analysis.model_validate({"name": "toy", **ANALYSIS, **changes})


@pytest.mark.parametrize(
    "part",
    [
        Range("s", "s.root", "uuid-2", 0, 100),
        Range("s", "s.root", "uuid-1", 1, 100),
        Range("s", "s.root", "uuid-1", 0, 99),
        Range("other", "s.root", "uuid-1", 0, 100),
    ],
    ids=["uuid", "start", "stop", "dataset"],
)
def test_another_range_has_another_name(part):
    assert cache_name(made_by(analysis(), "code"), part) != cache_name(made_by(analysis(), "code"), PART)


@pytest.mark.parametrize(
    "changes",
    [
        {"selection": {"met_min_gev": 1.0}},
        {"inputs": {"all": {"event": ["met", "ht"]}}},
        {"inputs": {"all": {"event": ["met"]}, "more": {"event": ["ht"]}}},
        {"training": {"flatten": {"variables": {"met": {"edges": [0.0, 1.0, 2.0]}}}}},
    ],
    ids=["selection", "features", "input set", "flattening"],
)
def test_other_settings_have_another_name(changes):
    assert cache_name(made_by(analysis(**changes), "code"), PART) != cache_name(made_by(analysis(), "code"), PART)


def test_other_code_has_another_name():
    assert cache_name(made_by(analysis(), "other code"), PART) != cache_name(made_by(analysis(), "code"), PART)


@pytest.mark.parametrize(
    "changes",
    [{"title": "Other"}, {"training": {"epochs": 3}}, {"histograms": {}}, {"lumi_inv_fb": 3.0}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_does_not_make_a_chunk_does_not_change_its_name(changes):
    assert cache_name(made_by(analysis(**changes), "code"), PART) == cache_name(made_by(analysis(), "code"), PART)


def test_a_file_that_was_moved_keeps_its_name():
    moved = Range("s", "elsewhere/s.root", "uuid-1", 0, 100)

    assert cache_name(made_by(analysis(), "code"), moved) == cache_name(made_by(analysis(), "code"), PART)
