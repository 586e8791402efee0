import json
import math
from pathlib import Path

import pytest

from ramify.comparison.results import RunResults, Variant, check_same_settings, read_results, variants_of
from tests.fuzzing.texts import another_value

ROW = {"dice": 0.5, "hd_mm": 12.0, "empty_prediction": False, "empty_truth": False}


def save(path: Path, cases: object = None, **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"cases": {"a": ROW, "b": ROW} if cases is None else cases, "failed": {}, **more}
    path.write_text(json.dumps(report), encoding="utf-8")
    return path


def test_values_flags_failures_and_what_the_file_says(tmp_path: Path):
    cases = {"a": {**ROW, "cldice": None, "skeleton": "guarded"}, "b": {**ROW, "empty_prediction": True, "cldice": 1}}
    path = save(tmp_path / "metrics.json", cases, policy="p", summary={"dice": {"mean": 9}})
    path.write_text(path.read_text(encoding="utf-8").replace('"failed": {}', '"failed": {"c": "no truth"}'))
    found = read_results(path)
    assert found.rows["a"] == {"dice": 0.5, "hd_mm": 12.0, "cldice": None}
    assert found.rows["b"]["cldice"] == 1.0
    assert found.flags == {"empty_prediction": frozenset("b"), "empty_truth": frozenset()}
    assert found.failed == {"c": "no truth"}
    assert found.report == {"policy": "p"}


@pytest.mark.parametrize(
    ("measure", "value", "says"),
    [
        ("dice", 7, "dice is 7; expected a number of 0 to 1, or null where it is undefined; evaluate again"),
        ("dice", -0.1, "dice is -0.1; expected"),
        ("dice", True, "dice is True; expected"),
        ("cldice", "0.5", "cldice is '0.5'; expected"),
        ("dice", [0.5], r"dice is \[0.5\]; expected"),
        ("dice", math.nan, "dice is NaN; expected"),
        ("hd_mm", math.inf, "hd_mm is infinite; expected a number of 0 and up"),
        ("hd_mm", -3.0, "hd_mm is -3; expected"),
        ("hd_mm", 10**400, "hd_mm is infinite; expected"),
        ("of_others", math.nan, "of_others is NaN; expected a number, or null"),
        ("empty_truth", 1, "empty_truth is 1; expected true or false"),
        ("empty_truth", None, "empty_truth is None; expected true or false"),
    ],
)
@pytest.mark.parametrize("of_class", [False, True])
def test_values_that_a_measure_cannot_have_are_refused(
    tmp_path: Path, measure: str, value: object, says: str, of_class
):
    row = {**ROW, measure: value}
    classes = {"portal": {"cases": {"a": row}}}
    path = save(
        tmp_path / "metrics.json", {"a": ROW if of_class else row}, **({"classes": classes} if of_class else {})
    )
    where = "portal." if of_class else ""
    with pytest.raises(ValueError, match=rf"metrics.json: case a: {where}{says}"):
        read_results(path)


def test_what_a_file_says_of_its_measures_counts(tmp_path: Path):
    told = {"score": {"range": "0 to 10"}, "dice": {"range": "0 to 1"}, "odd": "a text"}
    cases = {"a": {"score": 7, "others": -3, "remark": "thin vessels", "seen": True, "hd_mm": None}}
    found = read_results(save(tmp_path / "metrics.json", cases, measures=told))
    assert found.rows["a"] == {"score": 7.0, "others": -3.0, "hd_mm": None}
    assert found.flags == {"seen": frozenset("a")}
    with pytest.raises(ValueError, match=r"score is 11; expected a number of 0 to 10"):
        read_results(save(tmp_path / "metrics.json", {"a": {"score": 11}}, measures=told))


