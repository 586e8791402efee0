"""What is wrong with the cases of a data set, all of it before any case is prepared, and what they hold."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from ramify.console.progress import QUIET_VARIABLE
from ramify.data.case_store import list_cases
from ramify.data.files import write_volume
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from tests.preprocess.pairs import call
from tests.preprocessing.drawn_cases import bars_in_a_box

pytestmark = pytest.mark.usefixtures("cases_in_this_process")

NAMES = ["A ok", "b no label", "C no organ", "d cut off", "e other grid", "f ok"]


@pytest.fixture
def root(tmp_path):
    """nnU-Net's layout with organ masks of their own: four of six cases are faulty, each in another way."""
    raw, root = bars_in_a_box(), tmp_path / "My Data"
    for name in NAMES:
        write_volume(root / f"imagesTr/{name}_0000.nii.gz", raw.image)
        write_volume(root / f"labelsTr/{name}.nii.gz", raw.vessels)
        write_volume(root / f"livers/{name}.nii.gz", raw.organ)
    (root / "labelsTr/b no label.nii.gz").unlink()
    (root / "livers/C no organ.nii.gz").unlink()
    image = root / "imagesTr/d cut off_0000.nii.gz"
    image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    write_volume(root / "labelsTr/e other grid.nii.gz", replace(raw.vessels, array=raw.vessels.array[:-1]))
    description = {"labels": {"background": 0, "vessel": 1}, "channel_names": {"0": "CT"}}
    (root / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    return root


def words(root, output, *more):
    argv = [
        "--dataset",
        "nnunet",
        "--root",
        str(root),
        "--output",
        str(output),
        "--nnunet.organs",
        str(root / "livers"),
    ]
    return [*argv, "--preprocessing.grid.crop", "volume", "--folds.folds", "2", *more]


def said(err):
    """The faults, one a case."""
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 4
    return lines


EXPECTED = [
    "b no label_0000.nii.gz: has no label map b no label",
    "no organ mask called C no organ",
    "d cut off_0000.nii.gz",
    "does not lie on",
]


def test_all_faults_are_told_before_any_work(root, tmp_path, capsys):
    code, out, err = call(words(root, tmp_path / "cases"), capsys)
    assert code == 2
    for part in EXPECTED:
        assert sum(part in line for line in said(err)) == 1, part
    assert "4 of 6 cases are faulty, nothing was prepared" in out
    assert not (tmp_path / "cases").exists()


def test_the_good_ones_go_on_if_asked(root, tmp_path, capsys):
    code, out, err = call(words(root, tmp_path / "cases", "--skip-faulty"), capsys)
    assert code == 1
    said(err)
    assert list_cases(tmp_path / "cases") == ["A ok", "f ok"]
    assert json.loads((tmp_path / "cases/splits_final.json").read_text(encoding="utf-8"))[0]["val"]
    assert "4 of 6 cases are faulty and were left out" in out


def test_a_look_alone(root, tmp_path, capsys):
    code, out, err = call(words(root, tmp_path / "cases", "--check"), capsys)
    assert code == 1
    said(err)
    assert not (tmp_path / "cases").exists()
    rows = dict(zip(["", *NAMES], out.splitlines(), strict=False))
    raw = bars_in_a_box()
    size, spacing = (" x ".join(f"{its:g}" for its in sides) for sides in (raw.image.shape, raw.image.spacing_mm))
    low, high = raw.image.array.min(), raw.image.array.max()
    vessels = f"vessels {np.count_nonzero(raw.vessels.array):,}"
    for part in (size, spacing, f"{low:.4g} to {high:.4g}", vessels, "organ"):
        assert part in rows["A ok"]
    assert rows["d cut off"].split() == ["d", "cut", "off", "faulty"]
    assert "6 cases, 4 faulty" in out
    # Whole, but for folds that cannot be made.
    for name in NAMES[1:5]:
        for path in root.rglob(f"{name}*"):
            path.unlink()
    code, out, err = call(words(root, tmp_path / "cases", "--check", "--folds.folds", "3"), capsys)
    assert code == 2
    assert "2 cases, none faulty" in out
    assert "only 2 patients; ask for at most 2 (--folds.folds 2)" in err


def test_a_look_needs_no_output_and_a_preparation_does(root, tmp_path, capsys):
    given = [word for word in words(root, tmp_path / "cases") if word not in ("--output", str(tmp_path / "cases"))]
    code, out, _ = call([*given, "--check"], capsys)
    assert (code, "6 cases, 4 faulty" in out) == (1, True)
    code, _, err = call(given, capsys)
    assert code == 2
    assert err == "error: --output PATH: missing; the folder of the prepared cases (--check alone needs none)\n"


def test_no_store_is_left_where_the_good_ones_are_too_few_for_the_folds(root, tmp_path, capsys):
    code, _, err = call(words(root, tmp_path / "cases", "--skip-faulty", "--folds.folds", "3"), capsys)
    assert code == 2
    assert "--folds.folds 2" in err
    assert not (tmp_path / "cases").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("no organ", "the organ mask is empty"),
        ("vessels in a speck", "none of its .* vessel voxels lies inside the organ"),
        ("one grey value", "constant, every voxel is 7"),
    ],
)
def test_what_cannot_be_prepared_is_found_by_a_look(root, tmp_path, capsys, change, says):
    raw = bars_in_a_box()
    image, vessels, organ = raw.image.array.copy(), raw.vessels.array.copy(), raw.organ.array.copy()
    if change == "no organ":
        organ[:] = False
    elif change == "vessels in a speck":
        organ[:] = vessels[:] = False
        organ[:4] = True
        organ[-1, -1, -1] = vessels[-1, -1, -1] = True
    else:
        image[:] = 7
    write_volume(root / "imagesTr/A ok_0000.nii.gz", replace(raw.image, array=image))
    write_volume(root / "labelsTr/A ok.nii.gz", replace(raw.vessels, array=vessels))
    write_volume(root / "livers/A ok.nii.gz", replace(raw.organ, array=organ))
    with pytest.raises(ValueError, match=says):
        prepare_case(replace(raw, images={"CT": replace(raw.image, array=image)}, **masks(raw, vessels, organ)), WHOLE)
    code, out, err = call(words(root, tmp_path / "cases", "--check"), capsys)
    assert code == 1
    assert "6 cases, 5 faulty" in out
    assert re.search(f"error: case A ok: {says}", err)


WHOLE = PreprocessingSettings(grid=GridSettings(crop="volume"))


def masks(raw, vessels, organ):
    return {"vessels": replace(raw.vessels, array=vessels), "organ": replace(raw.organ, array=organ), "structures": {}}


@pytest.mark.parametrize(("quiet", "told"), [(None, True), ("1", False)])
def test_what_is_compiled_first_is_told_where_progress_is_shown(root, tmp_path, capsys, monkeypatch, quiet, told):
    monkeypatch.setattr("ramify.stages.preprocess.what_compiling_takes", lambda kernel: "compiling, once")
    if quiet is None:
        monkeypatch.delenv(QUIET_VARIABLE)
    for path in [*root.glob("*/*.nii.gz")]:
        if not path.name.startswith("A ok"):
            path.unlink()
    _, out, err = call(words(root, tmp_path / "cases", "--check"), capsys)
    assert err.startswith("compiling, once\n") == told
    # And one case is not several.
    assert "checked:  1 case, none faulty\n" in out
