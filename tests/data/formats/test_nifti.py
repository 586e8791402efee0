import gzip
import struct

import numpy as np
import pytest
import SimpleITK as sitk

from ramify.data.files import read_label_map, read_mask, read_volume, write_volume
from ramify.data.itk import volume_to_image
from ramify.data.volume import Volume

ARRAY = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
SCANNER, ALIGNED = 1, 2
STRAIGHT = np.array([[0.7, 0, 0, 5], [0, 0.8, 0, 6], [0, 0, 2.5, 7]])


def write_nifti(path, array=ARRAY, affine=STRAIGHT, **changed):
    """A NIfTI-1 file byte by byte; `changed` are fields of its header."""
    fields = {
        "dim": (3, *array.shape[::-1]),
        "datatype": {"i2": 4, "u1": 2, "f4": 16, "u4": 768}[array.dtype.str[1:]],
        "bitpix": 8 * array.dtype.itemsize,
        "pixdim": (1, *np.linalg.norm(affine[:, :3], axis=0)),
        "vox_offset": 352,
        "scaling": (1, 0),
        "units": 2,
        "codes": (0, SCANNER),
        "quaternion": (0, 0, 0, 0, 0, 0),
        "magic": b"n+1\0",
        **changed,
    }
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, *fields["dim"], *[1] * (8 - len(fields["dim"])))
    struct.pack_into("<2h", header, 70, fields["datatype"], fields["bitpix"])
    struct.pack_into("<8f", header, 76, *fields["pixdim"], *[1] * (8 - len(fields["pixdim"])))
    struct.pack_into("<3f", header, 108, fields["vox_offset"], *fields["scaling"])
    header[123] = fields["units"]
    struct.pack_into("<2h6f", header, 252, *fields["codes"], *fields["quaternion"])
    struct.pack_into("<12f", header, 280, *affine.ravel())
    header[344:348] = fields["magic"]
    content = bytes(header) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8", "i8", "u8"])
def test_numbers_and_place_are_those_another_library_wrote(tmp_path, suffix, dtype):
    noise = np.random.default_rng(0)
    turned, _ = np.linalg.qr(noise.normal(size=(3, 3)))
    image = sitk.GetImageFromArray(noise.integers(0, 100, ARRAY.shape).astype(dtype))
    image.SetSpacing((0.7, 1.25, 3.0))
    image.SetOrigin((10.0, -20.0, 30.0))
    image.SetDirection(turned.ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / f"a{suffix}"))
    volume = read_volume(tmp_path / f"a{suffix}")
    assert np.array_equal(volume.array, sitk.GetArrayFromImage(image))
    assert volume.array.dtype == dtype
    for corner in ((0, 0, 0), (2, 0, 0), (0, 3, 0), (2, 3, 4)):
        theirs = image.TransformIndexToPhysicalPoint(corner[::-1])[::-1]
        np.testing.assert_allclose(volume.world_mm([corner])[0], theirs, atol=1e-4)


def test_a_packed_file_is_read_itself_and_not_an_unpacked_one_beside_it(tmp_path):
    write_nifti(tmp_path / "a.nii", ARRAY + 1)
    write_nifti(tmp_path / "a.nii.gz", ARRAY)
    assert np.array_equal(read_volume(tmp_path / "a.nii.gz").array, ARRAY)
    assert np.array_equal(read_volume(tmp_path / "a.nii").array, ARRAY + 1)


def test_axes_a_little_off_a_right_angle_are_brought_there(tmp_path):
    sheared = STRAIGHT.copy()
    sheared[0, 2] = 1e-4 * 2.5
    volume = read_volume(write_nifti(tmp_path / "a.nii.gz", affine=sheared))
    matrix = np.array(volume.direction)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-12)
    assert volume.notes == ()
    corner = np.array([4, 3, 2, 1])
    theirs = (sheared @ corner * [-1, -1, 1])[::-1]
    assert np.linalg.norm(volume.world_mm([corner[2::-1]])[0] - theirs) < 3e-4
    angle = np.deg2rad(12.3456)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    rounded = np.column_stack([np.round(turn @ np.diag([0.7031, 0.7031, 2.5]), 3), [0, 0, 0]])
    assert read_volume(write_nifti(tmp_path / "b.nii.gz", affine=rounded)).shape == ARRAY.shape


