"""Every form that holds several channels: what another program wrote is what is read, by name and in order."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image

from ramify.data.files import read_channels, read_label_map, read_mask, read_volume, stored_in

SHAPE = (3, 4, 5)
SPACING = (2.5, 0.8, 0.7)
Write = Callable[[Path, np.ndarray], object]


def by_itk_vectors(path: Path, array: np.ndarray) -> None:
    image = sitk.GetImageFromArray(np.moveaxis(array, 0, -1), isVector=True)
    image.SetSpacing(SPACING[::-1])
    sitk.WriteImage(image, str(path))


def by_itk_in_time(path: Path, array: np.ndarray) -> None:
    image = sitk.JoinSeries([sitk.GetImageFromArray(channel) for channel in array])
    image.SetSpacing((*SPACING[::-1], 1.0))
    sitk.WriteImage(image, str(path))


def nrrd_along(axis: int, kind: str) -> Write:
    """Channels along any axis of the file, the first being the fastest."""

    def write(path: Path, array: np.ndarray) -> None:
        stored = np.moveaxis(array, 0, 3 - axis)
        name = {"u1": "uchar", "i2": "short", "f4": "float"}[array.dtype.str[1:]]
        directions, kinds = ["(0.7,0,0)", "(0,0.8,0)", "(0,0,2.5)"], ["domain"] * 3
        directions.insert(axis, "none")
        kinds.insert(axis, kind)
        head = (
            f"NRRD0004\ntype: {name}\ndimension: 4\nspace: left-posterior-superior\nsizes: "
            f"{' '.join(map(str, stored.shape[::-1]))}\nspace directions: {' '.join(directions)}\n"
            f"kinds: {' '.join(kinds)}\nendian: little\nencoding: gzip\nspace origin: (0,0,0)\n\n"
        )
        path.write_bytes(head.encode() + gzip.compress(np.ascontiguousarray(stored).tobytes()))

    return write


def by_h5py(path: Path, array: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("volumes/raw", data=array, compression="gzip")
        dataset.attrs["element_size_um"] = np.array(SPACING) * 1000


FORMS: dict[str, tuple[str, Write, bool]] = {
    "NIfTI, 4D": ("a.nii.gz", by_itk_in_time, True),
    "NIfTI, 5D vectors": ("a.nii", by_itk_vectors, True),
    "NRRD by ITK": ("a.nrrd", by_itk_vectors, True),
    **{
        f"NRRD, {kind} along axis {axis}": ("a.nrrd", nrrd_along(axis, kind), True)
        for axis, kind in ((0, "vector"), (1, "list"), (2, "vector"), (3, "list"))
    },
    "MetaImage, vectors": ("a.mha", by_itk_vectors, True),
    "MetaImage, 4D": ("a.mhd", by_itk_in_time, True),
    "HDF5": ("a.h5", by_h5py, True),
    "NumPy": ("a.npy", lambda path, array: np.save(path, array), False),
    "NumPy, packed": ("a.npz", lambda path, array: np.savez_compressed(path, only=array), False),
    "TIFF, ZCYX": (
        "a.tif",
        lambda path, array: tifffile.imwrite(
            path, array.swapaxes(0, 1), imagej=True, metadata={"axes": "ZCYX"}, photometric="minisblack"
        ),
        False,
    ),
}


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4"])
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("form", FORMS)
def test_channels_of_volumes(tmp_path, form, count, dtype):
    name, write, placed = FORMS[form]
    if dtype == "i2" and "TIFF" in form:
        dtype = "u2"
    array = np.random.default_rng(count).integers(0, 100, (count, *SHAPE)).astype(dtype)
    write(tmp_path / name, array)
    channels = read_channels(tmp_path / name, ["all"])
    assert list(channels) == [f"channel_{number}" for number in range(count)]
    for volume, expected in zip(channels.values(), array, strict=True):
        assert np.array_equal(volume.array, expected)
        assert volume.array.dtype == expected.dtype
        assert volume.spacing_mm == pytest.approx(SPACING if placed else (1.0, 1.0, 1.0))
        assert volume.placed == placed
    last, first = read_channels(tmp_path / name, [str(count - 1), "channel_0"]).items()
    assert (last[0], first[0]) == (f"channel_{count - 1}", "channel_0")
    assert np.array_equal(last[1].array, array[-1])
    with pytest.raises(ValueError, match=f"{count} channels.* where one image is expected; choose with --channels"):
        read_volume(tmp_path / name)
    with pytest.raises(ValueError, match=r"where (one|a) mask is expected"):
        read_mask(tmp_path / name)


def by_pillow(**settings: Any) -> Write:
    return lambda path, array: Image.fromarray(np.moveaxis(array, 0, -1)).save(path, **settings)


PICTURES: dict[str, tuple[str, Write]] = {
    "PNG": ("a.png", by_pillow()),
    "BMP": ("a.bmp", by_pillow()),
    "PPM": ("a.ppm", by_pillow()),
    "GIF": (
        "a.gif",
        lambda path, array: (
            Image.fromarray(np.moveaxis(array, 0, -1)).quantize(256, dither=Image.Dither.NONE).save(path)
        ),
    ),
    "TIFF, interleaved": (
        "a.tif",
        lambda path, array: tifffile.imwrite(path, np.moveaxis(array, 0, -1), photometric="rgb"),
    ),
    "TIFF, planes": ("a.tif", lambda path, array: tifffile.imwrite(path, array, photometric="rgb", planarconfig=2)),
}


@pytest.mark.parametrize("form", PICTURES)
def test_colours_of_pictures(tmp_path, form):
    name, write = PICTURES[form]
    # Few colours, so that a palette holds all of them.
    array = (np.random.default_rng(0).integers(0, 3, (3, 5, 7)) * 60).astype(np.uint8)
    write(tmp_path / name, array)
    for wanted in (["all"], ["red", "green", "blue"], ["0", "1", "2"]):
        colours = read_channels(tmp_path / name, wanted)
        assert list(colours) == ["red", "green", "blue"]
        assert np.array_equal([volume.array for volume in colours.values()], array)
    luminance = read_volume(tmp_path / name, channel="luminance").array
    np.testing.assert_allclose(luminance, np.tensordot([0.299, 0.587, 0.114], array, 1), rtol=1e-5)
    with pytest.raises(ValueError, match=r"3 channels that differ .*--channels \(red, green, blue, luminance, all\)"):
        read_channels(tmp_path / name)


def test_colours_that_are_all_equal_are_grey_unless_they_are_asked_for(tmp_path):
    grey = np.arange(35, dtype=np.uint8).reshape(5, 7)
    by_pillow()(tmp_path / "a.png", np.stack([grey] * 3))
    assert list(read_channels(tmp_path / "a.png")) == ["image"]
    green = read_channels(tmp_path / "a.png", ["green"])
    assert np.array_equal(green["green"].array, grey)


def test_a_blurred_picture_has_the_colours_that_pillow_reads(tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (3, 16, 24)).astype(np.uint8)
    by_pillow(quality=90)(tmp_path / "a.jpg", array)
    with Image.open(tmp_path / "a.jpg") as opened:
        expected = np.asarray(opened)
    found = read_channels(tmp_path / "a.jpg", ["all"])
    assert np.array_equal(np.stack([volume.array for volume in found.values()], -1), expected)


def cremi(path: Path, raw: np.ndarray, clefts: np.ndarray) -> Path:
    """A file as CREMI ships it: nm, and 2^64 - 1 for background."""
    with h5py.File(path, "w") as file:
        for key, array in (("volumes/raw", raw), ("volumes/labels/clefts", clefts)):
            file.create_dataset(key, data=array, chunks=True).attrs["resolution"] = [40.0, 4.0, 4.0]
        file.create_dataset("annotations/ids", data=np.arange(3))
    return path


def test_arrays_of_hdf5_by_name(tmp_path):
    raw = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    clefts = np.full(SHAPE, 2**64 - 1, np.uint64)
    clefts[1, 1:3] = 7
    path = cremi(tmp_path / "sample.hdf", raw, clefts)
    volume = read_volume(Path(f"{path}::volumes/raw"))
    assert np.array_equal(volume.array, raw)
    assert volume.spacing_mm == pytest.approx((4e-5, 4e-6, 4e-6))
    assert volume.notes == ("its attribute resolution is taken for nm, z y x: converted to mm",)
    assert np.array_equal(read_label_map(f"{path}::/volumes/labels/clefts").array, np.where(clefts == 7, 7, 0))
    assert read_mask(f"{path}::volumes/labels/clefts").array.sum() == 10
    assert stored_in(Path(f"{path}::volumes/raw")) == [path]
    given = read_volume(f"{path}::volumes/raw", spacing_mm=(1.0, 2.0, 3.0))
    assert (given.spacing_mm, given.notes) == ((1.0, 2.0, 3.0), ())
    both = read_channels(path, ["volumes/labels/clefts", "volumes/raw"])
    assert list(both) == ["volumes/labels/clefts", "volumes/raw"]
    with pytest.raises(ValueError, match=r"holds 2 arrays \(volumes/labels/clefts, volumes/raw\); name the one"):
        read_volume(path)
    for key in "volumes/row", "volumes", "volumes/raw/more":
        with pytest.raises(ValueError, match=r"sample\.hdf: .*it has volumes/labels/clefts, volumes/raw"):
            read_volume(f"{path}::{key}")


def test_arrays_of_another_file_are_not_followed(tmp_path):
    cremi(tmp_path / "other.h5", np.ones(SHAPE, np.uint8), np.ones(SHAPE, np.uint64))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["out"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "volumes/raw")
        file["loop"] = h5py.SoftLink("/")
        layout = h5py.VirtualLayout(SHAPE, "u1")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "volumes/raw", SHAPE)
        file.create_virtual_dataset("virtual", layout)
    for key in "out", "virtual":
        with pytest.raises(ValueError, match=rf"a\.h5: '{key}' lies in another file"):
            read_volume(tmp_path / f"a.h5::{key}")


def write_objects(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        ("a.npy", lambda path: path.write_bytes(b"\x93NUMPY and no more"), "damaged"),
        ("a.npy", write_objects, "damaged"),
        ("a.npy", lambda path: np.save(path, np.zeros(5)), "expected numbers of 2 to 4 dimensions"),
        ("a.npy", lambda path: np.save(path, np.full(SHAPE, np.nan)), "60 voxels are NaN"),
        ("a.npz", lambda path: np.savez(path, a=np.zeros(SHAPE), b=np.zeros(SHAPE)), r"2 arrays \(a, b\).*a\.npz::a"),
        ("a.npz", lambda path: path.write_bytes(b"PK no zip"), "damaged"),
        ("a.h5", lambda path: path.write_bytes(b"no HDF5"), "damaged or not an HDF5 file"),
        ("a.h5", lambda path: h5py.File(path, "w").close(), "holds no array"),
    ],
)
def test_arrays_that_cannot_be_read_are_refused_in_a_line(tmp_path, name, write, says):
    write(tmp_path / name)
    with pytest.raises(ValueError, match=rf"{name}.*{says}") as caught:
        read_volume(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_arrays_by_name_in_an_archive_that_do_not_fit(tmp_path):
    np.savez(tmp_path / "a.npz", t1=np.zeros(SHAPE), t2=np.ones((3, 4, 6)))
    with pytest.raises(ValueError, match=r"array t2 does not lie on .*array t1"):
        read_channels(tmp_path / "a.npz", ["t1", "t2"])
    assert read_volume(tmp_path / "a.npz::t2").shape == (3, 4, 6)
    with pytest.raises(ValueError, match="holds no array 't3'; it has t1, t2"):
        read_volume(tmp_path / "a.npz::t3")
