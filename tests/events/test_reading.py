import gc
import os
import warnings
import weakref
from dataclasses import replace

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import PFNanoAODSchema

from pipeline.errors import InputError, PipelineError
from pipeline.events.inspection import inspect_file
from pipeline.events.plan import Range
from pipeline.events.pool import FilePool, pool
from pipeline.events.reading import DamagedError, UnreadableError, open_events, reading

READS = ("nMuon", "Muon_pt", "Muon_eta", "Muon_phi", "Muon_mass", "Muon_charge")


@pytest.fixture(autouse=True)
def _closed_files():
    yield
    pool().close()


def ranges_of(path, *, is_mc=True, range_entries=5):
    found = inspect_file(str(path), is_mc=is_mc, reads=READS, range_entries=range_entries)
    assert found.problems == ()
    return found.ranges("dy")


@pytest.mark.parametrize("reads", [None, READS], ids=["all branches", "some branches"])
@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
def test_the_ranges_of_a_file_hold_its_events_in_order(make_nano, nano_events, tmp_path, rntuple, reads):
    parts = ranges_of(make_nano(tmp_path / "a.root", 12, rntuple=rntuple))
    expected = nano_events(12)
    found = [open_events(part, reads=reads) for part in parts]
    assert [len(events) for events in found] == [part.entries for part in parts]
    assert np.concatenate([events.event for events in found]).tolist() == list(range(12))
    assert np.concatenate([events.genWeight for events in found]).tolist() == expected["genWeight"].tolist()
    assert ak.concatenate([events.Muon.pt for events in found]).tolist() == expected["Muon"].pt.tolist()


def test_branches_that_are_not_declared_are_not_there(make_nano, tmp_path):
    events = open_events(ranges_of(make_nano(tmp_path / "a.root"))[0], reads=READS)
    assert sorted(events.fields) == ["Muon", "event", "genWeight", "luminosityBlock", "run"]


