"""Cases that cannot be evaluated for one reason are one line and their names."""

import numpy as np

from ramify import evaluate
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from tests.evaluate.pairs import flags


def test_label_maps_where_masks_are_expected(tmp_path, capsys):
    labels = Volume(np.array([[[0, 1, 2, 2]]], np.uint8), (1.0, 1.0, 1.0))
    for case in ("p0", "p1", "p2"):
        for folder in ("found", "truth"):
            write_volume(tmp_path / folder / f"{case}.nii.gz", labels)
    words = ["--prediction", str(tmp_path / "found"), "--truth", str(tmp_path / "truth"), "--measures", "overlap"]
    assert evaluate.main([*words, "--output", str(tmp_path / "scores")]) == 1
    told = capsys.readouterr()
    first, others = [line for line in told.err.splitlines() if line.startswith("failed: ")]
    assert first.startswith("failed: p0: ")
    assert "2 different labels (1, 2) where one mask is expected" in first
    assert others == "failed: p1, p2: as p0, above"
    # A table without a row would be read as an evaluation.
    assert told.out == "0 of 3 cases evaluated; nothing is written\n"
    assert not (tmp_path / "scores").exists()


def test_scores_of_an_earlier_evaluation_are_told_and_stay(folders, capsys):
    prediction, _, output = folders
    assert evaluate.main(flags(folders, "--measures", "overlap")) == 0
    before = (output / "metrics.json").read_bytes()
    for path in prediction.glob("?.nii.gz"):
        path.write_bytes(b"not an image")
    capsys.readouterr()
    assert evaluate.main(flags(folders, "--measures", "overlap", "--report", str(output.parent / "page.html"))) == 1
    assert capsys.readouterr().out == (
        "0 of 3 cases evaluated; nothing is written; of an earlier evaluation there still are "
        f"{output / 'metrics.json'}, {output / 'metrics.csv'}\n"
    )
    assert (output / "metrics.json").read_bytes() == before
    assert not (output.parent / "page.html").exists()


def test_a_misspelt_label_is_told_without_a_bracket_in_a_bracket(folders, capsys):
    (folders[1] / "dataset.json").write_text('{"labels": {"background": 0, "Vessel": 1}}', encoding="utf-8")
    assert evaluate.main(flags(folders, "--truth-labels", "Vesel")) == 1
    assert "a.nii.gz: no label 'Vesel' (--truth-labels); did you mean Vessel?" in capsys.readouterr().err
