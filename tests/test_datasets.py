"""Which files a dataset has, and how many events each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Analysis, Dataset
from pipeline.datasets import events_by_file, events_in_file, get_dataset, made_files, made_inputs
from pipeline.errors import InputError
from tests.toy_analysis import ANALYSIS


def simulated(events, per_file):
    return Dataset(process="p", xsec_pb=1.0, simulate={"card": "tt", "events": events, "events_per_file": per_file})


FETCHED = Dataset(process="bkg", xsec_pb=1.0, fetch={"package": "coffea==1.0", "members": ["tests/a.root", "more/b.root"]})
TOY = Analysis.model_validate(
    {
        "name": "toy",
        **ANALYSIS,
        "datasets": {**ANALYSIS["datasets"], "made": {**simulated(250, 100).model_dump(), "process": "bkg"}, "got": FETCHED},
    }
)


@given(events=st.integers(1, 10_000), per_file=st.integers(1, 3000), size=st.floats(0.01, 3))
def test_files_hold_all_events_and_only_the_last_may_be_short(events, per_file, size):
    sizes = events_by_file(simulated(events, per_file), size=size)

    assert sum(sizes) == max(1, round(events * size))
    assert all(n == per_file for n in sizes[:-1])
    assert 1 <= sizes[-1] <= per_file


@given(events=st.integers(1, 10_000), per_file=st.integers(1, 3000), size=st.floats(0.01, 3))
def test_a_file_holds_what_it_holds_among_all(events, per_file, size):
    dataset = simulated(events, per_file)
    sizes = events_by_file(dataset, size=size)

    assert sizes == [events_in_file(dataset, index, size=size) for index in range(len(sizes))]
    assert events_in_file(dataset, len(sizes), size=size) <= 0


def test_sizes_of_files_can_be_counted_by_eye():
    assert events_by_file(simulated(250, 100)) == [100, 100, 50]
    assert events_by_file(simulated(200, 100)) == [100, 100]
    assert events_by_file(simulated(250, 100), size=0.1) == [25]


def test_a_tiny_size_leaves_one_event():
    assert events_by_file(simulated(10, 10), size=0.001) == [1]


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")], ids=str)
def test_a_size_that_is_no_factor_is_refused(size):
    with pytest.raises(InputError, match=r"size is .*\. Expected a number above 0"):
        events_by_file(simulated(10, 10), size=size)


def test_each_source_has_its_files():
    assert made_files(TOY, "s", "results") == []
    assert made_files(TOY, "made", "results") == [f"results/toy/simulated/made_{i}.root" for i in range(3)]
    assert made_files(TOY, "got", "results") == [f"results/toy/fetched/got/{name}.root" for name in "ab"]


def test_the_workflow_waits_for_simulated_files_and_for_the_fetched_folder():
    assert made_inputs(TOY, "s", "results") == []
    assert made_inputs(TOY, "made", "results", size=0.4) == ["results/toy/simulated/made_0.root"]
    assert made_inputs(TOY, "got", "results") == ["results/toy/fetched/got"]


def test_a_misspelt_dataset_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"Analysis 'toy' has no dataset 'mad'\. Nearest: 'made'\. Correct it\."):
        get_dataset(TOY, "mad")
