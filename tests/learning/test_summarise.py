"""The first pass over all events: the same from any files, and what it does with events that are there twice."""

import json
from dataclasses import replace

import fsspec
import numpy as np
import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.events.planning import make_plan
from pipeline.events.pool import pool
from pipeline.events.reading import UnreadableError
from pipeline.learning.range_summary import read_range
from pipeline.learning.summarise import summarise
from pipeline.statistics.hashing import fold_of
from pipeline.stream.cache import ChunkCache
from pipeline.stream.chunk import build_chunk
from pipeline.stream.read_ahead import ChunkMaker
from pipeline.stream.select import select
from pipeline.stream.summary import Summary
from pipeline.stream.training_stream import TrainingStream
from tests.toy_analysis import ANALYSIS, make_toy, write_events, write_toy

N_EVENTS = 30
N_FILES = 3
ROWS = {"s": range(N_EVENTS), "b": range(N_EVENTS, 2 * N_EVENTS)}
# Where each event goes, and in which order they come there.
LAYOUT = {"where": st.lists(st.integers(0, N_FILES - 1), min_size=N_EVENTS, max_size=N_EVENTS), "seed": st.integers(0, 99)}
LAW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Toy:
    """The toy analysis on files with any of the events; MET tells an event: event e has 10 + e GeV."""

    def __init__(self, folder, columns, new_folder):
        self.folder, self.columns, self.new_folder = folder, columns, new_folder
        self.analysis = load_analysis(folder / "config/toy.yaml")

    def plan(self, files):
        """The plan of *files*: by dataset, the events of each."""
        folder = self.new_folder("files")
        paths = {
            name: [write_events(folder / f"{name}_{i}.root", self.columns, rows, cluster_entries=7) for i, rows in listed]
            for name, listed in ((name, list(enumerate(parts))) for name, parts in files.items())
        }
        return make_plan(self.analysis, paths, reads=["MET_pt"])

    def summary(self, plan, analysis=None):
        """The content of `summary.json`."""
        out = self.new_folder("summary") / "summary.json"
        summarise(analysis or self.analysis, plan, out)
        return json.loads(out.read_text(encoding="utf-8"))

    def keeping(self):
        """The analysis in which numbers may repeat."""
        datasets = {name: d.model_copy(update={"repeated_events": "keep"}) for name, d in self.analysis.datasets.items()}
        return self.analysis.model_copy(update={"datasets": datasets})


@pytest.fixture(scope="module")
def toy(tmp_path_factory, make_nano, nano_events, pytestconfig):
    folder = tmp_path_factory.mktemp("toy")
    make_toy(folder, pytestconfig.rootpath, make_nano)
    # Half of so few events, for each class to have some in both parts of every fold.
    write_toy(folder, reading={"range_entries": 7}, training={"validation_fraction": 0.5})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield Toy(folder, nano_events(2 * N_EVENTS), tmp_path_factory.mktemp)


def laid_out(where, seed):
    """The events of each dataset, shuffled and spread over files by *where*; a file may be empty, but not all."""
    rng = np.random.default_rng(seed)
    order = {name: rng.permutation(rows) for name, rows in ROWS.items()}
    return {
        name: [[row for row in rows.tolist() if where[row % N_EVENTS] == i] for i in range(N_FILES)]
        for name, rows in order.items()
    }


@LAW
@given(**LAYOUT)
def test_any_files_with_the_same_events_give_the_same_summary(where, seed, toy):
    whole = toy.summary(toy.plan({name: [list(rows)] for name, rows in ROWS.items()}))

    found = toy.summary(toy.plan(laid_out(where, seed)))

    for key in ("cutflow", "selected", "folds", "repeated_events", "identical_events"):
        assert whole[key] == found[key]
    assert found["repeated_events"] == {"s": 0, "b": 0}


