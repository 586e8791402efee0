import numpy as np
import pytest

from ramify.data.dicom import holds_series, read_series
from ramify.data.labelled_file import LabelledFile

ARRAY = np.arange(5 * 4 * 3, dtype=np.int16).reshape(5, 4, 3)


def test_slices_are_sorted_by_position_and_not_by_name(tmp_path, write_series):
    write_series(tmp_path, ARRAY, names=["e", "b", "d", "a", "c"])
    volume = read_series(tmp_path)
    assert np.array_equal(volume.array, ARRAY)
    assert volume.array.dtype == np.int16
    assert volume.spacing_mm == (2.0, 0.5, 0.75)
    assert volume.origin_mm == (10.0, -20.0, 30.0)
    assert np.array_equal(volume.direction, np.eye(3))


def test_ten_comes_after_two(tmp_path, write_series):
    array = np.arange(12, dtype=np.int16)[:, None, None] * np.ones((1, 3, 3), np.int16)
    write_series(tmp_path, array)  # image_0 ... image_11
    assert read_series(tmp_path).array[:, 0, 0].tolist() == list(range(12))


def test_a_series_stored_from_the_head_down_lies_in_the_same_place(tmp_path, write_series):
    positions = [(30.0, -20.0, 10.0 + 2 * (4 - index)) for index in range(5)]
    write_series(tmp_path, ARRAY[::-1], positions_mm=positions)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.array, ARRAY)
    assert volume.origin_mm == (10.0, -20.0, 30.0)


def test_positions_rounded_to_a_tenth_are_even(tmp_path, write_series):
    positions = [(0.0, 0.0, round(1.25 * index + 1e-9, 1)) for index in range(5)]
    write_series(tmp_path, ARRAY, positions_mm=positions)
    assert read_series(tmp_path).spacing_mm[0] == pytest.approx(1.25)


def test_hidden_files_are_no_slices(tmp_path, write_series):
    write_series(tmp_path, ARRAY)
    (tmp_path / "._image_0").write_text("what an archive of another system leaves")
    (tmp_path / "DICOMDIR").write_text("an index")
    assert read_series(tmp_path).shape == ARRAY.shape


def missing_slice(folder, write):
    write(folder, ARRAY)
    (folder / "image_2").unlink()


def two_missing_slices(folder, write):
    write(folder, np.zeros((8, 3, 3), np.int16))
    (folder / "image_3").unlink()
    (folder / "image_4").unlink()


def uneven(folder, write):
    write(folder, ARRAY, positions_mm=[(0, 0, z) for z in (0, 2, 4, 6.9, 8.9)])


def double_slice(folder, write):
    write(folder, ARRAY, positions_mm=[(0, 0, z) for z in (0, 2, 4, 4, 6)])


def mixed_series(folder, write):
    write(folder, ARRAY)
    write(folder, ARRAY[:1], series="9.9.9", names=["image_9"], positions_mm=[(30, -20, 20)])


def another_size(folder, write):
    write(folder, ARRAY)
    write(folder, np.zeros((1, 6, 3), np.int16), names=["image_9"], positions_mm=[(30, -20, 20)])


def another_spacing(folder, write):
    write(folder, ARRAY)
    write(folder, ARRAY[:1], (2.0, 0.6, 0.75), names=["image_9"], positions_mm=[(30, -20, 20)])


def tilted(folder, write):
    write(folder, ARRAY, positions_mm=[(0, 1.5 * index, 2 * index) for index in range(5)])


def no_dicom(folder, write):
    write(folder, ARRAY)
    (folder / "notes.txt").write_text("a text among the slices")


def truncated(folder, write):
    path = write(folder, np.random.default_rng(0).integers(0, 999, (5, 32, 32)).astype(np.int16))[2]
    path.write_bytes(path.read_bytes()[:900])


def with_archive(folder, write):
    write(folder, ARRAY)
    (folder / "all slices.zip").write_bytes(b"PK")


def with_volume(folder, write):
    write(folder, ARRAY)
    (folder / "image.nii.gz").write_bytes(b"")


