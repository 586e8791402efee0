"""CSV holds what it was given, and nothing that a spreadsheet runs."""

import csv
import io

import pytest

from ramify.console.csv_text import csv_of_records, csv_text


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_floats_keep_their_digits_and_none_is_nothing():
    text = csv_text(["case", "dice", "hd_mm"], [["a,b", 0.1 + 0.2, None], ['say "x"', -1.5, 3]])
    assert rows_of(text) == [["case", "dice", "hd_mm"], ["a,b", "0.30000000000000004", ""], ['say "x"', "-1.5", "3"]]
    assert text.endswith("\n")
    assert "\r" not in text


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx"])
def test_what_a_spreadsheet_would_run_is_text(name):
    assert rows_of(csv_text(["case", name], [[name, 1]])) == [["case", f"'{name}"], [f"'{name}", "1"]]


def test_control_characters_are_codes():
    assert rows_of(csv_text(["case"], [["a\r=1\x1b[2J"]])) == [["case"], ["a\\r=1\\x1b[2J"]]


@pytest.mark.parametrize("name", ["liver_1", "-1.5", "+2e-3", "-inf", "a=b", "'quoted'"])
def test_everything_else_stays_as_it_is(name):
    assert rows_of(csv_text(["case"], [[name]])) == [["case"], [name]]


def test_records_have_a_column_for_every_key():
    assert rows_of(csv_of_records([{"a": 1}, {"b": 2, "a": 3}])) == [["b", "a"], ["", "1"], ["2", "3"]]
    assert rows_of(csv_of_records([], ["trial"])) == [["trial"]]
