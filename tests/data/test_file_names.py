from pathlib import Path

import pytest

from ramify.data.file_names import case_name, natural_order, volume_files
from ramify.disk.system_files import is_left_by_system


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("liver_01.nii.gz", "liver_01"),
        ("a.b.NRRD", "a.b"),
        ("a.seg.nrrd", "a"),
        ("a.1.seg.nhdr", "a.1"),
        ("x.tiff", "x"),
        ("x.ome.tif", "x"),
        ("21_manual1.gif", "21_manual1"),
        ("Image_01L.JPG", "Image_01L"),
        ("im0001.ppm", "im0001"),
        ("PATIENT_DICOM", "PATIENT_DICOM"),
        (".png", ".png"),
        ("u\N{COMBINING DIAERESIS}.nii", "\N{LATIN SMALL LETTER U WITH DIAERESIS}"),
    ],
)
def test_a_case_is_called_as_its_file_without_the_suffix(name, case):
    assert case_name(Path(name)) == case


def test_hidden_files_and_what_systems_leave_are_nobodys_volumes(tmp_path):
    for name in ("b.nii.gz", "a.seg.nrrd", "c.gif", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    left = ("._b.nii.gz", ".DS_Store", "Thumbs.db", "thumbs.db", "desktop.ini", "DICOMDIR", ".part.nii.gz")
    for name in left:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.nii.gz").mkdir()
    assert [path.name for path in volume_files(tmp_path)] == ["a.seg.nrrd", "b.nii.gz", "c.gif"]
    assert all(is_left_by_system(tmp_path / name) for name in left)
    assert not is_left_by_system(tmp_path / "IM0001")


def test_case_2_comes_before_case_10():
    assert sorted(["case-10", "case-2", "b"], key=natural_order) == ["b", "case-2", "case-10"]
