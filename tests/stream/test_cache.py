"""What a cache keeps, under which name, and what it drops: results stay the same, also when it is full or read-only."""

import logging
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Analysis
from pipeline.events.plan import Range
from pipeline.stream.cache import ChunkCache, cache_name, made_by
from tests.stream.chunks import Builder, assert_same, entries, entry, make_chunk
from tests.toy_analysis import ANALYSIS


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


PART = Range("s", "s.root", "uuid-1", 0, 100)


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
