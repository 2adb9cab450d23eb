"""A table fits into the terminal, and what is to be typed stays whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.operations.table import NARROWEST, table


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", str(NARROWEST))


WORDS = st.text(alphabet="abc é", max_size=150)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=4))
def test_no_line_is_wider_than_the_terminal_and_no_letter_is_lost(rows):
    # Words of the last column are not cut.
    rows = [(first, second, " ".join(third[i : i + 9] for i in range(0, len(third), 9))) for first, second, third in rows]

    shown = table(("a", "b", "c"), rows)

    assert max(map(len, shown.splitlines())) <= NARROWEST
    letters = "".join(cell for row in rows for cell in row).replace(" ", "")
    assert sorted("".join(shown.splitlines()[2:]).replace(" ", "")) == sorted(letters)


def test_a_command_is_not_cut():
    command = "export X509_CERT_DIR=/cvmfs/grid.cern.ch/etc/grid-security/certificates"

    assert command.split()[1] in table(("", "what", "to do"), [("ok", "y" * 90, command)])


def test_a_cell_of_several_lines_stays_in_its_column():
    assert table(("a", "b"), [("1\n2", "x")]).splitlines()[2:] == ["1  x", "2"]


def test_colours_do_not_move_columns():
    rows = [("ok", "x"), ("fault", "y")]

    plain, colored = (table(("", "b"), rows, color=color) for color in (False, True))

    for code in ("\33[32m", "\33[1;31m", "\33[0m"):
        assert code in colored
        colored = colored.replace(code, "")
    assert colored == plain


def test_a_table_without_rows_has_its_titles():
    assert table(("a", "bb"), []).splitlines()[:2] == ["a  bb", "─  ──"]