def test_a_mended_move_is_noted_and_shear_refused(tmp_path):
    for shear, outcome in ((0.02, "noted"), (0.5, "refused")):
        sheared = STRAIGHT.copy()
        sheared[0, 2] = shear * 2.5
        path = write_nifti(tmp_path / f"{outcome}.nii.gz", ARRAY.repeat(4, axis=0), affine=sheared)
        if outcome == "noted":
            assert "axes brought to right angles, which moves corners by" in read_volume(path).notes[0]
        else:
            with pytest.raises(ValueError, match=r"sheared: its axes are 26\.6 degrees off a right angle, .* mm"):
                read_volume(path)


def test_labels_that_were_stored_scaled_are_whole(tmp_path):
    labels = ARRAY % 5
    slope = float(np.float32(4 / 65535))
    intercept = float(np.float32(32768 * 4 / 65535))
    stored = np.round((labels - intercept) / slope).astype(np.int16)
    path = write_nifti(tmp_path / "labels.nii.gz", stored, scaling=(slope, intercept))
    assert (read_volume(path).array != labels).any()
    assert np.array_equal(read_label_map(path).array, labels)
    mask = (((ARRAY > 9) - 0.5) * 65534).astype(np.int16)
    path = write_nifti(tmp_path / "mask.nii.gz", mask, scaling=(1 / 65535, 0.5))
    assert np.array_equal(read_mask(path).array, ARRAY > 9)


def test_scaling_of_images(tmp_path):
    volume = read_volume(write_nifti(tmp_path / "a.nii", scaling=(0.5, -1000)))
    np.testing.assert_allclose(volume.array, ARRAY * 0.5 - 1000)
    for none in ((0, 7), (np.nan, np.nan), (1, 0)):
        volume = read_volume(write_nifti(tmp_path / "a.nii", scaling=none))
        assert np.array_equal(volume.array, ARRAY)
        assert volume.array.dtype == np.int16


def test_lengths_in_metres_and_microns_become_millimetres(tmp_path):
    plain = read_volume(write_nifti(tmp_path / "a.nii"))
    for units, factor in ((1, 0.001), (3, 1000)):
        volume = read_volume(write_nifti(tmp_path / "a.nii", affine=STRAIGHT * factor, units=units))
        np.testing.assert_allclose(volume.world_mm([[2, 3, 4]]), plain.world_mm([[2, 3, 4]]), rtol=1e-5)
        assert "converted to mm" in volume.notes[0]
    assert read_volume(write_nifti(tmp_path / "a.nii", units=0)).notes == ()


def test_which_of_two_places_is_taken_is_noted(tmp_path):
    elsewhere = (0, 0, 0, 1, 2, 3)
    for codes, origin in (((2, SCANNER), (7, -6, -5)), ((SCANNER, ALIGNED), (3, -2, -1))):
        volume = read_volume(write_nifti(tmp_path / "a.nii", codes=codes, quaternion=elsewhere))
        np.testing.assert_allclose(volume.origin_mm, origin)
        assert "its sform and qform lie up to 6.93 mm apart" in volume.notes[0]
    volume = read_volume(write_nifti(tmp_path / "a.nii", pixdim=(1, 0.7, 0.8, 7.0)))
    np.testing.assert_allclose(volume.spacing_mm, (2.5, 0.8, 0.7))
    assert "its pixdim 0.7 x 0.8 x 7 mm: the sform is taken" in volume.notes[0]


