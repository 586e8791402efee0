"""Masks found by a path with {case} in it, and what is said where names nearly meet."""

from pathlib import Path

import numpy as np
import pytest

from ramify import evaluate
from tests.dicom_series import write_series
from tests.evaluate.pairs import SHAPE, SPACING, flags, read_json, save, vessel

OVERLAP = ("--measures", "overlap")


@pytest.fixture
def labelled(folders, tmp_path: Path) -> Path:
    """The truths of three predictions, each with a word behind its case's name, beside the organs."""
    labels = tmp_path / "Pairs Lab"
    for case in "a", "b", "c":
        save(labels / f"{case} LABEL.nii.gz", vessel(8))
        write_series(tmp_path / "patients" / case / "liver", np.ones(SHAPE, np.uint8), SPACING, (10.0, 20.0, 30.0))
    return labels


def test_truths_and_organs_by_a_path(folders, labelled, tmp_path, capsys):
    prediction, _, output = folders
    evaluate.main(flags(folders, *OVERLAP))
    expected = read_json(output)["cases"]
    organ = tmp_path / "patients/{case}/liver"
    places = prediction, labelled / "{case} LABEL.nii.gz", tmp_path / "again"
    assert evaluate.main(flags(places, "--organ", str(organ), *OVERLAP)) == 0
    assert read_json(places[2])["cases"] == expected
    places = prediction / "{case}.nii.gz", labelled, tmp_path / "by suffix"
    assert evaluate.main(flags(places, "--truth-suffix", " LABEL.nii.gz", *OVERLAP)) == 0
    assert read_json(places[2])["cases"] == expected


def test_names_that_nearly_meet_are_one_line(folders, labelled, capsys):
    prediction, _, output = folders
    assert evaluate.main(flags((prediction, labelled, output), *OVERLAP)) == 1
    assert capsys.readouterr().err.splitlines()[:2] == [
        f"failed: a: {labelled}: no truth called a; it holds a LABEL.nii.gz: if that is it, give --truth "
        f"'{labelled}/{{case}} LABEL.nii.gz'",
        "failed: b, c: as a, above",
    ]


def test_what_a_path_means_is_not_written_to(folders, labelled, capsys):
    prediction, _, output = folders
    report = labelled / "a LABEL.nii.gz"
    with pytest.raises(ValueError, match=r"a LABEL\.nii\.gz: is what this call reads"):
        evaluate.main(flags((prediction, labelled / "{case} LABEL.nii.gz", output), "--report", str(report)))
