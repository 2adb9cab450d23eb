import datetime
import uuid

import numpy as np
import pytest
import uproot

from pipeline.simulation.identity import file_uuid
from pipeline.simulation.writer import writing

NAME = uuid.UUID(int=7)


def write(path):
    with writing(path, uuid=NAME) as file:
        file.mktree("Events", {"x": np.dtype("f4")})
        file["Events"].extend({"x": np.arange(5, dtype="f4")})


def test_a_file_holds_no_time_of_its_making(tmp_path):
    before = datetime.datetime.now()
    write(tmp_path / "a.root")
    content = (tmp_path / "a.root").read_bytes()
    moments = [before + datetime.timedelta(seconds=n) for n in range(-1, 30)]

    assert not any(uproot._util.datetime_to_code(moment).to_bytes(4, "big") in content for moment in moments)


def test_files_written_otherwise_keep_their_time(tmp_path):
    write(tmp_path / "a.root")
    before = datetime.datetime.now()
    with uproot.recreate(tmp_path / "b.root") as file:
        file["t"] = {"x": np.arange(3)}
    content = (tmp_path / "b.root").read_bytes()
    moments = [before + datetime.timedelta(seconds=n) for n in range(-1, 30)]

    assert any(uproot._util.datetime_to_code(moment).to_bytes(4, "big") in content for moment in moments)


def test_the_uuid_is_the_one_that_was_asked_for(tmp_path):
    write(tmp_path / "a.root")
    with uproot.open(tmp_path / "a.root") as file:
        assert file.file.uuid == NAME


def test_an_old_file_stays_when_writing_fails(tmp_path):
    write(tmp_path / "a.root")
    old = (tmp_path / "a.root").read_bytes()
    with pytest.raises(OSError, match="full"), writing(tmp_path / "a.root", uuid=NAME):
        raise OSError("disk full")

    assert (tmp_path / "a.root").read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["a.root"]


def test_uuids_follow_from_the_arguments():
    assert file_uuid("tt_semi", 1) == file_uuid("tt_semi", 1) != file_uuid("tt_semi", 2)
    assert (file_uuid("zprime_750", 1).version, file_uuid("zprime_750", 1).variant) == (8, uuid.RFC_4122)


def test_uuids_follow_from_the_card_and_not_from_those_of_others(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.simulation.identity.find_card", lambda name: tmp_path / f"{name}.yaml")
    for name in ("tt", "hh"):
        (tmp_path / f"{name}.yaml").write_text("settings: [a = 1]", encoding="utf-8")
    before = file_uuid("tt", 1), file_uuid("hh", 1)

    (tmp_path / "tt.yaml").write_text("settings: [a = 2]", encoding="utf-8")

    assert file_uuid("tt", 1) != before[0]
    assert file_uuid("hh", 1) == before[1]