def test_a_fourth_axis_of_one_is_none(tmp_path):
    assert read_volume(write_nifti(tmp_path / "a.nii", dim=(4, 5, 4, 3, 1))).shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"vox_offset": 0}, "first voxel at byte 0, 352 at the least"),
        ({"vox_offset": 348}, "first voxel at byte 348"),
        ({"vox_offset": np.nan}, "first voxel at byte nan"),
        ({"vox_offset": np.inf}, "first voxel at byte inf"),
        ({"vox_offset": 1e9}, "truncated"),
        ({"bitpix": 8}, "8 bits a voxel for numbers of 16"),
        ({"datatype": 128, "bitpix": 24}, r"holds colours \(RGB\)"),
        ({"datatype": 32, "bitpix": 64}, "holds complex numbers"),
        ({"datatype": 999}, "unknown type 999"),
        ({"scaling": (np.inf, 0)}, "scaled by inf"),
        ({"scaling": (1, np.nan)}, "shifted by nan"),
        ({"scaling": (3e38, 0)}, "voxels are NaN or infinite"),
        ({"units": 6}, "unit of length has the number 6"),
        ({"dim": (3, 5, 4, 30)}, "truncated"),
        ({"dim": (3, 5, 4, -3)}, "expected sizes > 0"),
        ({"dim": (3, 32767, 32767, 32767)}, "unpacks to|truncated"),
        ({"dim": (5, 5, 4, 3, 2, 2)}, "5 dimensions"),
        ({"dim": (1, 60)}, "1 dimensions"),
        ({"pixdim": (1, 0.7, np.nan, 2)}, "spacing must be > 0"),
        ({"magic": b"ni1\0"}, "header of a pair"),
        ({"magic": b"\0\0\0\0"}, "not a NIfTI file"),
        ({"codes": (1, 0), "quaternion": (2, 2, 2, 0, 0, 0)}, "its qform is no rotation"),
        ({"affine": STRAIGHT * np.nan, "pixdim": (1, 1, 1, 1)}, "expected finite numbers for place"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_what_a_header_may_not_say(tmp_path, changed, says):
    for suffix in (".nii", ".nii.gz"):
        path = write_nifti(tmp_path / f"bad{suffix}", **changed)
        with pytest.raises(ValueError, match=rf"{suffix}: .*({says}|cannot hold)") as caught:
            read_volume(path)
        assert "\n" not in str(caught.value)


def test_infinite_voxels_and_surplus_bytes_are_refused(tmp_path):
    real = ARRAY.astype(np.float32)
    real[1, 2, 3], real[0, 0, 0] = np.inf, -np.inf
    with pytest.raises(ValueError, match=r"2 voxels are NaN or infinite"):
        read_volume(write_nifti(tmp_path / "a.nii.gz", real))
    path = write_nifti(tmp_path / "long.nii", ARRAY.repeat(20, axis=0), dim=(3, 5, 4, 3))
    with pytest.raises(ValueError, match="holds more than the 120 bytes"):
        read_volume(path)


def test_labels_beyond_32_bits_do_not_wrap_around(tmp_path):
    with pytest.raises(ValueError, match="renumber them"):
        read_label_map(write_nifti(tmp_path / "a.nii", np.full((3, 4, 5), 4_000_000_000, np.uint32)))


def test_version_2_of_the_format(tmp_path):
    header = bytearray(544)
    struct.pack_into("<i", header, 0, 540)
    header[4:12] = b"n+2\0\r\n\x1a\n"
    struct.pack_into("<2h8q", header, 12, 4, 16, 3, 5, 4, 3, 1, 1, 1, 1)
    struct.pack_into("<8d", header, 104, 1, 0.7, 0.8, 2.5, 1, 1, 1, 1)
    struct.pack_into("<q2d", header, 168, 544, 1, 0)
    struct.pack_into("<2i", header, 344, 0, 1)
    struct.pack_into("<12d", header, 400, *STRAIGHT.ravel())
    struct.pack_into("<i", header, 500, 2)
    (tmp_path / "a.nii").write_bytes(bytes(header) + ARRAY.tobytes())
    volume = read_volume(tmp_path / "a.nii")
    assert np.array_equal(volume.array, ARRAY)
    assert volume.spacing_mm == pytest.approx((2.5, 0.8, 0.7))
    assert volume.origin_mm == (7.0, -6.0, -5.0)


def test_a_name_that_is_no_text_is_read_and_written(tmp_path):
    folder = tmp_path / "caf\udce9"
    write_volume(folder / "ct\udcff.nii.gz", Volume(ARRAY, (1.0, 1.0, 1.0)))
    assert np.array_equal(read_volume(folder / "ct\udcff.nii.gz").array, ARRAY)


def test_packed_or_not_whatever_the_name_says(tmp_path):
    write_nifti(tmp_path / "plain.nii")
    (tmp_path / "renamed.nii.gz").write_bytes((tmp_path / "plain.nii").read_bytes())
    (tmp_path / "packed.nii").write_bytes(gzip.compress((tmp_path / "plain.nii").read_bytes()))
    for name in ("renamed.nii.gz", "packed.nii"):
        assert np.array_equal(read_volume(tmp_path / name).array, ARRAY)
    (tmp_path / "cut.nii").write_bytes((tmp_path / "packed.nii").read_bytes()[:-20])
    (tmp_path / "other.nii.gz").write_bytes(b"something else")
    for name, says in (("cut.nii", "truncated or damaged"), ("other.nii.gz", "not a gzip file")):
        with pytest.raises(ValueError, match=says):
            read_volume(tmp_path / name)


TILTED = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]