@LAW
@given(**LAYOUT, copied=st.integers(0, N_EVENTS - 1), further=st.integers(1, N_FILES - 1), dataset=st.sampled_from("sb"))
def test_an_event_that_is_also_in_another_file_is_found_and_both_are_named(where, seed, copied, further, dataset, toy):
    files = laid_out(where, seed)
    here, other = where[copied], (where[copied] + further) % N_FILES
    event = ROWS[dataset][copied]
    files[dataset][other].insert(seed % (len(files[dataset][other]) + 1), event)
    plan = toy.plan(files)
    first, second = sorted((here, other))

    with pytest.raises(
        InputError,
        match=rf"\(1 in '{dataset}'\), such as run 1, luminosity block 1, event {event}, which is in"
        rf" \S*{dataset}_{first}\.root of '{dataset}' and in \S*{dataset}_{second}\.root of '{dataset}'",
    ):
        toy.summary(plan)

    assert toy.summary(plan, toy.keeping())["repeated_events"] == {**{"s": 0, "b": 0}, dataset: 1}


def seen_in_training(toy, analysis, plan, fold):
    """MET of the events that the model of *fold* learns from or stops by."""
    out = toy.new_folder("summary") / "summary.json"
    summarise(analysis, plan, out)
    n_events = Summary.load(out).epoch_counts(fold, analysis.training.validation_fraction)
    stream = TrainingStream(
        analysis,
        plan,
        "all",
        fold,
        analysis.training,
        {"s": 1.0, "b": 1.0},
        n_events,
        scratch=ChunkCache(toy.new_folder("scratch"), 1e9),
    )
    batches = (batch for part in ("training", "validation") for batch in stream.epoch(0, part))
    return {value for batch in batches for value in batch.tensors["event"][:, 0].tolist()}


def scored_by(analysis, plan):
    """By fold, MET of the events that its model scores, as the stage `score` gives them out."""
    scored = {fold: set() for fold in range(analysis.folds)}
    for part in plan.ranges():
        chunk = build_chunk(select(analysis, part), analysis, place=str(part))
        for fold, value in zip(
            fold_of(chunk.keys, analysis.folds).tolist(), chunk.tensors["all"]["event"][:, 0].tolist(), strict=True
        ):
            scored[fold].add(value)
    return scored


@LAW
@given(**LAYOUT, copied=st.sets(st.integers(0, N_EVENTS - 1)))
def test_no_training_event_is_ever_scored_by_a_model_that_saw_it(where, seed, copied, toy):
    """Files split, merged, reordered, and some events copied into the next file."""
    files = laid_out(where, seed)
    for parts in files.values():
        for i, part in enumerate([list(part) for part in parts]):
            parts[(i + 1) % N_FILES] += [row for row in part if row % N_EVENTS in copied]
    analysis = toy.keeping()
    plan = toy.plan(files)

    seen = {fold: seen_in_training(toy, analysis, plan, fold) for fold in range(analysis.folds)}
    scored = scored_by(analysis, plan)

    everything = {10.0 + row for rows in ROWS.values() for row in rows}
    for fold in range(analysis.folds):
        assert scored[fold].isdisjoint(seen[fold])
        assert scored[fold] | seen[fold] == everything


def test_two_workers_find_the_same(toy, tmp_path):
    plan = toy.plan({name: [list(rows)] for name, rows in ROWS.items()})
    for workers in (1, 2):
        summarise(toy.analysis, plan, tmp_path / f"{workers}.json", workers=workers)

    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


class Flaky(LocalFileSystem):
    """Local files at flaky://; the read number `fails_at`, and `times` - 1 after it, find no server."""

    protocol = "flaky"
    cachable = False
    reads, fails_at, times = 0, 0, 0

    def cat_file(self, path, start=None, end=None, **options):
        Flaky.reads += 1
        if Flaky.fails_at <= Flaky.reads < Flaky.fails_at + Flaky.times:
            raise OSError("no route to host")
        return super().cat_file(path, start=start, end=end, **options)

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).removeprefix("flaky://"))


@pytest.fixture
def flaky_part(toy):
    """A range over a network that can be told when to fail."""
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    part = toy.plan({name: [list(rows)] for name, rows in ROWS.items()}).ranges()[0]
    Flaky.reads = Flaky.times = 0
    yield replace(part, path=f"flaky://{part.path}")
    pool().close()


