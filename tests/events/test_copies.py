"""Simulated events that are there in two datasets, on plans without files: what is compared, and what is said."""

import numpy as np
import pytest

from pipeline.config import Analysis
from pipeline.events.copies import HANDFUL, Copies, CopyFinder, compared, warn_of_copies
from pipeline.events.plan import DatasetPlan, Plan, PlannedFile
from pipeline.statistics.hashing import mix64
from tests.toy_analysis import ANALYSIS

PROCESSES = {"s": "sig", "s_ext": "sig", "b": "bkg", "other": "rest", "other_ext": "rest", "alone": "single", "d": "data"}
DATASETS = {
    name: {"process": process, "files": ["x.root"], **({"is_mc": False} if process == "data" else {"xsec_pb": 1.0})}
    for name, process in PROCESSES.items()
}
LABELS = {process: {"label": process} for process in PROCESSES.values()}
TOY = Analysis.model_validate({"name": "toy", **ANALYSIS, "processes": LABELS, "datasets": DATASETS})


def numbers(start, stop):
    return mix64(np.arange(start, stop))


def found(files, scratch):
    """What is found in *files*: by path, which begins with the dataset and a dash, the contents of its events."""
    names = dict.fromkeys(path.partition("-")[0] for path in files)
    plan = Plan(
        "toy",
        9,
        0,
        tuple(
            DatasetPlan(
                name,
                name != "d",
                tuple(
                    PlannedFile(path, "TTree", path, 1, len(keys), (0, len(keys)), len(keys), 1.0, 1.0, "Runs")
                    for path, keys in files.items()
                    if path.partition("-")[0] == name
                ),
            )
            for name in names
        ),
    )
    with CopyFinder(plan, compared(TOY), scratch=scratch) as finder:
        for part in plan.ranges():
            finder.add(part, files[part.path])
        return finder.found()


def test_trained_datasets_are_compared_with_each_other_and_others_within_their_process():
    assert compared(TOY) == {
        "s": "trained",
        "s_ext": "trained",
        "b": "trained",
        "other": "process:rest",
        "other_ext": "process:rest",
    }


def test_an_extension_with_the_same_events_is_found_with_the_files(tmp_path):
    files = {"s-0": numbers(0, 50), "s-1": numbers(50, 100), "s_ext-0": numbers(200, 300), "s_ext-1": numbers(40, 90)}

    assert found(files, tmp_path) == [Copies("s_ext", "s", 50, "s_ext-1", "s-0")]


@pytest.mark.parametrize(
    ("second", "expected"), [("b", 1), ("s_ext", 1), ("other", 0), ("alone", 0), ("d", 0)], ids=lambda value: str(value)
)
def test_signal_is_compared_with_what_is_trained_or_of_its_process(second, expected, tmp_path):
    assert len(found({"s-0": numbers(0, 50), f"{second}-0": numbers(0, 50)}, tmp_path)) == expected


def test_each_pair_of_datasets_is_told_by_itself(tmp_path):
    files = {"s-0": numbers(0, 40), "s_ext-0": numbers(0, 30), "b-0": numbers(20, 40)}

    pairs = {(one.dataset, one.original): one.n_events for one in found(files, tmp_path)}

    # Event 25 is in all three: it is told of neighbours in the plan.
    assert pairs == {("s_ext", "s"): 30, ("b", "s_ext"): 10, ("b", "s"): 10}


@pytest.mark.parametrize(("n_events", "expected"), [(HANDFUL, 0), (HANDFUL + 1, 1)])
def test_a_handful_is_no_finding(n_events, expected, tmp_path):
    assert len(found({"s-0": numbers(0, 90), "b-0": numbers(0, n_events)}, tmp_path)) == expected


def test_copies_within_a_dataset_are_not_told_here(tmp_path):
    assert found({"s-0": numbers(0, 50), "s-1": numbers(0, 50)}, tmp_path) == []


def test_nothing_is_left_in_the_scratch_folder(tmp_path):
    found({"s-0": numbers(0, 50), "b-0": numbers(0, 50)}, tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("dataset", "effect"), [("s_ext", "They count twice."), ("b", "They are learned as 's' and as 'b'.")], ids=str
)
def test_the_warning_names_both_datasets_and_what_it_means(dataset, effect, caplog):
    warn_of_copies(TOY, [Copies(dataset, "s", 12, "two.root", "one.root")])

    (record,) = caplog.records
    assert record.getMessage().startswith(f"12 selected events of '{dataset}' are those of 's' again: number, weight and")
    assert f"as of two.root and one.root. {effect} Expected each event in one dataset." in record.getMessage()
