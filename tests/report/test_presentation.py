import pytest

from ramify.disk.outputs import Outputs
from ramify.report.presentation import claim_places, present, present_case
from ramify.report.settings import PresentationSettings, ReportSettings
from tests.report.drawn_cases import analysed, drawn_report, fork, oblique, without_left_arm


def test_nothing_is_done_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    truth, settings = fork(), PresentationSettings()
    claim_places(Outputs(), settings, [])
    assert present_case("a", analysed(truth), analysed(truth), oblique(truth), settings) is None
    assert present(*drawn_report({}), settings) == []
    assert not list(tmp_path.iterdir())


def test_what_is_asked_for_is_written(tmp_path):
    truth = fork()
    settings = PresentationSettings(
        report=tmp_path / "pages" / "r.html",
        export=tmp_path / "files",
        export_coordinates="ras",
        export_forms=("ply",),
        shown=ReportSettings(surfaces=0),
    )
    claim_places(Outputs(), settings, [])
    pair = analysed(without_left_arm(truth)), analysed(truth)
    view = present_case("a", *pair, oblique(truth), settings)
    assert view is not None
    assert view.scene is None
    assert {path.name for path in (tmp_path / "files" / "a").iterdir()} == {"truth.ply", "prediction.ply", "missed.ply"}
    assert b"SPACE=RAS" in (tmp_path / "files" / "a" / "truth.ply").read_bytes()[:200]
    report, _ = drawn_report({"a": (without_left_arm(truth), truth)})
    written = present(report, {"a": view}, settings, ["python", "evaluate.py", "--prediction", "my masks"])
    assert written == [tmp_path / "files", tmp_path / "pages" / "r.html"]
    content = written[1].read_text(encoding="utf-8")
    assert "python evaluate.py --prediction &#x27;my masks&#x27;" in content


def test_what_cannot_be_written_is_told_before_the_work(tmp_path):
    with pytest.raises(ValueError, match="expected a file to write, got a folder"):
        claim_places(Outputs(), PresentationSettings(report=tmp_path), [])
    (tmp_path / "file").write_text("")
    for settings in (
        PresentationSettings(report=tmp_path / "file" / "r.html"),
        PresentationSettings(export=tmp_path / "file"),
    ):
        with pytest.raises(OSError, match="file"):
            claim_places(Outputs(), settings, [])
