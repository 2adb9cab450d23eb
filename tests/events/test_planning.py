import logging
import pickle
import random

import numpy as np
import pytest
import uproot

from pipeline.config import Analysis
from pipeline.errors import InputError
from pipeline.events.plan import Plan
from pipeline.events.planning import make_plan

READS = ("nMuon", "Muon_pt")


def analysis_of(allowed=0, range_entries=5, **datasets):
    """Analysis with datasets of simulation, or of data where the value is False."""
    return Analysis.model_validate(
        {
            "name": "zpeak",
            "title": "Z",
            "processor": "zpeak",
            "energy_tev": 13,
            "lumi_inv_fb": 1,
            "reading": {"range_entries": range_entries, "allow_unreadable_files": allowed},
            "processes": {"any": {"label": "any"}},
            "datasets": {
                name: {"process": "any", "files": ["x.root"], "is_mc": is_mc, "xsec_pb": 1.0 if is_mc else None}
                for name, is_mc in datasets.items()
            },
        }
    )


@pytest.fixture
def files(make_nano, tmp_path):
    """Two files of simulation and one of data."""
    return {
        "dy": [str(make_nano(tmp_path / f"dy_{i}.root", 12, first=12 * i)) for i in range(2)],
        "data": [str(make_nano(tmp_path / "data.root", 7, is_mc=False))],
    }


def test_every_entry_of_every_file_is_in_one_range(files):
    plan = make_plan(analysis_of(dy=True, data=False), files, reads=READS)
    found = [(part.dataset, part.path, entry) for part in plan.ranges() for entry in range(part.start, part.stop)]
    expected = [("dy", path, entry) for path in files["dy"] for entry in range(12)]
    assert found == expected + [("data", files["data"][0], entry) for entry in range(7)]


def test_the_order_in_which_workers_answer_changes_nothing(files):
    analysis = analysis_of(dy=True, data=False)

    def shuffled(function, jobs):
        return random.Random(3).sample([function(job) for job in jobs], 3)

    assert make_plan(analysis, files, reads=READS, mapper=shuffled) == make_plan(analysis, files, reads=READS)


def test_each_file_is_opened_once_and_jobs_can_travel(files):
    jobs = []

    def travelling(function, items):
        jobs.extend(pickle.dumps(item) for item in items)
        return [pickle.loads(pickle.dumps(function))(pickle.loads(job)) for job in jobs]

    make_plan(analysis_of(dy=True, data=False), files, reads=READS, mapper=travelling)
    assert len(jobs) == 3


def test_a_real_plan_is_saved_and_loaded(files, tmp_path):
    plan = make_plan(analysis_of(dy=True, data=False), files, reads=READS)
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan
    assert plan.sumw("dy") == 12 * 2.5 * 2 - 4 * 5.0
    assert plan.sumw("data") == 7.0


def test_all_that_is_wrong_is_told_at_once(files, tmp_path):
    (tmp_path / "empty.root").touch()
    files["dy"] += [str(tmp_path / "none.root"), str(tmp_path / "empty.root")]
    with pytest.raises(InputError) as caught:
        make_plan(analysis_of(dy=True, data=False, more=False), files, reads=("Muon_ptt",))
    lines = [line.replace(f"{tmp_path}/", "") for line in str(caught.value).splitlines()]
    assert lines[0] == "The files of 'zpeak' cannot be used (0 unreadable are allowed):"
    assert lines[1].startswith("  dy: dy_0.root has not all branches: no 'Muon_ptt'. Nearest: 'Muon_pt'")
    assert lines[3].startswith("  dy: No file none.root.")
    assert lines[4] == "  dy: empty.root is empty (0 bytes)."
    assert lines[5].startswith("  data: data.root has not all branches")
    assert lines[6] == "  more: has no files."
    assert "config/zpeak.yaml" in lines[7]


def test_many_complaints_are_counted(tmp_path):
    missing = [str(tmp_path / f"none_{i}.root") for i in range(25)]
    with pytest.raises(InputError, match=r"none_19\.root\.\n  … and 5 more\n"):
        make_plan(analysis_of(dy=True), {"dy": missing}, reads=READS)


def test_allowed_files_are_skipped_with_their_weights_and_told(files, tmp_path, caplog):
    files["dy"].insert(1, str(tmp_path / "none.root"))
    with caplog.at_level(logging.WARNING):
        plan = make_plan(analysis_of(allowed=1, dy=True, data=False), files, reads=READS)
    assert plan.sumw("dy") == 40.0
    assert [file.path for file in plan.dataset("dy").skipped] == [str(tmp_path / "none.root")]
    assert "dy: No file " in caplog.text
    assert "Skipped, as allowed." in caplog.text


def test_one_more_than_allowed_is_an_error(files, tmp_path):
    files["dy"] += [str(tmp_path / "none_1.root"), str(tmp_path / "none_2.root")]
    with pytest.raises(InputError, match=r"\(1 unreadable are allowed\):\n.*none_1.*\n.*none_2"):
        make_plan(analysis_of(allowed=1, dy=True, data=False), files, reads=READS)


