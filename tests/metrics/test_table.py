import csv
import io
import json

import numpy as np
import pytest

from ramify.metrics.case import FLAGS, evaluate_case
from ramify.metrics.class_scores import evaluate_classes
from ramify.metrics.classes import ClassSet, parse_classes
from ramify.metrics.families import measures_of
from ramify.metrics.settings import EvaluationSettings
from ramify.metrics.table import build_report, format_table, shown_measures, to_csv, to_json

SETTINGS = EvaluationSettings(measures=("overlap", "centreline", "surface"))
MEASURES = [measure.name for measure in measures_of(SETTINGS)]
SHOWN = shown_measures(SETTINGS)


@pytest.fixture
def report():
    vessel, empty = np.zeros((2, 3, 4, 12), dtype=bool)
    vessel[1, 1, 1:9] = True
    cases = {
        'odd, "name"': evaluate_case(vessel, vessel, (1.0, 1.0, 1.0), SETTINGS),
        "missed": evaluate_case(empty, vessel, (1.0, 1.0, 1.0), SETTINGS),
    }
    return build_report(cases, {"broken": "no such file"}, {"python": "3.11"}, SETTINGS)


@pytest.fixture
def class_report():
    """Two cases of two classes, the second of them missed in the second case."""
    target = np.zeros((3, 9, 12), dtype=np.uint8)
    target[1, 1, 1:9], target[1, 6, 1:9] = 1, 2
    classes = parse_classes(["portal=1", "hepatic=2"])
    missed = np.where(target == 2, 0, target)
    cases = {
        name: evaluate_classes(prediction, target, (1.0, 1.0, 1.0), classes, SETTINGS)
        for name, prediction in (("a", target), ("b", missed))
    }
    return build_report(cases, {"broken": "no such file"}, {}, SETTINGS, ClassSet(classes))


def test_json_holds_cases_summary_policy_and_failures(report):
    read = json.loads(to_json(report))
    assert list(read["cases"]["missed"]) == [*MEASURES, *FLAGS]
    assert read["cases"]["missed"]["hd_mm"] == 13.0
    assert read["summary"]["dice"] == {"mean": 0.5, "sd": 0.5**0.5, "median": 0.5, "min": 0.0, "max": 1.0, "n": 2}
    assert read["summary"]["counts"] == {
        "cases": 2, "counted": 2, "missed": 1, "invented": 0, "both_empty": 0, "failed": 1,
    }  # fmt: skip
    assert read["failed"] == {"broken": "no such file"}
    assert (read["policy"], read["versions"]) == (SETTINGS.policy(), {"python": "3.11"})
    assert EvaluationSettings.model_validate(read["settings"]) == SETTINGS
    assert "classes" not in read


def test_json_says_what_each_measure_is(report):
    read = json.loads(to_json(report))
    assert list(read["measures"]) == MEASURES
    assert read["measures"]["hd_mm"]["unit"] == "mm"
    assert read["measures"]["hd_mm"]["better"] == "lower"
    assert read["measures"]["dice"] == {
        "formula": "2 |P ∩ T| / (|P| + |T|)",
        "unit": "",
        "range": "0 to 1",
        "better": "higher",
        "source": "Sadikine et al. 2023, section 3.3",
    }


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
    lines = format_table(report, SHOWN).splitlines()
    assert lines[0].split() == ["case", "dice", "jaccard", "cldice", "tprec", "tsens", "hd_mm", "hd95_mm", "assd_mm"]
    missed = next(line for line in lines if line.startswith("missed"))
    assert missed.split() == ["missed", *["0.0000"] * 5, *["13.00"] * 3, "empty_prediction"]
    rule, perfect = lines[1:3]
    assert len(lines[0]) == len(rule) == len(perfect)
    assert lines[-1].startswith("2 evaluated, 1 failed; of the evaluated 1 missed")


def test_screen_of_a_single_case_has_no_deviation():
    one = {"a": evaluate_case(*np.ones((2, 2, 2), dtype=bool), (1.0, 1.0), SETTINGS)}
    lines = format_table(build_report(one, {}, {}, SETTINGS), SHOWN).splitlines()
    deviation = next(line for line in lines if line.startswith("sd"))
    assert deviation.split() == ["sd", *["-"] * 8]


def test_screen_shows_everything_where_nothing_else_was_chosen():
    some = EvaluationSettings.model_validate({"measures": ("topology",), "topology": {"patch_voxels": 2}})
    assert [measure.name for measure in shown_measures(some)] == ["betti0_error", "betti1_error"]


def test_what_is_undefined_is_empty_in_every_form():
    row = evaluate_case(*np.ones((2, 2, 2), dtype=bool), (1.0, 1.0), SETTINGS) | {"tsens": None}
    report = build_report({"a": row}, {}, {}, SETTINGS)
    assert json.loads(to_json(report))["cases"]["a"]["tsens"] is None
    assert next(csv.DictReader(io.StringIO(to_csv(report))))["tsens"] == ""
    assert format_table(report, SHOWN).splitlines()[2].split()[5] == "-"
    assert report["summary"]["tsens"]["n"] == 0


