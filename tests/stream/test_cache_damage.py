"""A cache may be damaged at any byte: what was is built again, and no chunk changes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.stream.cache import ChunkCache
from tests.stream.chunks import Builder, assert_same, entries, entry

ANY_JSON = st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))


@pytest.fixture
def cache(tmp_path):
    return ChunkCache(tmp_path / "chunks", 1e9)


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


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
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
@given(content=ANY_JSON)
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
