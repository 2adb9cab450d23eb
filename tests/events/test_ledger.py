import json
import weakref
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError, PipelineError
from pipeline.events.ledger import Ledger, left_by_failure
from pipeline.events.plan import DatasetPlan, Plan, PlannedFile, Range


def planned(name, edges, sumw=1.0):
    return PlannedFile(name, "TTree", name, 1, edges[-1], edges, edges[-1], sumw, sumw, "Runs")


def plan_of(allowed=0, bad=()):
    skipped = tuple(PlannedFile(name, problems=(f"{name} is empty (0 bytes).",)) for name in bad)
    tt = DatasetPlan("tt", True, (planned("a.root", (0, 4, 6), 2.0), planned("b.root", (0, 3), 5.0), *skipped))
    data = DatasetPlan("data", False, (planned("c.root", (0, 5)),))
    return Plan("zpeak", 4, allowed, (tt, data))


PARTS = plan_of().ranges()


def all_done(ledger, parts):
    for part in parts:
        ledger.done(part, n_selected=part.entries - 1)
    return ledger


def test_a_full_ledger_closes():
    all_done(Ledger(plan_of()), PARTS).close()


@given(st.permutations(PARTS))
def test_the_order_of_entries_changes_nothing(order):
    assert all_done(Ledger(plan_of()), order).to_json() == all_done(Ledger(plan_of()), PARTS).to_json()


@given(st.sets(st.sampled_from(PARTS), max_size=len(PARTS) - 1))
def test_a_ledger_that_is_short_never_closes(found):
    ledger = all_done(Ledger(plan_of()), found)
    with pytest.raises(
        PipelineError, match=rf"^{len(PARTS) - len(found)} of 4 planned ranges are not accounted for"
    ) as caught:
        ledger.close()
    assert all((f"{part}: never processed" in str(caught.value)) == (part not in found) for part in PARTS)


def test_a_range_is_entered_once():
    ledger = all_done(Ledger(plan_of()), PARTS)
    with pytest.raises(PipelineError, match=r"entries 0 to 4 of 'tt' was done already and is now done"):
        ledger.done(PARTS[0], n_selected=1)


def test_only_planned_ranges_are_entered():
    with pytest.raises(PipelineError, match=r"a\.root, entries 0 to 5 of 'tt' is not in the plan"):
        Ledger(plan_of()).done(Range("tt", "a.root", "a.root", 0, 5), n_selected=0)


def test_a_processor_that_saw_fewer_events_is_caught():
    with pytest.raises(PipelineError, match=r"the processor saw 3 events\. Expected 4\."):
        Ledger(plan_of()).done(PARTS[0], n_selected=1, n_events=3)


DAMAGED = InputError("b.root is damaged.")


def test_a_file_that_cannot_be_read_is_an_error_unless_skipping_is_allowed():
    with pytest.raises(InputError, match=r"^b\.root is damaged\.$"):
        Ledger(plan_of()).skip_file(PARTS[2], DAMAGED)


def test_a_file_is_skipped_with_all_of_its_ranges():
    ledger = all_done(Ledger(plan_of(allowed=1)), PARTS[2:])
    ledger.skip_file(PARTS[1], InputError("a.root is damaged."))
    ledger.close()
    assert ledger.unreadable == {"a.root": "a.root is damaged."}


def test_a_file_of_which_a_range_was_counted_is_not_skipped():
    ledger = all_done(Ledger(plan_of(allowed=1)), PARTS[:1])
    with pytest.raises(PipelineError, match=r"entries 0 to 4 of 'tt' was done already and is now skipped"):
        ledger.skip_file(PARTS[1], DAMAGED)


def test_one_file_more_than_is_allowed_is_an_error_that_names_the_others():
    ledger = Ledger(plan_of(allowed=1))
    ledger.skip_file(PARTS[0], InputError("a.root is damaged."))
    with pytest.raises(InputError, match=r"^b\.root is damaged\. Skipped already: a\.root, as many as .*_files = 1 lets"):
        ledger.skip_file(PARTS[2], DAMAGED)


def test_files_skipped_by_the_plan_use_up_the_allowance():
    with pytest.raises(InputError, match=r"^b\.root is damaged\. Skipped already: bad\.root, as many as .*_files = 1 lets"):
        Ledger(plan_of(allowed=1, bad=["bad.root"])).skip_file(PARTS[2], DAMAGED)


def test_a_file_of_data_is_never_skipped():
    with pytest.raises(InputError, match=r"^c\.root is damaged\. Of data no file is skipped, .* correct lumi_inv_fb"):
        Ledger(plan_of(allowed=5)).skip_file(PARTS[3], InputError("c.root is damaged."))