def test_events_know_their_dataset(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root")
    metadata = open_events(ranges_of(path)[0]).metadata
    assert (metadata["dataset"], metadata["filename"]) == ("dy", str(path))


def test_another_file_under_the_same_name_is_refused(make_nano, tmp_path):
    path = tmp_path / "a.root"
    part = ranges_of(make_nano(path, 12))[0]
    open_events(part)
    make_nano(path, 12)
    with pytest.raises(
        InputError, match=r"a\.root changed after the plan was made: its UUID is .* Run the stage 'plan' again"
    ):
        open_events(part)


def test_a_file_of_another_size_is_refused(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root", 12)
    part = ranges_of(path)[0]
    with path.open("ab") as file:  # UUID and entries stay as they are
        file.write(b"more")
    with pytest.raises(InputError, match=rf"it has {part.size_bytes + 4} bytes instead of {part.size_bytes}\."):
        open_events(part)


def test_a_size_that_is_not_known_is_not_compared(make_nano, tmp_path):
    part = ranges_of(make_nano(tmp_path / "a.root", 12))[0]
    assert len(open_events(replace(part, size_bytes=0))) == part.entries


def test_a_changed_file_is_not_one_that_cannot_be_read(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root", 12)
    part = ranges_of(path)[0]
    make_nano(path, 12)
    with pytest.raises(InputError) as caught:
        open_events(part)
    assert not isinstance(caught.value, UnreadableError)


def test_a_tree_whose_header_is_damaged_is_told(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root", 12)
    part = ranges_of(path)[0]
    with uproot.open(path) as file:
        start = file.key("Events").fSeekKey
    with path.open("r+b") as file:
        file.seek(start + 60)
        file.write(b"\xff" * 200)
    with pytest.raises(DamagedError, match=r"a\.root, entries 0 to 4 of dataset 'dy', cannot be read: \w+.*'summarise'"):
        open_events(part)


def test_fewer_entries_than_planned_are_refused(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root", 12)
    part = Range("dy", str(path), ranges_of(path)[0].uuid, 8, 13)
    with pytest.raises(InputError, match="it has 12 entries and entry 13 is wanted"):
        open_events(part)


def test_a_file_without_the_planned_tree_is_refused(make_nano, tmp_path):
    part = ranges_of(make_nano(tmp_path / "a.root"))[0]
    with pytest.raises(InputError, match="it has no 'NotEvents'"):
        open_events(part, tree="NotEvents")


def test_a_file_that_is_gone_is_told(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root")
    part = ranges_of(path)[0]
    path.unlink()
    with pytest.raises(DamagedError, match=r"cannot be read: No file .*a\.root"):
        open_events(part)


def test_a_file_truncated_after_the_plan_is_told(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root")
    part = ranges_of(path)[0]
    open_events(part)
    os.truncate(path, path.stat().st_size - 100)
    with pytest.raises(DamagedError, match=r"a\.root is truncated: \d+ of \d+ bytes"):
        open_events(part)


def damaged(path, column):
    """Overwrite the compressed content of the first basket, or first page, of *column*."""
    with uproot.open(path) as file:
        tree = file["Events"]
        if isinstance(tree, uproot.TTree):
            start = tree[column].member("fBasketSeek")[0] + 70
        else:
            number = next(i for i, field in enumerate(tree.field_records) if field.field_name == column)
            page = tree.page_link_list[0][tree._column_records_dict[number][-1].idx].pages[0]
            start = page.locator.offset + 9
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * 40)
    return path


@pytest.fixture(params=[False, True], ids=["TTree", "RNTuple"])
def damaged_part(make_nano, tmp_path, request):
    """A range of 900 events in which `genWeight` can no longer be decompressed, though the file looks whole."""
    path = make_nano(tmp_path / "a.root", 900, cluster_entries=900, rntuple=request.param)
    (part,) = ranges_of(path, range_entries=1000)
    damaged(path, "genWeight")
    return part


def weights_of(part):
    with reading(part):
        return np.asarray(open_events(part).genWeight)


def test_a_damaged_column_is_told_with_its_range_and_cause(damaged_part):
    with pytest.raises(InputError, match=r"a\.root, entries 0 to 900 of dataset 'dy', cannot be read: \w+") as caught:
        weights_of(damaged_part)
    assert caught.value.__cause__ is not None


def test_other_columns_of_a_damaged_file_are_read(damaged_part):
    with reading(damaged_part):
        assert np.asarray(open_events(damaged_part).event).sum() == 900 * 899 // 2


def test_a_damaged_column_met_inside_of_awkward_is_told(damaged_part):
    def process():
        with reading(damaged_part):
            events = open_events(damaged_part)
            return ak.sum(events.Muon.pt[events.genWeight > 0])

    with pytest.raises(InputError, match="cannot be read"):
        process()


@pytest.mark.parametrize(
    ("bug", "expected"),
    [
        (lambda events: events.Muon.ptt, AttributeError),
        (lambda events: events["Nothing"], Exception),
        (lambda events: ak.flatten(events.Muon.pt, axis=9), Exception),
        (lambda events: events.Muon.pt + events.Muon.pt[:2], ValueError),
        (lambda events: {}["key"], KeyError),
        (lambda events: open("/nonexistent/corrections.json"), OSError),  # noqa: PTH123, SIM115
        (lambda events: 1 / 0, ZeroDivisionError),
    ],
    ids=["no field", "no collection", "awkward", "lengths", "key", "own file", "zero"],
)
def test_bugs_of_a_processor_stay_what_they_are(make_nano, tmp_path, bug, expected):
    part = ranges_of(make_nano(tmp_path / "a.root"))[0]

    def process():
        with reading(part):
            events = open_events(part)
            assert len(np.asarray(events.genWeight)) == part.entries
            bug(events)

    with pytest.raises(expected) as caught:
        process()
    assert not isinstance(caught.value, PipelineError)


def test_errors_of_the_pipeline_pass_as_they_are(make_nano, tmp_path):
    part = ranges_of(make_nano(tmp_path / "a.root"))[0]
    with pytest.raises(PipelineError, match=r"^as it is$"), reading(part):
        raise PipelineError("as it is")


def test_after_an_error_the_file_is_opened_anew(damaged_part):
    before = pool().get(damaged_part.path)
    with pytest.raises(InputError, match="cannot be read"):
        weights_of(damaged_part)
    assert pool().get(damaged_part.path) is not before


class Closing:
    def __init__(self, path):
        self.path, self.closed = path, False

    def close(self):
        self.closed = True


def test_a_pool_keeps_the_files_used_last():
    files = FilePool(2, Closing)
    first, second = files.get("https://a"), files.get("https://b")
    assert files.get("https://a") is first
    third = files.get("https://c")
    assert [file.closed for file in (first, second, third)] == [False, True, False]
    assert files.get("https://b") is not second


def test_of_closed_files_no_more_than_one_is_left_in_memory():
    """Each refers to itself, as uproot's do."""
    files, known = FilePool(3, Closing), []
    for number in range(12):
        file = files.get(f"https://{number}")
        file.itself = file
        known.append(weakref.ref(file))
        del file

        assert sum(one() is not None for one in known) <= 3 + 1


def test_a_pool_closes_all_at_its_end():
    files = FilePool(5, Closing)
    opened = [files.get(f"https://{i}") for i in range(4)]
    files.close()
    assert all(file.closed for file in opened)


def test_a_pool_opens_a_changed_file_anew_and_closes_the_old_one(tmp_path):
    files = FilePool(5, Closing)
    path = tmp_path / "a.root"
    path.write_text("x")
    first = files.get(str(path))
    path.write_text("xy")
    assert files.get(str(path)) is not first
    assert first.closed


def test_ranges_of_one_file_open_it_once(make_nano, tmp_path):
    parts = ranges_of(make_nano(tmp_path / "a.root", 12))
    assert len(parts) == 3
    open_events(parts[0])
    file = pool().get(parts[0].path)
    for part in parts:
        open_events(part)
    assert pool().get(parts[0].path) is file


def test_nothing_is_left_open(make_nano, tmp_path):
    parts = [ranges_of(make_nano(tmp_path / f"{i}.root", 4))[0] for i in range(12)]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for part in parts:
            np.asarray(open_events(part).event)
        pool().close()
        gc.collect()
    assert [str(each.message) for each in seen if each.category is ResourceWarning] == []


@pytest.mark.samples
@pytest.mark.parametrize("name", ["nano_dy", "nano_dimuon"])
def test_real_trees_and_their_rntuple_twins_have_the_same_events(cms_samples, name):
    is_mc = name == "nano_dy"
    twins = [
        open_events(ranges_of(cms_samples / f"{name}{kind}.root", is_mc=is_mc, range_entries=100)[0], reads=READS)
        for kind in ("", "_rntuple")
    ]
    assert twins[0].event.tolist() == twins[1].event.tolist()
    assert twins[0].Muon.pt.tolist() == twins[1].Muon.pt.tolist()


@pytest.mark.samples
@pytest.mark.parametrize(
    ("name", "schema"),
    [("nano_dy.root", None), ("nano_tt_v12.root", None), ("nano_tt_v15.root", None), ("pfnano.root", PFNanoAODSchema)],
)
def test_real_files_are_read_whole_without_a_warning(cms_samples, name, schema):
    part = ranges_of(cms_samples / name, range_entries=1000)[0]
    events = open_events(part) if schema is None else open_events(part, schema=schema)
    assert len(events.Muon.pt) == len(events.event) == part.stop


@pytest.mark.samples
def test_the_types_of_branches_that_are_not_read_are_not_worked_out(cms_samples, monkeypatch):
    part = ranges_of(cms_samples / "nano_dy.root")[0]
    pool().close()
    looked_at = []
    working_out = uproot.interpretation.identify.interpretation_of

    def noted(branch, *args, **kwargs):
        looked_at.append(branch.name)
        return working_out(branch, *args, **kwargs)

    monkeypatch.setattr(uproot.interpretation.identify, "interpretation_of", noted)
    events = open_events(part, reads=READS)

    assert len(events.Muon.pt) == part.stop - part.start
    assert set(looked_at) <= {*READS, "run", "luminosityBlock", "event", "genWeight"}
