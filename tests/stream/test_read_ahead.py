"""Who builds the chunks, and from where they come, changes no batch; and no chunk is of a file that is gone."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import uproot

from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.events.planning import make_plan
from pipeline.events.pool import pool
from pipeline.learning.summarise import summarise
from pipeline.scale.local import local_workers
from pipeline.scale.workers import Workers
from pipeline.statistics.hashing import event_hash, fold_of
from pipeline.stream.cache import ChunkCache
from pipeline.stream.read_ahead import ChunkMaker
from pipeline.stream.training_stream import TrainingStream, is_validation
from tests.toy_analysis import make_toy

N_EVENTS = 600


@pytest.fixture
def toy(tmp_path, make_nano, monkeypatch, pytestconfig):
    """Analysis and plan of two files in ranges of 50 events; the folder is the current one."""
    make_toy(tmp_path, pytestconfig.rootpath, make_nano, n_events=N_EVENTS, cluster_entries=50)
    monkeypatch.chdir(tmp_path)
    analysis = load_analysis("config/toy.yaml")
    reading = analysis.reading.model_copy(update={"range_entries": 50})
    analysis = analysis.model_copy(update={"reading": reading})
    yield analysis, make_plan(analysis, {"s": ["s.root"], "b": ["b.root"]}, reads=["MET_pt"])
    pool().close()


def stream(analysis, plan, *, workers=None, cache="cache"):
    keys = event_hash(np.ones(N_EVENTS), 1 + np.arange(N_EVENTS) // 100, np.arange(N_EVENTS))
    keys = keys[fold_of(keys, 2) != 0]
    held_out = int(is_validation(keys, 0.2).sum())
    parts = {"training": len(keys) - held_out, "validation": held_out}
    training = analysis.training.model_copy(update={"batch_size": 16, "shuffle_buffer_mb": 0.005})
    counts = {part: {"s": n, "b": n} for part, n in parts.items()}
    factors = {"s": 1.0, "b": 1.0}
    scratch = ChunkCache(Path(cache).resolve(), 1e9)
    return TrainingStream(analysis, plan, "all", 0, training, factors, counts, scratch=scratch, workers=workers)


def batches(one, epochs=2):
    return [
        (rows.tensors["event"].tolist(), rows.weight.tolist(), rows.group.tolist())
        for epoch in range(epochs)
        for part in ("training", "validation")
        for rows in one.epoch(epoch, part)
    ]


@pytest.mark.parametrize("count", [1, 2, pytest.param(4, marks=pytest.mark.slow)])
def test_any_number_of_workers_gives_the_same_batches(count, toy, tmp_path):
    alone = batches(stream(*toy))

    with local_workers(count, scratch=tmp_path) as workers:
        beside = batches(stream(*toy, workers=workers, cache="other"))

    assert beside == alone


def test_no_worker_is_started_when_all_is_in_the_cache(toy, tmp_path):
    expected = batches(stream(*toy))

    class NoWorkers(Workers):
        def submit(self, function, item):
            raise AssertionError("nothing is left to build")

    assert batches(stream(*toy, workers=NoWorkers(2, nullcontext))) == expected


def test_chunks_come_without_a_cache_as_well(toy, tmp_path, caplog):
    expected = batches(stream(*toy))
    (tmp_path / "file").write_text("no folder can be made below this")

    with local_workers(1, scratch=tmp_path) as workers:
        assert batches(stream(*toy, workers=workers, cache="file/cache"), epochs=1) == expected[: len(expected) // 2]


def test_a_chunk_that_is_removed_in_between_is_built_again(toy, tmp_path):
    expected = batches(stream(*toy))

    with local_workers(1, scratch=tmp_path) as workers:
        one, found = stream(*toy, workers=workers, cache="shrinking"), []
        for epoch in range(2):
            for part in ("training", "validation"):
                for rows in one.epoch(epoch, part):
                    shutil.rmtree("shrinking", ignore_errors=True)
                    found.append((rows.tensors["event"].tolist(), rows.weight.tolist(), rows.group.tolist()))

    assert found == expected


@pytest.mark.parametrize("count", [0, 1], ids=["here", "beside"])
def test_a_file_that_is_replaced_is_noticed_although_its_chunks_are_in_the_cache(count, toy, tmp_path, make_nano):
    batches(stream(*toy))
    make_nano(tmp_path / "b.root", N_EVENTS, cluster_entries=50)

    with (
        local_workers(1, scratch=tmp_path) as workers,
        pytest.raises(InputError, match=r"b\.root changed after the plan was made"),
    ):
        batches(stream(*toy, workers=workers if count else None))


@pytest.mark.parametrize("count", [0, 1], ids=["here", "beside"])
def test_a_processor_that_is_edited_meanwhile_leaves_no_chunk_under_the_wrong_name(count, toy, tmp_path):
    with local_workers(1, scratch=tmp_path) as workers:
        before = stream(*toy, workers=workers if count else None, cache="edited")
        batches(before, epochs=1)  # the processor is loaded
        shutil.rmtree("edited")
        code = tmp_path / "processors/toy.py"
        code.write_text(code.read_text(encoding="utf-8").replace("value = np", "value = 1000 + np"), encoding="utf-8")

        with pytest.raises(InputError, match=r"processors/toy\.py, or code that it uses, was edited while a stage ran"):
            batches(stream(*toy, workers=workers if count else None, cache="edited"))

    assert not list(Path("edited").rglob("*.npy"))


def test_a_file_that_is_updated_in_place_has_other_chunks(toy, tmp_path):
    analysis, plan = toy
    old = batches(stream(*toy), epochs=1)
    with uproot.update(tmp_path / "s.root") as file:  # keeps the UUID
        file["more"] = {"x": np.arange(10)}
    again = make_plan(analysis, {"s": ["s.root"], "b": ["b.root"]}, reads=["MET_pt"])
    assert again.ranges(["s"])[0].uuid == plan.ranges(["s"])[0].uuid
    before = set(Path("cache").rglob("*.npy"))

    assert batches(stream(analysis, again), epochs=1) == old
    assert len(set(Path("cache").rglob("*.npy"))) == len(before) * 3 / 2


def test_summarise_puts_right_what_is_in_the_cache(toy, tmp_path):
    analysis, plan = toy
    expected = batches(stream(*toy))
    wrong = ChunkMaker.of(analysis, ChunkCache(tmp_path / "cache", 1e9))
    chunk = wrong.read(plan.ranges()[1], for_training=True)[1]
    for part in plan.ranges():
        wrong.scratch.keep(wrong.name(part), chunk)

    summarise(analysis, plan, tmp_path / "summary.json", scratch=wrong.scratch)

    assert batches(stream(*toy)) == expected


def test_the_error_of_a_worker_names_the_range(toy, tmp_path):
    analysis, plan = toy
    broken = analysis.model_copy(update={"selection": {"nan_at_met_gev": 70.0}})

    with (
        local_workers(1, scratch=tmp_path) as workers,
        pytest.raises(InputError, match=r"event\.met is nan for run 1.*event 60 in .\.root, entries 50 to 100"),
    ):
        batches(stream(broken, plan, workers=workers))


def test_summarise_leaves_a_cache_that_training_begins_with(toy, tmp_path):
    analysis, plan = toy
    expected = batches(stream(*toy))
    kept = ChunkCache(tmp_path / "kept", 1e9)

    summarise(analysis, plan, tmp_path / "summary.json", scratch=kept)

    names = {path.parent.name for path in kept.folder.rglob("*.npy")}
    assert batches(stream(*toy, cache="kept")) == expected
    assert {path.parent.name for path in kept.folder.rglob("*.npy")} == names
    assert len(names) == 24


def test_every_range_is_in_the_ledger_of_each_part(toy):
    one = stream(*toy)

    batches(one, epochs=1)

    for part, n_events in one.n_events.items():
        ledger = one.ledgers[part]
        assert (ledger["planned"], ledger["done"], ledger["selected"]) == (24, 24, sum(n_events.values()))