def test_classes_of_label_maps_have_measures_of_their_own(tmp_path: Path):
    classes = {"portal": {"cases": {"a": {"dice": 0.7, "empty_truth": True}}, "summary": {}}}
    regions = {"any_vessel": {"cases": {"a": {"dice": 0.8}}}}
    found = read_results(save(tmp_path / "metrics.json", {"a": ROW}, classes=classes, regions=regions))
    assert (found.rows["a"]["portal.dice"], found.rows["a"]["any_vessel.dice"]) == (0.7, 0.8)
    assert found.flags["portal.empty_truth"] == frozenset("a")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "not a JSON file"),
        ("[1, 2]", "holds no scores of cases; expected the metrics.json"),
        ('{"differences": []}', "holds no scores of cases"),
        ('{"cases": {"a": 0.5}}', "holds no scores of cases"),
        ('{"cases": {}, "classes": {"x": {"cases": {"a": {}}}}}', "holds no scores of cases"),
        ('{"cases": {"a": {}}, "regions": {"x": {"cases": {"b": {}}}}}', "holds no scores of cases"),
        ('{"cases": {}, "failed": {}}', "holds no case; evaluate at least one"),
    ],
)
def test_other_files_are_one_line_with_their_name(tmp_path: Path, text: str, says: str):
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=says) as caught:
        read_results(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_names_gather_their_files_in_order(tmp_path: Path):
    for fold in range(2):
        save(tmp_path / "b" / f"fold_{fold}" / "metrics.json", {f"case_{fold}": ROW})
    first = save(tmp_path / "a=1" / "metrics.json")
    found = variants_of([f"ours={first.parent}", f"base={tmp_path}/b/fold_*", f"ours={save(tmp_path / 'other.json')}"])
    assert [variant.name for variant in found] == ["ours", "base"]
    assert [run.source for run in found[0].runs] == [str(first), str(tmp_path / "other.json")]
    assert found[1].cases == {"case_0", "case_1"}


@pytest.mark.parametrize(
    ("word", "error", "says"),
    [
        ("scores.json", ValueError, "--results scores.json: expected NAME=FILE"),
        ("=scores.json", ValueError, "expected NAME=FILE"),
        ("a=", ValueError, "expected NAME=FILE"),
        ("a={here}/gone.json", FileNotFoundError, "gone.json: no such file or folder"),
        ("a={here}/fold_*", FileNotFoundError, "no such file or folder"),
        ("a={here}", FileNotFoundError, "holds no metrics.json"),
    ],
)
def test_words_that_name_no_results(tmp_path: Path, word: str, error: type[Exception], says: str):
    with pytest.raises(error, match=says.replace("*", r"\*")):
        variants_of([word.format(here=tmp_path)])


def test_a_file_given_twice_would_count_twice(tmp_path: Path):
    path = save(tmp_path / "metrics.json")
    with pytest.raises(ValueError, match=r"--results a: .* is given twice"):
        variants_of([f"a={path}", f"a={tmp_path}"])


def test_a_variants_measures_are_those_of_all_its_runs():
    runs = (RunResults({"a": {"dice": 1.0}, "b": {"dice": 0.5, "tsens_small": 0.2}}), RunResults({"c": {"dice": 0.1}}))
    assert Variant("v", runs).measures == ["dice"]
    assert Variant("v", runs[:1]).measures == ["dice", "tsens_small"]


def test_results_measured_in_other_ways_are_refused():
    def variant(name: str, **settings: object) -> Variant:
        return Variant(name, (RunResults({}, source=f"{name}.json", report={"settings": settings}),))

    check_same_settings([variant("a", skeleton="guarded", measures=["overlap"]), variant("b", skeleton="guarded")])
    check_same_settings([variant("a", skeleton="guarded"), Variant("b", (RunResults({}),))])
    with pytest.raises(ValueError, match=r"b.json: evaluated with skeleton 'scikit-image', but a.json with 'guarded'"):
        check_same_settings([variant("a", skeleton="guarded"), variant("b", skeleton="scikit-image")])


def test_another_truth_is_refused_and_another_form_of_the_predictions_is_not():
    def variant(name: str, **settings: object) -> Variant:
        return Variant(name, (RunResults({}, source=f"{name}.json", report={"settings": settings}),))

    one = variant("a", truth_labels=["2"], prediction_labels=[], cut_to_organ=True)
    check_same_settings([one, variant("b", truth_labels=["2"], prediction_labels=["1"], cut_to_organ=True)])
    check_same_settings([one, variant("earlier")])
    with pytest.raises(ValueError, match=r"c.json: evaluated with cut_to_organ False, but a.json with True"):
        check_same_settings([one, variant("c", truth_labels=["2"], prediction_labels=[], cut_to_organ=False)])
    with pytest.raises(ValueError, match=r"d.json: evaluated with truth_labels \['1'\], but a.json with \['2'\]"):
        check_same_settings([one, variant("d", truth_labels=["1"], cut_to_organ=True)])


def test_scores_by_earlier_definitions_of_the_measures_are_refused():
    def variant(name: str, **report: object) -> Variant:
        return Variant(name, (RunResults({}, source=f"{name}.json", report={"settings": {}, **report}),))

    check_same_settings([variant("a", definitions=2), variant("b", definitions=2)])
    check_same_settings([variant("a"), variant("b")])
    for order in (1, -1):
        with pytest.raises(ValueError, match=r"old.json: its measures were defined otherwise than those of new.json"):
            check_same_settings([variant("old"), variant("new", definitions=2)][::order])


def test_changed_scores_are_read_or_refused_in_one_line(tmp_path: Path):
    classes = {"portal": {"cases": {"a": ROW}, "summary": {}}}
    told = {"dice": {"range": "0 to 1", "better": "higher"}, "hd_mm": {"range": "0 to the diagonal", "better": "lower"}}
    whole = {"cases": {"a": ROW, "b": ROW}, "failed": {"z": "no"}, "classes": classes, "measures": told, "policy": "p"}
    path, refused = tmp_path / "metrics.json", 0
    for number in range(300):
        what, changed = another_value(whole, 0, number)
        path.write_text(json.dumps(changed), encoding="utf-8")
        try:
            read_results(path)
        except ValueError as error:
            line, refused = str(error), refused + 1
        else:
            continue
        assert line.startswith(f"{path}: "), what
        assert "\n" not in line, what
    assert refused > 100


def test_settings_of_earlier_files_are_known_by_their_present_names(tmp_path):
    cases = {"a": {"dice": 0.5}}
    old = read_results(save(tmp_path / "old.json", cases, settings={"truth_label": [2], "organ_label": []}))
    new = read_results(save(tmp_path / "new.json", cases, settings={"truth_labels": [2], "organ_labels": []}))
    assert old.report["settings"] == new.report["settings"]
    check_same_settings([Variant("old", (old,)), Variant("new", (new,))])
