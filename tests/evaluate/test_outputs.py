"""The report, the exports and the events beside the scores."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ramify import evaluate
from ramify.data.clean_up_note import clean_up_note
from tests.evaluate.pairs import ROOT, break_file, call, flags, read_json, save, vessel


@pytest.mark.integration
def test_a_report_shows_every_case_and_what_failed(folders, tmp_path: Path, capsys):
    prediction, truth, _ = folders
    for folder in (prediction, truth):
        save(folder / "<img src=x onerror=alert(1)>.nii.gz", vessel(8))
    break_file(folders, "text")
    page = tmp_path / "pages" / "report.html"
    assert evaluate.main(flags(folders, "--report", str(page), "--workers", "2", "--shown.surfaces", "1")) == 1
    content = page.read_text(encoding="utf-8")
    assert "<img src=x" not in content
    assert "&lt;img src=x onerror=alert(1)&gt;" in content
    report = read_json(folders[2])
    assert f"{report['summary']['dice']['mean']:.3f}" in content
    assert content.count('<details class="card case"') == 3
    assert content.count("<canvas") == 1
    assert "1 case could not be evaluated" in content
    assert str(page) in capsys.readouterr().out


def test_two_reports_are_told_apart_in_their_tabs_and_heads(folders, tmp_path: Path, capsys):
    prediction, truth, output = folders
    page, plain = tmp_path / "report.html", ["--measures", "overlap", "--shown.cases", "0"]
    around = tmp_path.name
    for places, more, name in [
        (folders, (), f"{around}/prediction"),
        ((prediction / "{case}.nii.gz", truth, output), (), f"{around}/prediction"),
        ((prediction / "a.nii.gz", truth / "a.nii.gz", output), (), "prediction/a"),
        (folders, ("--title", "Plain & <b>deep</b>"), "Plain &amp; &lt;b&gt;deep&lt;/b&gt;"),
    ]:
        assert evaluate.main(flags(places, "--report", str(page), *plain, *more)) == 0
        content = page.read_text(encoding="utf-8")
        assert f"<title>{name}: vessel segmentation</title>" in content
        assert f"<h1>Vessel segmentation: {name}</h1>" in content
    code, told = call(flags(folders, "--title", "x"), capsys)
    assert (code, told) == (2, "error: --title: is of a report, and none is asked for; give --report report.html\n")


def test_exports_lie_in_a_folder_a_case(folders, tmp_path: Path):
    more = ["--export", str(tmp_path / "files"), "--export-coordinates", "ras", "--export-forms", "stl", "swc"]
    assert evaluate.main(flags(folders, *more)) == 0
    found = {str(path.relative_to(tmp_path / "files")) for path in (tmp_path / "files").rglob("*.*")}
    assert {"a/truth.stl", "a/prediction.stl", "a/truth_centreline.swc", "c/missed.stl"} <= found
    assert not {"a/missed.stl", "c/prediction.stl"} & found
    # The last corner of vessel(8) along each axis, half a voxel further out, in RAS.
    edge = np.array([10 + 5.5 * 2, 20 + 9.5 * 0.75, 30 + 16.5 * 0.75])
    points = np.frombuffer((tmp_path / "files" / "a" / "truth.stl").read_bytes()[84:], "3<f4, (3,3)<f4, <u2")["f1"]
    np.testing.assert_allclose(points.reshape(-1, 3).max(axis=0)[2], edge[0], atol=1e-4)
    np.testing.assert_allclose(points.reshape(-1, 3).min(axis=0)[:2], -edge[[2, 1]], atol=1e-4)


def test_events_stand_beside_a_run(folders, tmp_path: Path):
    assert evaluate.main(flags(folders, "--tensorboard", str(tmp_path / "run"))) == 0
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["evaluation"]
    assert len(list((tmp_path / "run" / "evaluation").glob("events.out.tfevents.*"))) == 1


def test_a_report_that_cannot_be_written_is_told_before_the_work(folders, tmp_path: Path, capsys):
    code, told = call(flags(folders, "--report", str(tmp_path)), capsys)
    assert (code, told.count("\n")) == (2, 1)
    assert "expected a file to write, got a folder" in told
    assert not (folders[2] / "metrics.json").exists()


@pytest.mark.integration
def test_only_tensorboard_loads_torch(folders, tmp_path: Path):
    code = "import sys; from ramify import evaluate; evaluate.main(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    more = ["--report", str(tmp_path / "r.html"), "--export", str(tmp_path / "files"), "--cases", "a"]
    done = subprocess.run(
        [sys.executable, "-c", code, *flags(folders, *more)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("single", [False, True])
def test_a_clean_up_of_the_predictions_is_told_in_scores_and_report(folders, tmp_path, single):
    prediction, truth, output = folders
    note = clean_up_note({"vessels": {"threshold": 0.4}}, {"vessels": "from a probability of 0.4 on <&>"})
    (prediction / "clean_up.json").write_text(note, encoding="utf-8")
    page = tmp_path / "report.html"
    pair = [one / "a.nii.gz" for one in (prediction, truth)] if single else [prediction, truth]
    evaluate.main(flags((*pair, output), "--report", str(page), "--shown.surfaces", "0"))
    assert read_json(output)["clean_up"] == {"vessels": "from a probability of 0.4 on <&>"}
    assert "<dt>Clean-up</dt><dd><div>vessels: from a probability of 0.4 on &lt;&amp;&gt;</div>" in page.read_text(
        "utf-8"
    )


@pytest.mark.parametrize("content", [None, "not JSON", "[]", '{"rules": {}}', '{"in_words": 3}'])
def test_a_file_of_that_name_that_is_no_note_costs_nothing(folders, content):
    if content is not None:
        (folders[0] / "clean_up.json").write_text(content, encoding="utf-8")
    evaluate.main(flags(folders))
    assert "clean_up" not in read_json(folders[2])