def test_a_dataset_that_lost_all_its_files_is_an_error_even_where_files_may_be_skipped(files, tmp_path):
    files["tt"] = [str(tmp_path / "none.root")]
    with pytest.raises(InputError, match="tt: all of its 1 files are unreadable"):
        make_plan(analysis_of(allowed=5, dy=True, data=False, tt=True), files, reads=READS)


def test_a_file_of_data_is_never_skipped(files, tmp_path):
    files["data"].append(str(tmp_path / "none.root"))
    with pytest.raises(InputError, match=r"data: No file .*none\.root.*\n.*Of data none is, .* correct lumi_inv_fb"):
        make_plan(analysis_of(allowed=5, dy=True, data=False), files, reads=READS)


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
def test_a_branch_that_only_the_next_file_lacks_is_named_with_that_file(make_nano, tmp_path, rntuple):
    paths = [
        str(make_nano(tmp_path / f"{i}.root", 12, first=12 * i, drop=drop, rntuple=rntuple))
        for i, drop in enumerate([(), ("MET_phi",)])
    ]
    with pytest.raises(InputError, match=r"dy: \S*1\.root has not all branches: no 'MET_phi'\. Nearest: 'MET_pt'") as caught:
        make_plan(analysis_of(dy=True), {"dy": paths}, reads=("MET_pt", "MET_phi"))
    assert "0.root" not in str(caught.value)


def test_a_file_listed_twice_is_an_error(files):
    files["dy"].append(files["dy"][0])
    with pytest.raises(InputError, match=r"dy: .*dy_0\.root is listed twice\."):
        make_plan(analysis_of(dy=True, data=False), files, reads=READS)


def test_a_path_spelt_in_two_ways_is_an_error(files, tmp_path):
    files["dy"].append(f"{tmp_path}/../{tmp_path.name}/dy_0.root")
    with pytest.raises(InputError, match=r"dy_0\.root is the same file as .*dy_0\.root of dy"):
        make_plan(analysis_of(dy=True, data=False), files, reads=READS)


def test_a_copy_in_another_dataset_is_an_error_that_names_both(files, tmp_path):
    copy = tmp_path / "copy.root"
    copy.write_bytes((tmp_path / "dy_1.root").read_bytes())
    files["tt"] = [str(copy)]
    with pytest.raises(InputError, match=r"tt: .*copy\.root is the same file as .*dy_1\.root of dy \(UUID "):
        make_plan(analysis_of(allowed=3, dy=True, data=False, tt=True), files, reads=READS)


def test_a_dataset_without_events_is_an_error(make_nano, tmp_path):
    empty = [str(make_nano(tmp_path / f"{i}.root", 0)) for i in range(2)]
    with pytest.raises(InputError, match="dy: has no events in its 2 files"):
        make_plan(analysis_of(dy=True), {"dy": empty}, reads=READS)


def test_one_file_without_events_is_only_told(files, make_nano, tmp_path, caplog):
    files["data"].append(str(make_nano(tmp_path / "empty.root", 0, is_mc=False)))
    with caplog.at_level(logging.WARNING):
        plan = make_plan(analysis_of(dy=True, data=False), files, reads=READS)
    assert len(plan.dataset("data").used) == 2
    assert "empty.root has no events; its sums of weights count." in caplog.text


def test_weights_that_cancel_are_an_error(tmp_path, make_nano):
    path = make_nano(tmp_path / "a.root", 4, runs=False)
    with uproot.update(path) as file:
        sums = {"genEventCount": np.array([4]), "genEventSumw": np.array([0.0]), "genEventSumw2": np.array([4.0])}
        file.mktree("Runs", {name: value.dtype for name, value in sums.items()}).extend(sums)
    with pytest.raises(InputError, match=r"dy: has a sum of generator weights of 0 \(4 events\)"):
        make_plan(analysis_of(dy=True), {"dy": [str(path)]}, reads=READS)


def test_sums_of_weights_of_different_origin_are_told(files, make_nano, tmp_path, caplog):
    files["dy"].append(str(make_nano(tmp_path / "skim.root", 4, first=50, runs=False)))
    with caplog.at_level(logging.WARNING):
        make_plan(analysis_of(dy=True, data=False), files, reads=READS)
    assert "dy: sums of weights differ in origin (2 from Runs, 1 from genWeight)" in caplog.text


@pytest.mark.samples
def test_real_files_are_planned(cms_samples):
    files = {"dy": [str(cms_samples / "nano_dy.root")], "data": [str(cms_samples / "nano_dimuon.root")]}
    plan = make_plan(analysis_of(range_entries=30, dy=True, data=False), files, reads=READS)
    assert [(part.start, part.stop) for part in plan.ranges()] == [(0, 30), (30, 40)] * 2
    assert plan.sumw("dy") == 15166686735.858717