def test_a_ledger_of_one_dataset_wants_only_its_ranges():
    ledger = all_done(Ledger(plan_of(), ["data"]), PARTS[3:])
    ledger.close()
    assert list(ledger.to_json()["datasets"]) == ["data"]


def test_totals_add_up_and_are_json():
    ledger = all_done(Ledger(plan_of(allowed=2, bad=["bad.root"])), [PARTS[0], PARTS[1], PARTS[3]])
    ledger.skip_file(PARTS[2], DAMAGED)
    found = json.loads(json.dumps(ledger.to_json()))
    assert found["datasets"]["tt"] == {
        "files": 3,
        "files_skipped": 2,
        "planned": 3,
        "done": 2,
        "skipped": 1,
        "failed": 0,
        "not_done": 0,
        "entries_planned": 9,
        "entries_done": 6,
        "entries_skipped": 3,
        "entries_failed": 0,
        "selected": 4,
    }
    assert (found["planned"], found["done"], found["skipped"]) == (4, 3, 1)
    assert found["skipped_files"] == [
        {"dataset": "tt", "path": "b.root", "reason": "b.root is damaged."},
        {"dataset": "tt", "path": "bad.root", "reason": "bad.root is empty (0 bytes)."},
    ]


def failing_after(n_done):
    """Results of ranges, the last of which is an error."""
    yield from range(n_done)
    raise InputError("b.root ends early.")


@given(st.integers(0, 3))
def test_a_range_fails_by_name_and_what_follows_is_not_done(n_done):
    ledger = Ledger(plan_of())
    results = ledger.each(PARTS, failing_after(n_done))
    for part, _ in islice(results, n_done):
        ledger.done(part, n_selected=0)
    with pytest.raises(InputError, match=r"b\.root ends early"):
        next(results)
    found = ledger.to_json()
    bad = PARTS[n_done]

    assert (found["planned"], found["done"], found["failed"], found["not_done"]) == (4, n_done, 1, 3 - n_done)
    assert found["planned"] == found["done"] + found["skipped"] + found["failed"] + found["not_done"]
    assert found["entries_failed"] == bad.entries
    assert found["failed_ranges"] == [
        {
            "dataset": bad.dataset,
            "path": bad.path,
            "entries": [bad.start, bad.stop],
            "reason": "InputError: b.root ends early.",
        }
    ]


def test_the_book_of_a_stage_that_fails_is_left_and_goes_when_it_succeeds(tmp_path):
    ledger = all_done(Ledger(plan_of()), PARTS[:2])
    with pytest.raises(PipelineError, match="2 of 4 planned"), left_by_failure(tmp_path, "score_tt", ledger.to_json):
        ledger.close()
    left = json.loads((tmp_path / "failed/score_tt.json").read_text(encoding="utf-8"))
    assert left["error"].startswith("PipelineError: 2 of 4 planned ranges are not accounted for")
    assert (left["done"], left["not_done"]) == (2, 2)

    with left_by_failure(tmp_path, "score_tt", ledger.to_json):
        pass
    assert not list((tmp_path / "failed").iterdir())


def test_a_book_that_cannot_be_written_does_not_hide_why_the_stage_fails(tmp_path):
    (tmp_path / "failed").touch()  # where a folder would have to be
    with pytest.raises(InputError, match=r"b\.root is damaged"), left_by_failure(tmp_path, "score_tt", dict):
        raise DAMAGED


def test_what_comes_after_a_skipped_file_fails_by_its_own_words():
    """The other ranges of that file are still on their way, and may end in anything."""
    ledger = Ledger(plan_of(allowed=1))

    def results():
        yield None
        raise InputError("a worker died over a.root.")

    read = ledger.each(PARTS, results())
    ledger.skip_file(next(read)[0], DAMAGED)
    with pytest.raises(InputError, match="a worker died over"):
        next(read)
    found = ledger.to_json()
    assert (found["skipped"], found["failed"], found["failed_ranges"][0]["entries"]) == (1, 1, [4, 6])


def test_a_range_also_fails_where_its_result_is_taken():
    ledger = Ledger(plan_of())
    with pytest.raises(PipelineError, match="saw 3 events"), ledger.at(PARTS[0]):
        ledger.done(PARTS[0], n_selected=1, n_events=3)
    assert ledger.to_json()["failed_ranges"][0]["reason"].startswith("PipelineError: a.root, entries 0 to 4: the processor")


def test_a_result_is_held_by_who_takes_it_alone():
    class Result:
        pass

    read = Ledger(plan_of()).each(PARTS, (Result() for _ in PARTS))
    _, result = next(read)
    gone = weakref.ref(result)
    del result

    assert gone() is None