@pytest.mark.parametrize("direction", [TILTED, TILTED * (1, 1, -1), np.eye(3)[[2, 0, 1]], np.eye(2), np.diag((1, -1))])
@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8", "i8", "u8"])
def test_a_written_file_is_the_one_that_another_library_writes(tmp_path, direction, dtype):
    """To the last byte of the unpacked file, but for how a rotation is rounded."""
    ndim = len(direction)
    array = np.random.default_rng(0).integers(0, 2 if dtype == "?" else 100, (3, 4, 5)[-ndim:]).astype(dtype)
    geometry = ((2.5, 0.8, 0.9)[-ndim:], (-100.0, 20.0, 30.5)[-ndim:], tuple(map(tuple, direction.astype(float))))
    volume = Volume(array, *geometry)
    write_volume(tmp_path / "ours.nii.gz", volume)
    sitk.WriteImage(volume_to_image(volume), str(tmp_path / "theirs.nii.gz"), useCompression=True)
    ours, theirs = (gzip.decompress((tmp_path / f"{name}.nii.gz").read_bytes()) for name in ("ours", "theirs"))
    place = slice(256, 328)
    assert ours[: place.start] + ours[place.stop :] == theirs[: place.start] + theirs[place.stop :]
    numbers = [np.frombuffer(content[place], "<f4") for content in (ours, theirs)]
    np.testing.assert_allclose(*numbers, atol=1e-6)
    first = (tmp_path / "ours.nii.gz").read_bytes()
    write_volume(tmp_path / "ours.nii.gz", volume)
    assert (tmp_path / "ours.nii.gz").read_bytes() == first


def test_what_the_form_cannot_hold_is_refused_and_leaves_nothing(tmp_path):
    for array, message in (
        (np.zeros((2, 2), np.float16), "no numbers of type float16"),
        (np.zeros((1, 40000)), "32767"),
    ):
        with pytest.raises(ValueError, match=rf"{tmp_path}/a\.nii: a NIfTI file .*{message}"):
            write_volume(tmp_path / "a.nii", Volume(array, (1.0, 1.0)))
    assert [*tmp_path.iterdir()] == []
