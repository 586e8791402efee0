import csv
import io
import json

import numpy as np
import pytest

from metrics.case import FLAGS, MEASURES, POLICY, evaluate_case
from metrics.table import build_report, format_table, to_csv, to_json


@pytest.fixture
def report():
    vessel, empty = np.zeros((2, 3, 4, 12), dtype=bool)
    vessel[1, 1, 1:9] = True
    cases = {
        'odd, "name"': evaluate_case(vessel, vessel, (1.0, 1.0, 1.0)),
        "missed": evaluate_case(empty, vessel, (1.0, 1.0, 1.0)),
    }
    return build_report(cases, {"broken": "no such file"}, {"python": "3.11"})


def test_json_holds_cases_summary_policy_and_failures(report):
    read = json.loads(to_json(report))
    assert tuple(read["cases"]["missed"]) == MEASURES + FLAGS
    assert read["cases"]["missed"]["hd_mm"] == 13.0
    assert read["summary"]["dice"] == {"mean": 0.5, "sd": 0.5**0.5, "median": 0.5, "min": 0.0, "max": 1.0}
    assert read["summary"]["counts"] == {"cases": 2, "missed": 1, "invented": 0, "both_empty": 0, "failed": 1}
    assert read["failed"] == {"broken": "no such file"}
    assert (read["policy"], read["versions"]) == (POLICY, {"python": "3.11"})


def test_json_of_nothing_evaluated_is_strict():
    read = json.loads(to_json(build_report({}, {"broken": "gone"}, {})), parse_constant=pytest.fail)
    assert read["summary"]["cldice"]["mean"] is None


def test_csv_reads_back_at_full_precision(report):
    rows = {row["case"]: row for row in csv.DictReader(io.StringIO(to_csv(report)))}
    assert list(rows) == ['odd, "name"', "missed", "broken", "mean", "sd", "median"]
    assert [row["status"] for row in rows.values()] == ["evaluated"] * 2 + ["failed"] + ["summary"] * 3
    assert float(rows["sd"]["dice"]) == report["summary"]["dice"]["sd"]
    assert (rows["missed"]["empty_prediction"], rows["missed"]["empty_truth"]) == ("true", "false")
    assert rows["broken"]["dice"] == rows["mean"]["empty_truth"] == ""


def test_screen_shows_every_case_in_line_and_counts_the_misses(report):
    lines = format_table(report).splitlines()
    assert lines[0].split() == ["case", "dice", "jaccard", "cldice", "tprec", "tsens", "hd_mm", "hd95_mm"]
    missed = next(line for line in lines if line.startswith("missed"))
    assert missed.split() == ["missed", *["0.0000"] * 5, "13.00", "13.00", "empty_prediction"]
    rule, perfect = lines[1:3]
    assert len(lines[0]) == len(rule) == len(perfect)
    assert lines[-1].startswith("2 evaluated, 1 failed; of the evaluated 1 missed")


def test_screen_of_a_single_case_has_no_deviation():
    one = {"a": evaluate_case(*np.ones((2, 2, 2), dtype=bool), (1.0, 1.0))}
    deviation = next(line for line in format_table(build_report(one, {}, {})).splitlines() if line.startswith("sd"))
    assert deviation.split() == ["sd", *["-"] * 7]
