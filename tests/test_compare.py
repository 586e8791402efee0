import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ramify import compare, evaluate
from ramify.console.error_line import line_of
from ramify.data.files import write_volume
from ramify.data.volume import Volume

ROOT = Path(compare.__file__).parent


def scores(path: Path, gain: float = 0.0, cases: range = range(10), failed: tuple[str, ...] = ()) -> Path:
    """The scores of an evaluation, Dice higher and HD lower by the gain."""
    rows = {
        f"c{number}": {
            "dice": 0.4 + 0.03 * number + gain * (1 + number / 20),
            "cldice": 0.5 + 0.02 * number + gain * (-1) ** number,
            "hd_mm": 30.0 + number % 3 - 50 * gain - number / 10,
            "empty_prediction": False,
            "empty_truth": False,
        }
        for number in cases
        if f"c{number}" not in failed
    }
    report = {"cases": rows, "failed": dict.fromkeys(failed, "unreadable"), "policy": "none dropped"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report), encoding="utf-8")
    return path


@pytest.fixture
def two(tmp_path: Path) -> list[str]:
    """Two sets of results over the same ten cases."""
    base, ours = scores(tmp_path / "base" / "metrics.json"), scores(tmp_path / "ours" / "metrics.json", 0.05)
    return ["--results", f"base={base}", f"ours={ours}"]


def test_screen_json_csv_and_figure(two, tmp_path: Path, capsys):
    output = tmp_path / "new" / "comparison"
    assert compare.main([*two, "--output", str(output)]) == 0
    shown = capsys.readouterr().out
    assert "ours against base" in shown
    assert [line.split()[0] for line in shown.splitlines()[3:6]] == ["dice", "cldice", "hd_mm"]
    assert sorted(path.name for path in output.iterdir()) == [
        ".ramify",
        "comparison.csv",
        "comparison.json",
        "comparison.png",
        "pairs.csv",
    ]
    plain = json.loads((output / "comparison.json").read_text(encoding="utf-8"))
    verdicts = {row["measure"]: row["verdict"] for row in plain["differences"]}
    assert verdicts == {"dice": "better", "cldice": "no evidence", "hd_mm": "better"}
    assert plain["differences"][0]["wilcoxon_p"] == 2 / 2**10
    assert plain["differences"][0]["wilcoxon_p_holm"] == 3 * 2 / 2**10
    assert plain["variants"]["ours"]["files"] == [str(tmp_path / "ours" / "metrics.json")]
    with (output / "comparison.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == 3
    before = {path.name: path.read_bytes() for path in output.glob("[!.]*")}
    compare.main([*two, "--output", str(output)])
    assert {path.name: path.read_bytes() for path in output.glob("[!.]*")} == before


def test_without_an_output_nothing_is_written(two, tmp_path: Path, capsys):
    before = sorted(tmp_path.rglob("*"))
    assert compare.main(two) == 0
    assert "written" not in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before


def test_folds_and_seeds_under_one_name(tmp_path: Path, capsys):
    for fold in range(5):
        cases = range(2 * fold, 2 * fold + 2)
        scores(tmp_path / "base" / f"fold_{fold}" / "metrics.json", cases=cases)
        for seed, gain in enumerate((0.04, 0.06)):
            scores(tmp_path / "ours" / f"fold_{fold}" / f"seed_{seed}" / "metrics.json", gain, cases)
    sets = ["--results", f"base={tmp_path}/base/fold_*", f"ours={tmp_path}/ours/*/*", "--measures", "dice"]
    assert compare.main(sets) == 0
    shown = capsys.readouterr().out
    assert "pairs are 5 folds, each the mean of its cases (10 in all)" in shown
    assert "by signs or ranks 5 folds can give p = 1/32 one-sided and 1/16 two-sided at the least" in shown
    assert "ours: 2 runs a case, averaged before the tests" in shown
    # The two seeds' mean is the gain of 0.05: on average over the cases 0.05 * (1 + 4.5 / 20).
    assert f"{0.05 * 1.225:+.4f} [" in shown
    assert compare.main([*sets, "--unit", "fold"]) == 0
    assert capsys.readouterr().out == shown
    assert compare.main([*sets, "--decide-by", "wilcoxon"]) == 0
    assert "5 folds cannot reach p < 0.05 two-sided by Wilcoxon's signed-rank test" in capsys.readouterr().out


def test_one_file_of_all_folds_takes_the_folds_from_their_file(two, tmp_path: Path, capsys):
    names = [f"c{number}" for number in range(10)]
    splits = [{"train": sorted({*names} - {*names[k : k + 2]}), "val": names[k : k + 2]} for k in range(0, 10, 2)]
    path = tmp_path / "splits_final.json"
    path.write_text(json.dumps(splits), encoding="utf-8")
    assert compare.main(two) == 0
    assert "each case is taken as independent of the others" in capsys.readouterr().out
    assert compare.main([*two, "--folds", str(path)]) == 0
    assert "pairs are 5 folds, each the mean of its cases (10 in all)" in capsys.readouterr().out
    with pytest.raises(ValueError, match="--folds: --unit case has no use for it"):
        compare.main([*two, "--folds", str(path), "--unit", "case"])


def test_patients_count_once(two, tmp_path: Path, capsys):
    path = tmp_path / "patients.json"
    path.write_text(json.dumps({f"c{number}": f"p{number // 2}" for number in range(10)}))
    assert compare.main([*two, "--unit", "patient", "--patients", str(path)]) == 0
    assert "pairs are 5 patients, each the mean of its cases (10 in all)" in capsys.readouterr().out


def test_the_common_cases_alone(two, tmp_path: Path, capsys):
    scores(tmp_path / "ours" / "metrics.json", 0.05, range(9), failed=("c1",))
    with pytest.raises(ValueError, match=r"ours failed on c1 \(unreadable\); ours lacks c9"):
        compare.main(two)
    assert compare.main([*two, "--common"]) == 0
    shown = capsys.readouterr().out
    assert "pairs are 8 cases" in shown
    assert "left out of all: 2 cases: c1 (ours failed on it: unreadable), c9 (ours lacks it)" in shown


def test_a_class_or_region_of_label_maps(two, tmp_path: Path, capsys):
    for name, gain in (("base", 0.0), ("ours", 0.05)):
        path = tmp_path / name / "metrics.json"
        report = json.loads(path.read_text())
        rows = {case: {"dice": row["dice"] / 2 + gain} for case, row in report["cases"].items()}
        path.write_text(json.dumps(report | {"classes": {"portal": {"cases": rows}}, "regions": {}}))
    assert compare.main([*two, "--classes", "portal"]) == 0
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines()[3:4]] == ["portal.dice"]
    assert compare.main([*two, "--measures", "portal.dice"]) == 0
    assert capsys.readouterr().out == shown


