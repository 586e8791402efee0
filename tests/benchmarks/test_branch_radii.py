"""The branch radii of a folder of masks, from the files to a picture and a row each."""

import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import tifffile

from benchmarks.branch_radii import main, measure_mask
from ramify.data.files import write_volume
from ramify.data.mask_folders import vessel_masks
from ramify.data.volume import Volume
from ramify.vessels.scale_settings import ScaleSettings
from tests.preprocessing.drawn_cases import bars_in_a_box

ROOT = Path(__file__).parents[2]


def write_masks(folder):
    raw = bars_in_a_box()
    write_volume(folder / "case-2_vessel.nii.gz", raw.vessels)
    # The origin is wrong, as it is in some data sets; a radius does not mind.
    write_volume(folder / "case-10_vessel.nii.gz", Volume(raw.vessels.array, raw.vessels.spacing_mm))
    write_volume(folder / "case-10_liver.nii.gz", raw.organ)
    write_volume(folder / "case-11_vessel.nii.gz", raw.image.with_array(np.zeros(raw.image.shape, bool)))
    (folder / "readme.txt").write_text("not a mask")
    return folder


def measured(folder):
    return {case: measure_mask(path, ScaleSettings())[0] for case, path in vessel_masks(folder).items()}


def test_every_vessel_mask_is_measured_and_no_organ(tmp_path):
    radii = measured(write_masks(tmp_path / "masks"))
    assert list(radii) == ["case-10", "case-11", "case-2"]
    assert radii["case-2"] == radii["case-10"]
    assert len(radii["case-2"]) == 4
    assert radii["case-11"] == []


def test_from_masks_to_a_picture(tmp_path, capsys):
    output = tmp_path / "figures/radii.png"
    assert main(["--masks", str(write_masks(tmp_path / "masks")), "--output", str(output)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["case-2", "case-10", "case-11", "figure:"]
    assert "4 branches" in rows[0]
    assert "no vessels" in rows[2]
    assert matplotlib.image.imread(output).std() > 0.05


def test_one_bad_mask_costs_itself_alone(tmp_path, capsys):
    folder = write_masks(tmp_path / "masks")
    (folder / "case-12_vessel.nii.gz").write_bytes(b"damaged")
    raw = bars_in_a_box()
    # As predict.py leaves them, and an organ in capitals.
    write_volume(folder / "case-2_probabilities.nii.gz", raw.image)
    write_volume(folder / "case-2_LIVER.nii.gz", raw.organ)
    assert main(["--masks", str(folder), "--output", str(tmp_path / "radii.png")]) == 1
    told = capsys.readouterr()
    assert [row.split()[0] for row in told.out.splitlines()] == ["case-2", "case-10", "case-11", "figure:"]
    assert told.err.startswith(f"error: {folder / 'case-12_vessel.nii.gz'}: ")
    assert told.err.count("\n") == 1


def test_two_masks_of_one_case_are_refused(tmp_path):
    raw = bars_in_a_box()
    for name in ("a.nii.gz", "a_vessel.nrrd"):
        write_volume(tmp_path / "masks" / name, raw.vessels)
    with pytest.raises(ValueError, match=r"a\.nii\.gz and a_vessel\.nrrd are both of case a"):
        main(["--masks", str(tmp_path / "masks"), "--output", str(tmp_path / "radii.png")])


def test_label_maps_and_files_without_millimetres(tmp_path, capsys):
    raw = bars_in_a_box()
    (tmp_path / "masks").mkdir()
    labels = np.where(raw.vessels.array, 2, raw.organ.array).astype(np.uint8)
    tifffile.imwrite(tmp_path / "masks" / "a.tif", labels, photometric="minisblack")
    command = ["--masks", str(tmp_path / "masks"), "--output", str(tmp_path / "radii.png")]
    assert main(command) == 2
    assert "which of them are the vessels with --label" in capsys.readouterr().err
    assert main([*command, "--label", "2", "--spacing-mm", *map(str, raw.vessels.spacing_mm)]) == 0
    write_volume(tmp_path / "same" / "a.nii.gz", raw.vessels)
    expected = np.median(measured(tmp_path / "same")["a"])
    assert f"median {expected:.2f} mm" in capsys.readouterr().out


def test_bad_folders_are_one_line(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "mask.nii.gz").write_text("no mask")
    for folder in ("missing", "empty"):
        with pytest.raises((ValueError, OSError), match=rf"^{tmp_path / folder}: [^\n]+$"):
            main(["--masks", str(tmp_path / folder), "--output", str(tmp_path / "radii.png")])
    assert main(["--masks", str(broken), "--output", str(tmp_path / "radii.png")]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {broken / 'mask.nii.gz'}: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "radii.png").exists()


def test_it_runs_as_a_module(tmp_path):
    command = [
        sys.executable,
        "-m",
        "benchmarks.branch_radii",
        "--masks",
        str(tmp_path / "no"),
        "--output",
        "x.png",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_real_masks(real_data, tmp_path):
    folder = real_data / "ircadb_masks"
    if not folder.is_dir():
        pytest.skip(f"no 3D-IRCADb masks in {real_data}")
    chosen = tmp_path / "masks"
    chosen.mkdir()
    # One mask of few pieces and one of hundreds.
    for case in (4, 6):
        name = f"3Dircadb-{case}_vessel.nii.gz"
        (chosen / name).symlink_to(folder / name)
    radii = measured(chosen)
    for values in radii.values():
        assert len(values) > 200
        # Liver vessels drawn by hand on voxels of 0.56 to 0.87 mm: none thinner than a quarter voxel, none of 2 cm.
        assert min(values) > 0.15
        assert max(values) < 20
        assert 0.8 < np.median(values) < 3
