import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ramify.data.files import read_image_or_series, read_label_map, read_mask, read_volume, write_volume
from ramify.data.formats.whole_numbers import as_labels, as_mask
from ramify.data.volume import Volume, check_same_geometry

TURNED = ((0.0, 0.6, -0.8), (0.0, 0.8, 0.6), (1.0, 0.0, 0.0))
VOLUME = Volume(
    np.random.default_rng(5).integers(-1000, 1000, (5, 6, 7)).astype(np.int16),
    (2.5, 0.5, 0.75),
    (1.0, -2.0, 30.0),
    TURNED,
)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_there_and_back(tmp_path, suffix):
    path = tmp_path / "new" / f"scan{suffix}"
    write_volume(path, VOLUME)
    back = read_volume(path)
    check_same_geometry(VOLUME, back, "written", "read")
    assert np.array_equal(back.array, VOLUME.array)
    assert back.array.dtype == np.int16
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_axes_are_turned_around_from_the_files_order(tmp_path):
    image = sitk.GetImageFromArray(np.zeros((2, 3, 4), np.uint8))  # z, y, x
    image.SetSpacing((1.0, 2.0, 3.0))  # x, y, z
    image.SetOrigin((10.0, 20.0, 30.0))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, 1, 0))  # x axis along y, y axis along z, z axis along x
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    volume = read_volume(tmp_path / "a.nrrd")
    assert volume.shape == (2, 3, 4)
    assert volume.spacing_mm == (3.0, 2.0, 1.0)
    assert volume.origin_mm == (30.0, 20.0, 10.0)
    for index in [(0, 0, 0), (1, 0, 0), (0, 2, 0), (1, 2, 3)]:
        theirs = image.TransformIndexToPhysicalPoint(index[::-1])[::-1]
        assert volume.world_mm([index])[0].tolist() == list(theirs)


def test_a_plane_in_nifti(tmp_path):
    plane = Volume(np.arange(12, dtype=np.float32).reshape(3, 4), (0.5, 2.0), (1.0, 2.0))
    write_volume(tmp_path / "plane.nii.gz", plane)
    back = read_volume(tmp_path / "plane.nii.gz")
    assert back.spacing_mm == (0.5, 2.0)
    assert np.array_equal(back.array, plane.array)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_the_same_volume_gives_the_same_bytes(tmp_path, suffix):
    for name in "a", "b":
        write_volume(tmp_path / f"{name}{suffix}", VOLUME)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_pictures_have_no_millimetres_unless_given(tmp_path):
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    image.SetSpacing((0.35, 0.35, 1.0))
    sitk.WriteImage(image, str(tmp_path / "stack.tif"))
    assert read_volume(tmp_path / "stack.tif").spacing_mm == (1.0, 1.0, 1.0)
    given = read_volume(tmp_path / "stack.tif", (0.003, 0.001, 0.001))
    assert given.spacing_mm == (0.003, 0.001, 0.001)
    assert np.array_equal(given.array, np.arange(24).reshape(2, 3, 4))
    with pytest.raises(ValueError, match=r"stack\.tif: spacing_mm: spacing must be > 0"):
        read_volume(tmp_path / "stack.tif", (0.0, 1.0, 1.0))


def test_a_colour_is_chosen_and_is_no_mask(tmp_path):
    colour = np.zeros((2, 2, 3), np.uint8)
    colour[0, 0] = (100, 0, 0)
    colour[1, 1] = (10, 20, 30)
    sitk.WriteImage(sitk.GetImageFromArray(colour, isVector=True), str(tmp_path / "rgb.png"))
    np.testing.assert_allclose(
        read_volume(tmp_path / "rgb.png", channel="luminance").array, [[29.9, 0], [0, 18.15]], rtol=1e-6
    )
    with pytest.raises(ValueError, match=r"rgb\.png: 3 channels that differ .* choose with --channels"):
        read_volume(tmp_path / "rgb.png")
    with pytest.raises(ValueError, match=r"rgb\.png: in colour .* where a mask"):
        read_mask(tmp_path / "rgb.png")
    grey = np.repeat(np.array([[0, 255], [255, 0]], np.uint8)[..., None], 3, axis=-1)
    sitk.WriteImage(sitk.GetImageFromArray(grey, isVector=True), str(tmp_path / "grey.png"))
    assert read_mask(tmp_path / "grey.png").array.tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("inside", [1, 255, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_masks_of_one_value(inside, dtype):
    mask = np.array([[0, 1], [1, 0]], bool)
    assert np.array_equal(as_mask(mask * dtype(inside), "m"), mask)


def test_however_an_array_lies_in_memory():
    labels = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert np.array_equal(as_labels(labels.T, "m"), labels.T)
    assert np.array_equal(as_mask((labels == 1).astype(np.float32).T, "m"), (labels == 1).T)


def test_empty_full_and_boolean_masks():
    assert not as_mask(np.zeros((2, 2), np.float32), "m").any()
    assert as_mask(np.full((2, 2), 255, np.uint8), "m").all()
    assert as_mask(np.ones((2, 2), bool), "m").dtype == bool


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.0, 0.5, 1.0], "probabilities where a mask is expected.*threshold it first"),
        ([0.0, 0.7], "probabilities where a mask is expected"),
        ([0.0, np.nan, 1.0], "NaN or infinite"),
        ([0.0, np.inf], "NaN or infinite"),
        ([0, 1, 2], r"2 different labels \(1, 2\).*to a file of its own"),
        ([1, 2], r"2 different labels \(1, 2\)"),
        (range(-1000, 1000), r"1999 different labels \(-1000, .*...\)"),
        ([0, -1], "-1 where a mask is expected"),
    ],
)
def test_what_is_no_mask_is_refused(values, says):
    with pytest.raises(ValueError, match=f"scan: .*{says}|scan: {says}") as caught:
        as_mask(np.array(values), "scan")
    assert "\n" not in str(caught.value)