@pytest.mark.parametrize(
    ("make", "names", "says"),
    [
        (with_archive, "all slices.zip", "all slices.zip: an archive among DICOM slices; move it out of their folder"),
        (with_volume, "image.nii.gz", "a volume file among DICOM slices; move it"),
        (missing_slice, "image_3", "4 mm after image_1, where 2 mm is usual: 1 missing slice in between"),
        (two_missing_slices, "image_5", "2 missing slices in between"),
        (uneven, "image_3", "2.9 mm after image_2, where 2 mm is usual: uneven spacing"),
        (double_slice, "image_3", "two slices in one place"),
        (mixed_series, "", r"2 series; keep one .*: 1 \(5 slices from image_0\), 2 \(1 slice from image_9\)"),
        (another_size, "image_9", "size 6 x 3 among slices of size 4 x 3"),
        (another_spacing, "image_9", "pixel spacing"),
        (tilted, "image_4", "6 mm sideways"),
        (no_dicom, "notes.txt", "not a whole DICOM slice"),
        (truncated, "image_2", "not a whole DICOM slice"),
    ],
)
def test_what_is_not_one_whole_series_is_one_clear_line(tmp_path, capfd, write_series, make, names, says):
    make(tmp_path, write_series)
    with pytest.raises(ValueError, match=says) as caught:
        read_series(tmp_path)
    assert str(tmp_path / names) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_no_folder_no_slices(tmp_path, write_series):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_series(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no DICOM slices"):
        read_series(tmp_path)
    write_series(tmp_path / "liver", ARRAY)
    (tmp_path / "ct.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"no DICOM slices but ct.zip; it has the DICOM folders liver; give"):
        read_series(tmp_path)


def test_a_series_is_known_by_its_slices_whatever_lies_beside_them(tmp_path, write_series):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "a.zip").write_bytes(b"PK")
    assert not holds_series(tmp_path / "1")
    write_series(tmp_path / "1", ARRAY)
    assert holds_series(tmp_path / "1")


def test_one_slice_is_as_thick_as_it_says(tmp_path, write_series):
    write_series(tmp_path, ARRAY[:1])
    volume = read_series(tmp_path)
    assert volume.shape == (1, 4, 3)
    assert volume.spacing_mm == (2.0, 0.5, 0.75)


@pytest.mark.parametrize("values", [(0.0005,), (0.0004999, 0.0005001), (0.0012, 0.0014), (0.139,)])
def test_orientations_are_held_together_in_millimetres(tmp_path, write_series, values):
    for index in range(5):
        tilt = values[index % len(values)]
        rounded = f"1\\0\\0\\0\\{np.sqrt(1 - tilt * tilt):.3f}\\{tilt:.7f}"
        write_series(
            tmp_path,
            ARRAY[index : index + 1],
            names=[f"image_{index}"],
            positions_mm=[(0, -2 * index * np.mean(values), 2 * index)],
            tags={"0020|0037": rounded},
        )
    volume = read_series(tmp_path)
    assert np.array_equal(volume.array, ARRAY)
    matrix = np.array(volume.direction)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-12)
    assert volume.notes == ()


def test_a_slice_that_is_turned_is_named(tmp_path, write_series):
    write_series(tmp_path, ARRAY)
    tags = {"0020|0037": "0.8\\0.6\\0\\-0.6\\0.8\\0"}
    write_series(tmp_path, ARRAY[:1], names=["image_9"], positions_mm=[(10, -20, 40)], tags=tags)
    with pytest.raises(ValueError, match=r"image_9: orientation \(0\.8, 0\.6, .* mm apart at the corner"):
        read_series(tmp_path)


def test_what_inverts_or_scales_is_noted(tmp_path, write_series):
    for path in write_series(tmp_path / "inverted", ARRAY):
        path.write_bytes(path.read_bytes().replace(b"MONOCHROME2", b"MONOCHROME1"))
    volume = read_series(tmp_path / "inverted")
    assert np.array_equal(volume.array, -1 - ARRAY)  # of numbers from -32768 to 32767
    assert "MONOCHROME1 (low is bright): values inverted" in volume.notes[0]
    last = write_series(tmp_path / "pet", ARRAY)[-1]
    slope = b"\x28\x00\x53\x10\x02\x00\x00\x00"
    assert slope + b"1 " in last.read_bytes()
    last.write_bytes(last.read_bytes().replace(slope + b"1 ", slope + b".5"))
    volume = read_series(tmp_path / "pet")
    np.testing.assert_allclose(volume.array, np.concatenate([ARRAY[:-1], ARRAY[-1:] / 2]))
    assert volume.array.dtype == np.float32
    assert "rescale slope differs" in volume.notes[0]


