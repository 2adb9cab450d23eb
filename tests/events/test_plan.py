import json
from dataclasses import replace

import pytest

from pipeline.errors import InputError
from pipeline.events.plan import DatasetPlan, Plan, PlannedFile, Range


def planned(name="a.root", edges=(0, 4, 6), **changes):
    return PlannedFile(name, "TTree", f"uuid-{name}", 100, edges[-1], edges, 10, 2.5, 9.0, "Runs", **changes)


@pytest.fixture
def plan():
    bad = PlannedFile("bad.root", problems=("bad.root is empty (0 bytes).",))
    tt = DatasetPlan("tt", True, (planned("a.root"), bad, planned("b.root", (0, 3))))
    data = DatasetPlan("data", False, (planned("c.root", (0,)), planned("d.root", (0, 5))))
    return Plan("zpeak", 4, 1, (tt, data))


def test_ranges_come_in_the_order_of_datasets_files_and_entries(plan):
    found = [(part.dataset, part.path, part.start, part.stop) for part in plan.ranges()]
    assert found == [("tt", "a.root", 0, 4), ("tt", "a.root", 4, 6), ("tt", "b.root", 0, 3), ("data", "d.root", 0, 5)]


def test_ranges_of_some_datasets_keep_that_order(plan):
    assert plan.ranges(["data", "tt"]) == plan.ranges()
    assert plan.ranges(["data"]) == (Range("data", "d.root", "uuid-d.root", 0, 5, 100),)


def test_an_unknown_dataset_is_named_with_the_nearest(plan):
    with pytest.raises(InputError, match=r"Dataset 'dta' is not in the plan of 'zpeak'\. Nearest: 'data'"):
        plan.ranges(["dta"])


def test_skipped_files_count_nowhere(plan):
    tt = plan.dataset("tt")
    assert (tt.entries, tt.n_generated, tt.sumw, tt.sumw2) == (9, 20, 5.0, 18.0)
    assert [file.path for file in tt.skipped] == ["bad.root"]


def test_a_file_that_is_left_out_later_counts_nowhere_and_keeps_its_reason(plan):
    found = plan.without({"b.root": "damaged"})
    tt = found.dataset("tt")
    assert (tt.entries, tt.n_generated, tt.sumw, tt.sumw2) == (6, 10, 2.5, 9.0)
    assert [(file.path, file.problems) for file in tt.skipped][1:] == [("b.root", ("damaged",))]
    assert found.dataset("data") == plan.dataset("data")


def test_what_is_left_reads_as_if_the_file_had_never_been_listed(plan):
    found = plan.without({"b.root": "damaged"})
    never = replace(plan, datasets=tuple(replace(d, files=d.files[:2]) for d in plan.datasets))
    assert found.ranges() == never.ranges()
    assert [(d.entries, d.n_generated, d.sumw, d.sumw2) for d in found.datasets] == [
        (d.entries, d.n_generated, d.sumw, d.sumw2) for d in never.datasets
    ]


@pytest.mark.parametrize("path", ["bad.root", "other.root"], ids=["skipped already", "unknown"])
def test_only_a_file_that_is_used_can_be_left_out(plan, path):
    with pytest.raises(
        InputError, match=rf"{path} is to be skipped and is not among the files that the plan of 'zpeak' uses"
    ):
        plan.without({path: "damaged"})


def test_the_digest_tells_plans_apart(plan):
    assert plan.digest == replace(plan).digest != plan.without({"b.root": "damaged"}).digest


def test_sums_do_not_depend_on_the_order_of_files():
    weights = [1e16, 1.0, -1e16, 3.0]
    files = [PlannedFile(f"{i}.root", sumw=weight) for i, weight in enumerate(weights)]
    assert DatasetPlan("x", True, tuple(files)).sumw == DatasetPlan("x", True, tuple(files[::-1])).sumw == 4.0


def test_saved_and_loaded_is_the_same(plan, tmp_path):
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan


def test_sums_survive_saving_bit_by_bit(tmp_path):
    file = PlannedFile("x.root", sumw=0.1 + 0.2, sumw2=1 / 3)
    plan = Plan("x", 1, 0, (DatasetPlan("x", True, (file,)),))
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json").datasets[0].files[0] == file


def test_a_plan_that_is_missing_names_the_stage(tmp_path):
    with pytest.raises(InputError, match=r"No .*plan\.json\. The stage 'plan' writes it"):
        Plan.load(tmp_path / "plan.json")


@pytest.mark.parametrize("content", [[], {}, {"analysis": "x", "range_entries": "many"}], ids=["list", "empty", "wrong"])
def test_other_json_is_no_plan(tmp_path, content):
    (tmp_path / "plan.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"plan\.json is no plan of this version: .* Run that stage again"):
        Plan.load(tmp_path / "plan.json")


def test_a_range_reads_well_in_a_message():
    assert str(Range("tt", "a.root", "u", 4, 6)) == "a.root, entries 4 to 6"