@given(arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 4))), st.sampled_from([1, 7, 255]))
def test_a_mask_comes_back_from_any_value_it_is_stored_with(mask, value):
    assert np.array_equal(as_mask(mask.astype(np.uint8) * np.uint8(value), "m"), mask)


def test_label_maps_are_whole_numbers(tmp_path):
    write_volume(tmp_path / "labels.nii.gz", VOLUME.with_array((np.abs(VOLUME.array) % 4).astype(np.float32)))
    labels = read_label_map(tmp_path / "labels.nii.gz")
    assert labels.array.dtype == np.int32
    assert np.array_equal(labels.array, np.abs(VOLUME.array) % 4)
    write_volume(tmp_path / "soft.nii.gz", VOLUME.with_array(VOLUME.array / np.float32(3)))
    with pytest.raises(ValueError, match=r"soft\.nii\.gz: expected a label map of whole numbers"):
        read_label_map(tmp_path / "soft.nii.gz")


def test_a_written_mask_is_eight_bit(tmp_path):
    write_volume(tmp_path / "mask.nii.gz", VOLUME.with_array(VOLUME.array > 0))
    assert read_volume(tmp_path / "mask.nii.gz").array.dtype == np.uint8
    assert np.array_equal(read_mask(tmp_path / "mask.nii.gz").array, VOLUME.array > 0)


def truncated(suffix):
    def make(folder):
        write_volume(folder / f"whole{suffix}", VOLUME)
        content = (folder / f"whole{suffix}").read_bytes()
        (folder / f"bad{suffix}").write_bytes(content[: len(content) * 2 // 3])

    return make


def corrupted(folder):
    write_volume(folder / "whole.nii.gz", VOLUME)
    content = bytearray((folder / "whole.nii.gz").read_bytes())
    content[-40] ^= 255
    (folder / "bad.nii.gz").write_bytes(content)


def zero_spacing(suffix):
    def make(folder):
        write_volume(folder / f"whole{suffix}", VOLUME)
        content = bytearray((folder / f"whole{suffix}").read_bytes())
        if suffix == ".nii":
            content[76 + 4 * 3 : 76 + 4 * 4] = struct.pack("<f", 0.0)
        else:
            old = next(line for line in bytes(content).splitlines() if line.startswith(b"ElementSpacing"))
            content = bytearray(bytes(content).replace(old, b"ElementSpacing = 0.75 0.5 0"))
        (folder / f"bad{suffix}").write_bytes(content)

    return make


def zero_spacing_nrrd(folder):
    (folder / "bad.nrrd").write_bytes(
        b"NRRD0004\ntype: uint8\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 2 2\n"
        b"space directions: (1,0,0) (0,1,0) (0,0,0)\nencoding: raw\n\n" + bytes(8)
    )


def text(name):
    return lambda folder: (folder / name).write_text("this is no image\n")


def text_in_gzip(folder):
    (folder / "bad.nii.gz").write_bytes(gzip.compress(b"this is no image\n" * 100))


def four_dimensions(folder):
    image = sitk.GetImageFromArray(np.zeros((2, 2, 2), np.uint8))
    sitk.WriteImage(sitk.JoinSeries([image, image]), str(folder / "bad.nii.gz"))


def vectors(folder):
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 2, 2, 3), np.float32), isVector=True), str(folder / "bad.nrrd"))


