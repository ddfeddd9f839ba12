"""Files for spreadsheets: as RFC 4180 says, and nothing in them runs."""

import csv
from datetime import date
from io import StringIO

import pytest

from fleet.web.csv_file import MARK, lines, safe


def test_a_file_is_read_back_as_it_was_written() -> None:
    rows = [("name", "note"), ("a,b", 'say "hi"'), ("two\nlines", None), ("Ärzte", 7)]
    text = "".join(lines(rows))
    assert text.startswith(MARK)
    assert text.count("\r\n") == len(rows)
    read = list(csv.reader(StringIO(text.removeprefix(MARK), newline="")))
    assert read == [["name", "note"], ["a,b", 'say "hi"'], ["two\nlines", ""], ["Ärzte", "7"]]


def test_a_file_comes_record_by_record() -> None:
    found = lines([("a",), ("b",)])
    assert [next(found), next(found)] == [f"{MARK}a\r\n", "b\r\n"]


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", '"=1"', "\uff1d1", "x;=1", "x,=1",
        'x;"=1', "x\n=1",
    ],
)  # fmt: skip
def test_no_text_begins_as_a_formula_in_any_spreadsheet(cell: str) -> None:
    disarmed = safe(cell)
    assert isinstance(disarmed, str)
    place = min(disarmed.find(sign) for sign in "=+-@\uff1d" if sign in disarmed)
    assert disarmed[place - 1] == "'"


@pytest.mark.parametrize("cell", ["CART-001", "a=b", "P-7/3", -3.5, date(2027, 1, 2), None, ""])
def test_what_is_no_formula_stays_as_it_is(cell: object) -> None:
    assert safe(cell) == cell