def test_label_maps_have_the_mean_of_their_classes_above_and_each_class_below(class_report):
    read = json.loads(to_json(class_report))
    assert read["cases"]["b"]["dice"] == 0.5
    assert read["summary"]["dice"]["mean"] == 0.75
    assert list(read["classes"]) == ["portal", "hepatic"]
    assert read["classes"]["hepatic"]["cases"]["b"]["empty_prediction"] is True
    assert read["classes"]["hepatic"]["summary"]["dice"]["mean"] == 0.5
    assert read["classes"]["hepatic"]["summary"]["counts"]["missed"] == 1
    # The case as a whole was not missed.
    assert read["summary"]["counts"]["missed"] == 0


def test_csv_of_label_maps_has_a_row_a_case_and_class(class_report):
    rows = list(csv.DictReader(io.StringIO(to_csv(class_report))))
    assert [(row["case"], row["class"]) for row in rows if row["status"] == "evaluated"] == [
        (case_id, name) for name in ("mean of classes", "portal", "hepatic") for case_id in ("a", "b")
    ]
    assert [row["case"] for row in rows if row["status"] == "failed"] == ["broken"] * 3
    assert {row["class"]: row["dice"] for row in rows if row["case"] == "b"} == {
        "mean of classes": "0.5",
        "portal": "1.0",
        "hepatic": "0.0",
    }


def test_screen_of_label_maps_names_the_classes(class_report):
    lines = format_table(class_report, SHOWN).splitlines()
    assert [line.split()[:3] for line in lines if line.startswith("class")] == [
        ["class", "portal", "1.0000"],
        ["class", "hepatic", "0.5000"],
    ]


def test_a_class_that_a_patient_lacks_is_in_no_mean():
    target = np.zeros((3, 9, 12), dtype=np.uint8)
    target[1, 1, 1:9] = 1
    half = target.copy()
    half[1, 1, 5:] = 0
    classes = parse_classes(["portal=1", "hepatic=2"])
    cases = {"a": evaluate_classes(half, target, (1.0, 1.0, 1.0), classes, SETTINGS)}
    report = build_report(cases, {}, {}, SETTINGS, ClassSet(classes))
    read = json.loads(to_json(report), parse_constant=pytest.fail)
    assert read["cases"]["a"]["dice"] == read["classes"]["portal"]["cases"]["a"]["dice"] == pytest.approx(2 / 3)
    assert read["classes"]["hepatic"]["cases"]["a"]["dice"] is None
    assert read["classes"]["hepatic"]["summary"]["hd_mm"] == {
        **dict.fromkeys(("mean", "sd", "median", "min", "max")),
        "n": 0,
    }
    counts = read["classes"]["hepatic"]["summary"]["counts"]
    assert (counts["cases"], counts["counted"], counts["both_empty"]) == (1, 0, 1)
    lines = format_table(report, SHOWN).splitlines()
    assert next(line for line in lines if line.startswith("class hepatic")).endswith("-  0 of 1 cases counted")
    assert next(line for line in lines if line.startswith("class portal")).endswith(
        "1 of 1 cases counted, detection F1 1.0000"
    )


def test_regions_and_detections_stand_beside_the_classes(class_report):
    assert class_report["classes"]["hepatic"]["summary"]["detection"]["f1"] == pytest.approx(2 / 3)
    assert class_report["summary"]["detection"] == {"f1": pytest.approx((1 + 2 / 3) / 2)}
    target = np.zeros((3, 9, 12), dtype=np.uint8)
    target[1, 1, 1:9], target[1, 6, 1:9] = 1, 2
    chosen = ClassSet.of(parse_classes(["portal=1", "hepatic=2"]))
    missed = np.where(target == 2, 0, target)
    report = build_report(
        {"a": evaluate_classes(missed, target, (1.0, 1.0, 1.0), chosen.measured, SETTINGS)}, {}, {}, SETTINGS, chosen
    )
    assert report["cases"]["a"]["dice"] == 0.5
    assert report["regions"]["any_vessel"]["cases"]["a"]["dice"] == pytest.approx(2 / 3)
    shown = format_table(report, SHOWN).splitlines()
    assert [line.split()[:2] for line in shown if line.startswith(("region", "class"))] == [
        ["region", "any_vessel"],
        ["class", "portal"],
        ["class", "hepatic"],
    ]
    rows = to_csv(report).splitlines()
    assert [row.split(",")[1] for row in rows if row.startswith("a,")] == [
        "mean of classes",
        "any_vessel",
        "portal",
        "hepatic",
    ]
