"""The end of a log is told, from the reason on."""

import pytest

from pipeline.events.plan import Range
from pipeline.operations.job_log import range_of, reason, tail

OURS = [
    "summarise: 3 of 9 ranges",
    "error: The files of 'toy' cannot be used:",
    "  b: b.root is empty (0 bytes).",
    "Correct them.",
]
TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "x.py", line 1, in f',
    "    g()",
    "ValueError: no events",
    "in a file",
]


def write(tmp_path, text, name="x.log"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_our_own_error_is_told_whole():
    assert reason(OURS) == OURS[1:]


def test_of_a_traceback_the_last_error_is_told():
    assert reason(TRACEBACK) == TRACEBACK[3:]


def test_without_an_error_the_last_lines_are_told():
    assert reason(["a", "b", "c", "d", "e"]) == ["c", "d", "e"]
    assert reason([]) == []


def test_a_long_error_is_cut():
    assert reason(["error: x", *map(str, range(100))]) == ["error: x", "0", "1", "2", "3", "4"]


def test_the_first_log_that_says_anything_is_read(tmp_path):
    paths = [tmp_path / "missing.log", write(tmp_path, "\n \n", "empty.log"), write(tmp_path, "a\n\nb\n")]

    assert tail(paths) == ["a", "b"]
    assert tail([]) == []


def test_of_a_large_log_the_end_is_read(tmp_path):
    lines = tail([write(tmp_path, "x" * 80 + "\n" + "y\n" * 100_000)])

    assert set(lines) == {"y"}
    assert len(lines) < 100_000


def test_of_a_bar_that_writes_over_itself_the_last_state_is_read(tmp_path):
    assert tail([write(tmp_path, "10 %\r50 %\r90 %\nend\n")])[-1] == "end"
    assert "10 %" not in "".join(tail([write(tmp_path, "10 %\r90 %")])[-1:])


def test_a_log_that_is_no_text_is_read_all_the_same(tmp_path):
    path = tmp_path / "x.log"
    path.write_bytes(b"\xff\xfe\nMemoryError\n")

    assert reason(tail([path])) == ["MemoryError"]


@pytest.mark.parametrize("path", ["b.root", "/eos/user/b.root", "root://eospublic.cern.ch//eos/b.root"])
def test_a_range_is_found_as_ranges_name_themselves(path):
    part = Range(dataset="b", path=path, start=20, stop=40, uuid="u")

    assert range_of(["first", f"error: {part} cannot be read: it is damaged."]) == f"{path} [20, 40)"
    assert range_of(["error: nothing of the kind"]) == ""
