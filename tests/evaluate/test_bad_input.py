"""What cannot be evaluated is told in a line each, and the other cases are."""

import pytest

from ramify import evaluate
from ramify.metrics.case import analyse_pair
from tests.evaluate.pairs import ROOT, as_a_command, break_file, call, flags, read_json


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("other shape", "b.nii.gz does not lie on"),
        ("other place", "b.nii.gz does not lie on"),
        ("probabilities", "probabilities where a mask is expected"),
        ("labels", "are the vessels with --prediction-labels (or compare each with --classes)"),
        ("NaN", "NaN"),
        ("4D", "b.nii.gz"),
        ("text", "b.nii.gz"),
        ("truncated", "b.nii.gz"),
        ("cut before compression", "b.nii.gz"),
        (
            "no prediction",
            "no prediction called b; it holds a, c; if its names end otherwise, give --prediction a path",
        ),
        (
            "no truth",
            "truth: no truth called b; it holds a, c; if its names end otherwise, give --truth a path with {case}",
        ),
        ("two predictions", "2 files for its prediction (b.nii.gz, b_mask.nii.gz)"),
    ],
)
def test_a_bad_case_is_one_line_and_the_others_go_on(folders, capsys, kind: str, says: str):
    break_file(folders, kind)
    assert evaluate.main(flags(folders)) == 1
    report = read_json(folders[2])
    assert list(report["cases"]) == ["a", "c"]
    assert list(report["failed"]) == ["b"]
    assert report["summary"]["counts"]["failed"] == 1
    complaint = capsys.readouterr().err
    assert complaint == f"failed: b: {report['failed']['b']}\n"
    assert says in complaint


def test_geometry_mismatch_names_both_files(folders, capsys):
    break_file(folders, "other place")
    evaluate.main(flags(folders))
    complaint = capsys.readouterr().err
    assert str(folders[0] / "b.nii.gz") in complaint
    assert str(folders[1] / "b.nii.gz") in complaint


@pytest.mark.integration
def test_the_command_ends_with_the_case_that_failed(folders):
    break_file(folders, "text")
    done = as_a_command(flags(folders))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("failed: b: ")
    assert "2 evaluated, 1 failed" in done.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--truth", "gone"], "--truth gone: no such file or folder"),
        (["--workers", "0"], "workers"),
        (["--organs", "x"], "--organ"),
        (["--organ-labels", "5"], "--organ-labels: there is no --organ"),
        (["--classes", "1", "--truth-labels", "1"], "--classes and --truth-labels"),
        (["--measures", "speed"], "no family of measures is called speed; there are overlap, centreline"),
        (["--truth", "t/{case}.mha", "--truth-suffix", "_x"], "--truth-suffix: --truth says with {case} how its names"),
        (["--classes", "vein"], "class 'vein': expected a label such as 1"),
        (["--surface.tolerance-mm", "-1"], "tolerance"),
        (["--skeleton", "thin"], "skeleton"),
        (["--output", str(ROOT / "evaluate.py")], "evaluate.py"),
    ],
)
def test_bad_commands_end_in_one_line(folders, capsys, change: list[str], says: str):
    code, told = call(flags(folders, *change), capsys)
    assert code == 2
    assert told.startswith("error: ")
    assert len(told.splitlines()) == 1
    assert says in told
    assert not folders[2].exists()


def test_a_fault_of_ours_costs_one_case(folders, monkeypatch, capsys):
    def analyse(prediction, *rest):
        if prediction.sum() == 0:
            raise IndexError("out of bounds")
        return analyse_pair(prediction, *rest)

    monkeypatch.setattr("ramify.evaluation.outcomes.analyse_pair", analyse)
    assert evaluate.main(flags(folders)) == 1
    report = read_json(folders[2])
    assert (set(report["cases"]), report["failed"]) == (
        {"a", "b"},
        {"c": "IndexError: out of bounds (traceback above)"},
    )
    assert "Traceback" in capsys.readouterr().err
