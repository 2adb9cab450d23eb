"""Events that are there twice, on plans without files: which names are compared, and what is said."""

import logging

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.events.duplicates import DuplicateFinder
from pipeline.events.plan import DatasetPlan, Plan, PlannedFile
from pipeline.physics.selected import EventIds
from pipeline.statistics.hashing import event_hash, mix64

# By file, the names (run, luminosity block, event) of its events; each file is one range.
ALONE = {"tt_0": [(1, 1, 1), (1, 1, 2)], "tt_1": [(1, 1, 3)], "hh": [(1, 1, 1), (1, 1, 4)]}
DATA = {"muon": [(7, 1, 1), (7, 2, 1)], "egamma": [(7, 1, 2), (8, 1, 1)]}


def plan_of(files):
    """A dataset of simulation for what is before `_`, of data for the two primary datasets."""
    names = dict.fromkeys(path.partition("_")[0] for path in files)
    datasets = tuple(
        DatasetPlan(
            name,
            name not in DATA,
            tuple(
                PlannedFile(path, "TTree", path, 1, len(ids), (0, len(ids)), len(ids), 1.0, 1.0, "Runs")
                for path, ids in files.items()
                if path.partition("_")[0] == name
            ),
        )
        for name in names
    )
    return Plan("toy", 9, 0, datasets)


def ids_of(names):
    columns = np.array(names, dtype=np.uint64).reshape(-1, 3).T
    return EventIds(columns[0].astype(np.uint32), columns[1].astype(np.uint32), columns[2])


def check(files, scratch, *, keep=()):
    plan = plan_of(files)
    with DuplicateFinder(plan, lambda part: ids_of(files[part.path]), keep=keep, scratch=scratch) as finder:
        for part in plan.ranges():
            ids = ids_of(files[part.path])
            finder.add(part, event_hash(ids.run, ids.luminosity_block, ids.event))
        return finder.check()


def test_two_simulated_datasets_may_use_the_same_numbers(tmp_path):
    assert check(ALONE, tmp_path) == {"tt": 0, "hh": 0}


def test_data_and_simulation_may_use_the_same_numbers(tmp_path):
    assert check({**DATA, "tt": DATA["muon"]}, tmp_path) == {"muon": 0, "egamma": 0, "tt": 0}


def test_an_event_in_two_files_of_a_dataset_is_named_with_both(tmp_path):
    with pytest.raises(
        InputError,
        match=r"^Selected events are there more than once \(1 in 'tt'\), such as run 1, luminosity block 1, event 2, which"
        r" is in tt_0 of 'tt' and in tt_1 of 'tt'\. Expected .* repeated_events: keep in datasets\.tt\.$",
    ):
        check({**ALONE, "tt_1": [(1, 1, 3), (1, 1, 2)]}, tmp_path)


def test_an_event_twice_in_one_file_is_told(tmp_path):
    with pytest.raises(InputError, match=r"event 4, which is twice in hh of 'hh'\."):
        check({**ALONE, "hh": [(1, 1, 4), (1, 1, 1), (1, 1, 4)]}, tmp_path)


def test_an_event_in_two_primary_datasets_asks_for_a_veto(tmp_path):
    with pytest.raises(
        InputError,
        match=r"\(1 in 'egamma'\), such as run 7, luminosity block 2, event 1, which is in muon of 'muon' and in egamma of"
        r" 'egamma'\. .* veto in the processor what the trigger of the other dataset took\.$",
    ):
        check({**DATA, "egamma": [(7, 2, 1), (8, 1, 1)]}, tmp_path)


def test_all_repetitions_are_counted_by_dataset(tmp_path):
    twice = {"tt_0": [(1, 1, e) for e in range(900)], "hh": [(1, 1, 5)] * 3}
    with pytest.raises(InputError, match=r"\(700 in 'tt', 2 in 'hh'\)"):
        check({**twice, "tt_1": [(1, 1, e) for e in range(200, 1000)]}, tmp_path)


def test_what_may_stay_is_counted_and_told(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        found = check({**ALONE, "tt_1": [(1, 1, 1), (1, 1, 2)]}, tmp_path, keep=["tt"])

    assert found == {"tt": 2, "hh": 0}
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "tt: 2 selected events repeat the run, luminosity block and event number of another one"
    ]


def test_one_of_two_data_sets_that_keeps_does_not_speak_for_the_other(tmp_path):
    with pytest.raises(InputError, match=r"\(1 in 'egamma'\)"):
        check({**DATA, "egamma": [(7, 2, 1)]}, tmp_path, keep=["egamma"])


def colliding(run, luminosity_block, event, other_run):
    """An event of *other_run* that has the hash of the given one: the last step of the hash is one to one."""
    first, second = (mix64(mix64(r) ^ np.uint64(luminosity_block))[0] for r in (run, other_run))
    return (other_run, luminosity_block, int(first ^ second ^ np.uint64(event)))


def test_two_events_that_share_a_hash_by_chance_are_no_error(tmp_path):
    other = colliding(1, 1, 2, other_run=5)
    assert event_hash(*other) == event_hash(1, 1, 2)

    assert check({**ALONE, "tt_1": [other]}, tmp_path) == {"tt": 0, "hh": 0}
    assert check({"tt": [(1, 1, 2), other]}, tmp_path) == {"tt": 0}


@pytest.mark.parametrize("event", range(20))
def test_a_hash_by_chance_does_not_hide_an_event_that_is_there_twice(event, tmp_path):
    first = [(1, 1, e) for e in range(100, 120)] + [(1, 1, event)]
    second = [colliding(1, 1, e, other_run=5) for e in range(100, 120)] + [(1, 1, event)]

    with pytest.raises(InputError, match=rf"run 1, luminosity block 1, event {event}, which is in tt_0 of 'tt' and in tt_1"):
        check({"tt_0": first, "tt_1": second}, tmp_path)