RESCALED = {"0028|1052": "-1024", "0028|1053": "1"}


@pytest.mark.parametrize("tag", [b"\x28\x00\x52\x10", b"\x28\x00\x53\x10"])
def test_a_slice_that_lacks_the_rescaling_of_the_others_is_refused(tmp_path, write_series, tag):
    odd = write_series(tmp_path, ARRAY, tags=RESCALED)[2]
    assert tag in odd.read_bytes()
    odd.write_bytes(odd.read_bytes().replace(tag, b"\x28\x00\x4f\x10"))
    with pytest.raises(ValueError, match=r"image_2: has no rescale .*, unlike 4 other slices") as raised:
        read_series(tmp_path)
    assert "\n" not in str(raised.value)


def test_slices_shifted_differently_are_noted(tmp_path, write_series):
    odd = write_series(tmp_path, ARRAY, tags=RESCALED)[2]
    odd.write_bytes(odd.read_bytes().replace(b"-1024 ", b"-1000 "))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.array[2], ARRAY[2] + 24)
    assert volume.notes == ("rescale intercept differs between slices: each is shifted by its own",)


def test_a_mask_whose_values_are_inverted_is_refused(tmp_path, write_series):
    mask = (ARRAY % 2 * 255).astype(np.uint8)
    for path in write_series(tmp_path, mask):
        path.write_bytes(path.read_bytes().replace(b"MONOCHROME2", b"MONOCHROME1"))
    assert np.array_equal(read_series(tmp_path).array, 255 - mask)
    for read in (lambda: read_series(tmp_path, mask=True), lambda: LabelledFile(tmp_path).mask(None, "organ", "--x")):
        with pytest.raises(ValueError, match=r"MONOCHROME1 .* cannot be told whether 0 is inside or outside"):
            read()


def test_a_folder_whose_name_is_no_text(tmp_path, write_series):
    write_series(tmp_path / "plain", ARRAY)
    (tmp_path / "plain").rename(tmp_path / "caf\udce9")
    assert np.array_equal(read_series(tmp_path / "caf\udce9").array, ARRAY)
    (tmp_path / "caf\udce9" / "image_0").rename(tmp_path / "caf\udce9" / "image\udcff")
    assert read_series(tmp_path / "caf\udce9").shape == ARRAY.shape


def several_series(folder, write):
    """Two series of one patient and a report in one folder, as a scanner exports a study."""
    for number, (name, step) in enumerate({"Arterial phase": 2.0, "Portal": 3.0}.items(), start=4):
        tags = {"0020|0011": str(number), "0008|103e": name}
        names = [f"{name[0]}{index}" for index in range(len(ARRAY))]
        write(folder, ARRAY + number, (step, 0.5, 0.75), series=f"1.2.{number}", names=names, tags=tags)
    (folder / "report.pdf").write_text("no slice at all")


@pytest.mark.parametrize(("series", "number"), [("4", 4), ("portal", 5), ("Arterial phase", 4)])
def test_one_of_several_series_by_number_or_description(tmp_path, write_series, series, number):
    several_series(tmp_path, write_series)
    volume = read_series(tmp_path, series=series)
    assert np.array_equal(volume.array, ARRAY + number)
    assert volume.spacing_mm[0] == number - 2


def test_several_series_are_listed(tmp_path, write_series):
    several_series(tmp_path, write_series)
    (tmp_path / "report.pdf").unlink()
    listed = r"4 'Arterial phase' \(\d slices from A0\), 5 'Portal' \(\d slices from P0\)"
    with pytest.raises(ValueError, match=f"2 series; .*--series NUMBER or its description: {listed}"):
        read_series(tmp_path, series="")
    # Where nothing chooses.
    with pytest.raises(ValueError, match=f"2 series; keep one series in the folder: {listed}"):
        read_series(tmp_path)
    with pytest.raises(ValueError, match=f"no series called 'venous'; .*{listed}"):
        read_series(tmp_path, series="venous")


def test_series_without_numbers_of_their_own_are_counted(tmp_path, write_series):
    for count, series in enumerate(("1.2.3", "1.2.4")):
        write_series(tmp_path, ARRAY + count, series=series, names=[f"{series}_{index}" for index in range(len(ARRAY))])
    assert np.array_equal(read_series(tmp_path, series="2").array, ARRAY + 1)