@pytest.mark.parametrize(
    ("make", "name", "says"),
    [
        (lambda folder: None, "bad.nii.gz", "no such file"),
        (lambda folder: None, "bad.png", "no such file"),
        (truncated(".nii.gz"), "bad.nii.gz", "truncated or damaged"),
        (truncated(".nii"), "bad.nii", "truncated: .* bytes where its header announces"),
        (truncated(".nrrd"), "bad.nrrd", "damaged"),
        (truncated(".mha"), "bad.mha", "damaged"),
        (corrupted, "bad.nii.gz", "truncated or damaged"),
        (text("bad.nii.gz"), "bad.nii.gz", "not a gzip file"),
        (text("bad.nii"), "bad.nii", "not a NIfTI file"),
        (text_in_gzip, "bad.nii.gz", "not a NIfTI file"),
        (text("bad.nrrd"), "bad.nrrd", "not a .nrrd file"),
        (text("bad.mha"), "bad.mha", "not a .mha file"),
        (text("bad.png"), "bad.png", "not a .png file"),
        (text("bad.tif"), "bad.tif", "not a .tif file"),
        (text("bad.txt"), "bad.txt", "expected a volume file .*got another kind of file"),
        (text("bad.hdr"), "bad.hdr", "half of a NIfTI or Analyze pair: save both as one"),
        (text("bad.img"), "bad.img", "half of a NIfTI or Analyze pair: save both as one"),
        (text("bad.dcm"), "bad.dcm", "a DICOM slice: give the folder of its series"),
        (lambda folder: (folder / "bad.nii.gz").mkdir(), "bad.nii.gz", "expected a volume file .*got a folder"),
        (four_dimensions, "bad.nii.gz", "channels where one image is expected; choose with --channels"),
        (vectors, "bad.nrrd", "3 channels where one"),
        (zero_spacing(".nii"), "bad.nii", "spacing must be > 0"),
        (zero_spacing(".mha"), "bad.mha", "spacing must be > 0"),
        (zero_spacing_nrrd, "bad.nrrd", "spacing must be > 0"),
    ],
)
def test_bad_files_are_one_clear_line(tmp_path, capfd, make, name, says):
    make(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=says) as caught:
        read_volume(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "IO(0x" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_warnings_of_itk_reach_nobody_but_ours_do(tmp_path, capfd):
    write_volume(tmp_path / "a.nii", VOLUME)
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[76 + 4 * 3 : 76 + 4 * 4] = struct.pack("<f", 7.5)  # not what the sform says: ITK warns
    (tmp_path / "a.nii").write_bytes(content)
    read_volume(tmp_path / "a.nii")
    os.write(2, b"afterwards stderr is heard again\n")
    assert capfd.readouterr().err == "afterwards stderr is heard again\n"


def test_a_folder_is_read_as_a_series_and_a_file_as_a_file(tmp_path, write_series):
    write_series(tmp_path / "CT", np.zeros((3, 4, 5), np.int16))
    write_volume(tmp_path / "ct.nii.gz", VOLUME)
    assert read_image_or_series(tmp_path / "CT").shape == (3, 4, 5)
    assert read_image_or_series(tmp_path / "ct.nii.gz").shape == VOLUME.shape


def test_what_cannot_hold_geometry_is_not_written(tmp_path):
    for name in "mask.png", "mask.tif", "mask", "mask.mhd":
        with pytest.raises(ValueError, match="a volume is written as one of"):
            write_volume(tmp_path / name, VOLUME)
    assert not list(tmp_path.iterdir())


def test_an_output_that_cannot_be_made_is_named(tmp_path, capfd):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="cannot be written") as caught:
        write_volume(tmp_path / "file" / "mask.nii.gz", VOLUME)
    assert str(tmp_path / "file" / "mask.nii.gz") in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root and Windows may write to a read-only folder")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="Permission denied"):
        write_volume(tmp_path / "mask.nii.gz", VOLUME)
    tmp_path.chmod(0o700)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from ramify.data.files import write_volume
from ramify.data.volume import Volume
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then fails like one on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
noise = np.random.default_rng(0).integers(0, 255, (40, 40, 40)).astype(np.uint8)
try:
    write_volume(Path(sys.argv[1]), Volume(noise, (1.0, 1.0, 1.0)))
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on file sizes")
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".mha", ".nrrd"])
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, suffix):
    path = tmp_path / f"mask{suffix}"
    path.write_text("the old one")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert "cannot be written" in done.stdout
    assert done.stderr == ""
    assert path.read_text(encoding="utf-8") == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_will_do_for_a_path(tmp_path):
    name = str(tmp_path / "mask.nii.gz")
    write_volume(name, Volume(np.ones((2, 3, 4), np.uint8), (1.0, 1.0, 1.0)))
    assert read_volume(name).shape == read_mask(name).shape == read_label_map(name).shape == (2, 3, 4)
    assert read_image_or_series(name).shape == (2, 3, 4)
