"""Digests change with what a product depends on, and with nothing else."""

from pathlib import Path

import pytest

from pipeline.digest import code_digest, content_digest, files_named_in


@pytest.fixture
def code(tmp_path):
    """A folder with code, a card, and what is no code."""
    (tmp_path / "part/inner").mkdir(parents=True)
    for name in ("part/a.py", "part/inner/b.py", "part/card.yaml", "part/notes.txt", "other.py"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    return tmp_path


def test_a_digest_is_the_same_each_time(code):
    assert code_digest("part", root=code) == code_digest("part", root=code)
    assert len(code_digest("part", root=code)) == 16


@pytest.mark.parametrize("name", ["part/a.py", "part/inner/b.py", "part/card.yaml"])
def test_an_edit_changes_the_digest(name, code):
    before = code_digest("part", root=code)

    (code / name).write_text("edited", encoding="utf-8")

    assert code_digest("part", root=code) != before


def test_a_new_file_changes_the_digest(code):
    before = code_digest("part", root=code)

    (code / "part/c.py").touch()

    assert code_digest("part", root=code) != before


@pytest.mark.parametrize("name", ["part/notes.txt", "other.py"])
def test_what_is_no_code_of_the_part_changes_nothing(name, code):
    before = code_digest("part", root=code)

    (code / name).write_text("edited", encoding="utf-8")

    assert code_digest("part", root=code) == before


def test_text_that_moves_from_one_file_to_the_next_changes_the_digest(code):
    before = code_digest("part", root=code)

    (code / "part/a.py").write_text("", encoding="utf-8")
    (code / "part/inner/b.py").write_text("part/a.pypart/inner/b.py", encoding="utf-8")

    assert code_digest("part", root=code) != before


def test_the_digest_does_not_depend_on_where_the_code_lies(code, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy") / "part"
    (code / "part").rename(copy)

    assert code_digest(copy) == code_digest("part", root=copy.parent)


def test_a_path_that_does_not_exist_is_an_error(code):
    with pytest.raises(FileNotFoundError, match="missing"):
        code_digest("part", "missing.py", root=code)


def test_a_file_named_twice_counts_once(code):
    assert code_digest("part", root=code) == code_digest("part", "part/a.py", root=code)


def test_the_order_of_keys_does_not_matter_but_that_of_lists_does():
    assert content_digest({"a": 1, "b": 2}) == content_digest({"b": 2, "a": 1})
    assert content_digest([1, 2]) != content_digest([2, 1])


def test_the_order_of_paths_does_not_matter(code):
    assert code_digest(code / "other.py", "part", root=code) == code_digest("part", code / "other.py", root=code)


def test_files_are_found_wherever_they_are_named(code, monkeypatch):
    monkeypatch.chdir(code)
    settings = {
        "pt": 3.0,
        "golden": "part/a.py",
        "more": [{"sf": str(code / "other.py")}, "part", "", "x" * 5000, "a\0b", None],
    }

    assert list(files_named_in(settings)) == [Path("part/a.py"), code / "other.py"]