@pytest.fixture
def maker(toy, tmp_path):
    return ChunkMaker.of(toy.analysis, ChunkCache(tmp_path / "cache", 1e9))


def test_a_read_that_fails_once_over_the_network_is_tried_again(maker, flaky_part):
    local = read_range(maker, replace(flaky_part, path=flaky_part.path.removeprefix("flaky://")))
    whole = read_range(maker, flaky_part)
    Flaky.fails_at, Flaky.times = Flaky.reads + 1, 1  # the file is open: the next read is of a column

    again = read_range(maker, flaky_part)

    assert Flaky.reads > Flaky.fails_at
    for found in (whole, again):
        assert (found.summary.cutflow, found.summary.counts) == (local.summary.cutflow, local.summary.counts)
        assert found.keys.tolist() == local.keys.tolist()


def test_a_server_that_is_gone_is_told_and_not_raised(maker, flaky_part):
    read_range(maker, flaky_part)
    Flaky.fails_at, Flaky.times = Flaky.reads + 1, 10**6

    found = read_range(maker, flaky_part)

    assert isinstance(found, UnreadableError)
    assert "s_0.root, entries 0 to 7 of dataset 's', cannot be read" in str(found)
    assert "OSError" in str(found)


def test_numbers_may_repeat_where_the_configuration_says_so(toy, make_nano, tmp_path, monkeypatch, pytestconfig):
    monkeypatch.chdir(tmp_path)
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    make_nano(tmp_path / "s_2.root", 20, first=40)
    section = {"process": "sig", "xsec_pb": 1.0, "files": ["s.root", "s_2.root"]}
    write_toy(tmp_path, datasets={**ANALYSIS["datasets"], "s": {**section, "repeated_events": "keep"}})
    analysis = load_analysis("config/toy.yaml")
    files = {name: list(dataset.files) for name, dataset in analysis.datasets.items()}

    assert toy.summary(make_plan(analysis, files, reads=["MET_pt"]), analysis)["repeated_events"] == {"s": 20, "b": 0}


def test_the_same_events_as_signal_and_as_background_are_warned_of_and_kept(toy, caplog):
    same = toy.summary(toy.plan({"s": [list(ROWS["s"])], "b": [list(ROWS["b"]), list(range(12, 20))]}))

    (found,) = same["identical_events"]
    assert (found["dataset"], found["original"], found["n_events"]) == ("b", "s", 8)
    assert found["path"].endswith("b_1.root")
    assert found["original_path"].endswith("s_0.root")
    assert same["repeated_events"] == {"s": 0, "b": 0}
    assert "8 selected events of 'b' are those of 's' again" in caplog.text


def test_the_same_numbers_with_other_content_are_no_reason_to_warn(toy, caplog, nano_events):
    other = Toy(toy.folder, {**nano_events(2 * N_EVENTS)}, toy.new_folder)
    other.columns["event"] = other.columns["event"] % N_EVENTS

    found = other.summary(other.plan({name: [list(rows)] for name, rows in ROWS.items()}))

    assert found["identical_events"] == []
    assert not caplog.records


def test_nothing_is_left_in_the_scratch_folder(toy):
    files = laid_out([i % N_FILES for i in range(N_EVENTS)], 1)
    files["s"][0] += files["s"][1]
    with pytest.raises(InputError, match=r"there more than once \(10 in 's'\)"):
        toy.summary(toy.plan(files))

    assert list((toy.folder / ".scratch/duplicates").iterdir()) == []


def test_the_summary_of_another_plan_is_refused(toy):
    plan = toy.plan({name: [list(rows)] for name, rows in ROWS.items()})
    summary = Summary(toy.summary(plan))
    other = toy.plan(laid_out([0] * N_EVENTS, 1))

    assert summary.accounted(plan, toy.analysis) == plan
    with pytest.raises(InputError, match=r"made from another plan\.json.* Run the stage 'summarise' again"):
        summary.accounted(other, toy.analysis)
