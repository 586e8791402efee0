"""Images under the errors of a report: found in every form, and their faults told without a score lost."""

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.evaluation.case_images import find_images, read_image
from tests.dicom_series import write_series
from tests.evaluate.pairs import SHAPE, SPACING, call, flags, read_json, save

CT = np.where(np.arange(SHAPE[2]) < 2, -900, 90).astype(np.int16) * np.ones(SHAPE, np.int16)
CASES = ["a", "b", "c"]


def shown(page: Path) -> list[dict]:
    """What the page has of each case's slices."""
    scripts = re.findall(
        r'<script type="application/json">(\{"pictures".*?)</script>', page.read_text(encoding="utf-8")
    )
    return [json.loads(text) for text in scripts]


def test_a_folder_of_images_is_shown_and_what_lacks_one_is_told(folders, tmp_path: Path, capsys):
    images, page = tmp_path / "images", tmp_path / "report.html"
    save(images / "a_0000.nii.gz", CT)
    save(images / "b.nii.gz", CT, origin_mm=(10.0, 20.0, 900.0))
    code, told = call(flags(folders, "--image", str(images), "--report", str(page)), capsys)
    assert code == 1
    assert f"error: b: {images / 'b.nii.gz'}: the image lies elsewhere than the masks" in told
    assert (
        f"error: c: {images}: no image called c; it holds a_0000, b; if its names end otherwise, give --image a" in told
    )
    (scene,) = shown(page)
    assert (scene["lowest"], scene["highest"]) == (-250, 500)
    assert len(read_json(folders[2])["cases"]) == 3
    assert page.read_text(encoding="utf-8").count('<details class="card case"') == 3


def test_an_image_of_a_part_is_shown_and_told(folders, tmp_path: Path, capsys):
    images, page = tmp_path / "images", tmp_path / "report.html"
    for case in CASES:
        save(images / f"{case}.nii.gz", CT[: None if case == "a" else SHAPE[0] // 2])
    assert call(flags(folders, "--image", str(images), "--report", str(page)), capsys)[0] == 0
    assert len(re.findall(r"the image covers \d+ % of what is shown here", page.read_text(encoding="utf-8"))) == 2


def test_label_maps_for_images_are_shown_and_told(folders, tmp_path: Path, capsys):
    page = tmp_path / "report.html"
    code, told = call(flags(folders, "--image", str(folders[1]), "--report", str(page)), capsys)
    assert code == 0
    line = "image: holds 2 whole numbers alone (0, 1): it looks like a label map or mask, not like an image"
    assert told.splitlines() == [f"warning: {case}: {line}" for case in CASES]
    assert page.read_text(encoding="utf-8").count(line) >= 3


def test_dicom_folders_are_found_by_a_pattern(folders, tmp_path: Path, capsys):
    for case in CASES:
        write_series(tmp_path / "patients" / case / "PATIENT_DICOM", CT, SPACING, (10.0, 20.0, 30.0))
    page, pattern = tmp_path / "report.html", str(tmp_path / "patients" / "{case}" / "PATIENT_DICOM")
    code, told = call(flags(folders, "--image", pattern, "--report", str(page)), capsys)
    assert (code, told) == (0, "")
    assert len(shown(page)) == 3
    # A folder of patients means the same, and so does each patient's own.
    found = find_images(Path(pattern), "", CASES)
    assert find_images(tmp_path / "patients", "", CASES) == found
    assert find_images(tmp_path / "patients" / "{case}", "", CASES) == found


def test_a_picture_lies_under_its_masks(tmp_path: Path, capsys):
    mask = np.zeros((20, 30), np.uint8)
    mask[8:12, 3:27] = 255
    colour = np.stack([np.full(mask.shape, grey, np.uint8) for grey in (200, 100, 50)], axis=-1)
    colour[:, :15] = 0
    for name, array in {"p/eye.png": mask, "t/eye_manual.png": mask, "i/eye_training.png": colour}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(array).save(tmp_path / name)
    places = tmp_path / "p", tmp_path / "t", tmp_path / "scores"
    page = tmp_path / "report.html"
    endings = ["--truth-suffix", "_manual", "--image-suffix", "_training"]
    code, _ = call(flags(places, "--image", str(tmp_path / "i"), *endings, "--report", str(page)), capsys)
    assert code == 0
    (scene,) = shown(page)
    assert scene["shape"] == [1, 20, 30]
    # Luminance of what is shown, as in ITU-R BT.601.
    assert (scene["lowest"], scene["highest"]) == pytest.approx((0, 0.299 * 200 + 0.587 * 100 + 0.114 * 50), abs=1e-3)


def test_one_image_and_one_case_belong_together(tmp_path: Path):
    path = save(tmp_path / "whatever.nii.gz", CT)
    assert find_images(path, "", ["a"]) == {"a": path}
    with pytest.raises(ValueError, match=r"no image of any case; expected names such as a, or a path with \{case\}"):
        find_images(path, "", CASES)
    with pytest.raises(FileNotFoundError, match="no such file"):
        find_images(tmp_path / "nothing", "", CASES)
    for case in CASES:
        save(tmp_path / "cts" / f"{case}_ct.nii.gz", CT)
    for suffix in "_ct", "_ct.nii.gz":
        assert [*find_images(tmp_path / "cts", suffix, CASES)] == CASES


def test_a_folder_of_one_case_with_several_images_is_refused(tmp_path: Path):
    """The first of them by name may well be its mask."""
    for name in ("ct", "liver"):
        save(tmp_path / "a" / f"{name}.nii.gz", CT)
    with pytest.raises(
        ValueError, match=r"2 images of one case \(ct.nii.gz, liver.nii.gz, ...\); name the file behind"
    ):
        find_images(tmp_path / "{case}", "", ["a"])
    assert find_images(tmp_path / "{case}" / "ct.nii.gz", "", ["a"]) == {"a": tmp_path / "a" / "ct.nii.gz"}


def test_an_array_of_a_file_is_found_by_a_pattern(tmp_path: Path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = CT
    (path,) = find_images(tmp_path / "{case}.h5::raw", "", ["a"]).values()
    np.testing.assert_array_equal(read_image(path, "", None).array, CT)


def test_of_several_channels_the_first_is_shown(tmp_path: Path):
    np.save(tmp_path / "flow.npy", np.arange(48.0).reshape(2, 3, 2, 4))
    np.testing.assert_array_equal(read_image(tmp_path / "flow.npy", "", None).array, np.arange(24.0).reshape(3, 2, 4))
    write_volume(tmp_path / "ct.nii.gz", Volume(CT, SPACING))
    assert read_image(tmp_path / "ct.nii.gz", "", (5.0, 1.0, 1.0)).spacing_mm == (5.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--image", "images"], "--image: images are shown in a report, and none is asked for; give --report"),
        (["--image-suffix", "_ct"], "--image-suffix: is of images, and there are none; give --image"),
        (["--series", "2"], "--series: is of images, and there are none; give --image"),
        (["--image", "nowhere", "--report", "r.html"], "nowhere: no such file or folder"),
        (["--image", __file__, "--report", "r.html"], "expected a volume file"),
    ],
)
def test_what_cannot_be_shown_is_told_before_the_work(folders, capsys, more, says):
    code, told = call(flags(folders, *more), capsys)
    assert (code, told.count("\n")) == (2, 1)
    assert says in told
    assert not folders[2].exists()