def test_settings_come_from_a_file_too(two, tmp_path: Path, capsys):
    config = tmp_path / "compare.yaml"
    config.write_text("measures: [hd_mm]\ndecide_by: permutation\n")
    assert compare.main(["--config", str(config), *two]) == 0
    assert "\nhd_mm " in capsys.readouterr().out


def test_what_evaluate_writes_is_what_compare_reads(tmp_path: Path, capsys):
    rng = np.random.default_rng(0)
    for number in range(7):
        truth = np.zeros((8, 16, 16), dtype=bool)
        truth[3:6, 4:9, 2:14] = True
        ragged = truth & (rng.random(truth.shape) > 0.1 + 0.02 * number)
        for name, mask in {"truth": truth, "whole": truth, "ragged": ragged}.items():
            write_volume(tmp_path / name / f"c{number}.nii.gz", Volume(mask, (2.0, 1.0, 1.0), (0.0, 0.0, 0.0)))
    for name in ("ragged", "whole"):
        folders = ["--prediction", str(tmp_path / name), "--truth", str(tmp_path / "truth")]
        assert evaluate.main([*folders, "--output", str(tmp_path / "scores" / name)]) == 0
    capsys.readouterr()
    sets = [f"{name}={tmp_path}/scores/{name}" for name in ("ragged", "whole")]
    assert compare.main(["--results", *sets, "--measures", "dice", "hd95_mm"]) == 0
    shown = capsys.readouterr().out
    dice = next(line for line in shown.splitlines() if line.startswith("dice"))
    assert dice.split()[1] == "higher"
    assert dice.endswith("better")
    assert next(line for line in shown.splitlines() if line.startswith("hd95_mm")).split()[1] == "lower"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--measures", "cldcie"], "--measures cldcie: no such measure; did you mean cldice?"),
        (["--unit", "fold"], "--unit fold: the files hold one set of cases"),
        (["--unit", "patient"], "add --patients FILE"),
        (["--unit", "patient", "--patients", "gone.json"], "gone.json: no such file"),
        (["--patients", "gone.json"], "--patients: has no use without --unit patient or network; add it, or leave"),
        (["--alpha", "2"], "alpha"),
        (["--resamples", "10"], "resamples"),
        (["--mesures", "dice"], "--measures"),
        (["--decide-by", "sign"], "wilcoxon"),
        (["--folds", "gone.json"], "gone.json: no such file"),
        (["--results", "a=b"], "--results: given more than once"),
        (["--output", str(ROOT / "compare.py")], "compare.py"),
    ],
)
def test_bad_commands_are_one_line(two, change: list[str], says: str):
    with pytest.raises((ValueError, OSError)) as caught:
        compare.main([*two, *change])
    assert says in line_of(caught.value)


def test_the_command_ends_with_the_line_alone(two):
    done = subprocess.run(
        [sys.executable, str(ROOT / "compare.py"), *two, "--measures", "cldcie"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == "error: --measures cldcie: no such measure; did you mean cldice?\n"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("sets", "says"),
    [
        (["base={here}/base"], "expected at least two names to compare, got base alone"),
        (["base={here}/base", "gone={here}/gone.json"], "gone.json: no such file or folder"),
        (["base={here}/base", "{here}/ours"], "expected NAME=FILE"),
        (["base={here}/base", "other={here}/text.json"], "text.json: not a JSON file"),
        (["base={here}/base", "other={here}/other.json"], "other.json: holds no scores of cases"),
        (["base={here}/base", "other={here}/cases.json"], "base lacks c18, c19; other lacks c0, c1"),
        (["base={here}/base", "base={here}/base/metrics.json", "ours={here}/ours"], "is given twice"),
    ],
)
def test_bad_results_are_one_line(two, tmp_path: Path, sets: list[str], says: str, capsys):
    (tmp_path / "text.json").write_text("dice 0.5")
    (tmp_path / "other.json").write_text('{"dice": 0.5}')
    scores(tmp_path / "cases.json", cases=range(18, 20))
    with pytest.raises((ValueError, OSError)) as caught:
        compare.main(["--results", *(word.format(here=tmp_path) for word in sets)])
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""
