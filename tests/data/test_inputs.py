"""Which files of a folder are whose, and which channel of them is read."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from ramify.data.channel_files import Channels, InputCase, choose_channels, hint_of_names, read_case
from ramify.data.files import form_of, write_volume
from ramify.data.image_source import ImageSource
from ramify.data.input_reading import Inputs
from ramify.data.input_settings import InputSettings, check_option
from ramify.data.inputs import check_organ_of_each, find_inputs, name_taken, read_organ
from ramify.data.volume import Volume
from ramify.disk.outputs import Outputs

NNUNET = ImageSource(form="nnunet", files=(1,), known_files=(0, 1))
PAIRS = ImageSource(form="pairs")
GREEN = ImageSource(form="pairs", picked=("green",), channel_names=("green",))
SEVERAL = ImageSource(form="nnunet", files=(0, 1), known_files=(0, 1), channel_names=("T1", "T2"))


def folder(path: Path, *names: str) -> Path:
    path.mkdir(exist_ok=True)
    for name in names:
        (path / name).write_text("x", encoding="utf-8")
    return path


def named(cases: list[InputCase]) -> dict[str, str]:
    return {case.case_id: case.path.name for case in cases}


def test_inputs_are_named_after_their_files_or_folders(tmp_path):
    place = folder(tmp_path, "b_0000.nii.gz", "a.mha", "c.seg.nrrd", "D.NII.GZ", "readme.txt")
    assert [case.case_id for case in find_inputs(place)] == ["D", "a", "b_0000", "c"]
    assert find_inputs(place / "a.mha") == [InputCase("a", place / "a.mha")]
    slices = folder(folder(tmp_path / "3Dircadb1.17") / "PATIENT_DICOM", "image_0")
    assert [case.case_id for case in find_inputs(slices)] == ["3Dircadb1.17"]
    assert name_taken(slices, find_inputs(slices)) == (
        f"{slices}: the case is called 3Dircadb1.17, after the patient's folder"
    )
    assert name_taken(slices.parent, find_inputs(slices.parent)) == ""
    assert name_taken(place / "a.mha", find_inputs(place / "a.mha")) == ""
    folder(tmp_path, "a.nii.gz")
    with pytest.raises(ValueError, match=r"several files of case a"):
        find_inputs(place)
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such file"):
        find_inputs(tmp_path / "nowhere")


def test_hidden_files_are_no_cases(tmp_path):
    hidden = ("._a.nii.gz", ".a.nii.gz", ".DS_Store", "Thumbs.db")
    assert named(find_inputs(folder(tmp_path / "in", "a.nii.gz", *hidden))) == {"a": "a.nii.gz"}
    with pytest.raises(FileNotFoundError, match="the folder is empty"):
        find_inputs(folder(tmp_path / "none", *hidden))


def test_plain_numbers_stay_in_the_names(tmp_path):
    place = folder(tmp_path, "img_0000.nii.gz", "img_0001.nii.gz")
    cases = find_inputs(place, choose_channels(PAIRS, ()))
    assert list(named(cases)) == ["img_0000", "img_0001"]
    assert "--channels _0000" in hint_of_names(cases)
    assert hint_of_names(find_inputs(folder(tmp_path / "plain", "img_0001.nii.gz"))) == ""
    assert hint_of_names(find_inputs(folder(tmp_path / "mixed", "img_0000.nii.gz", "b.nii.gz"))) == ""


def test_the_trainings_channel_is_taken(tmp_path):
    place = folder(tmp_path, "c_0000.nii.gz", "c_0001.nii.gz", "d_0001.mha", "e_0000.nii.gz", "f.nii.gz")
    cases = find_inputs(place, choose_channels(NNUNET, ()))
    assert named(cases) == {"c": "c_0001.nii.gz", "d": "d_0001.mha", "e": "e_0000.nii.gz", "f": "f.nii.gz"}
    problems = {case.case_id: case.problem for case in cases if case.problem}
    assert list(problems) == ["e"]
    assert "no file e_0001 beside it" in problems["e"]
    assert {case.case_id: len(case.notes) for case in cases} == {"c": 0, "d": 0, "e": 0, "f": 1}
    folder(tmp_path, "d.nii.gz")
    with pytest.raises(ValueError, match="several files of case d"):
        find_inputs(place, choose_channels(NNUNET, ()))


def test_a_number_that_is_no_channel_of_the_training_is_not_guessed_at(tmp_path):
    place = folder(tmp_path, "img_0000.nii.gz", "img_0001.nii.gz", "img_0002.nii.gz")
    one_channel = ImageSource(form="nnunet", files=(0,), known_files=(0,))
    with pytest.raises(ValueError, match=r"img_0001\.nii\.gz: ends in _0001.*--channels none if.*--channels _0000 if"):
        find_inputs(place, choose_channels(one_channel, ()))
    assert len(find_inputs(place, choose_channels(one_channel, ("none",)))) == 3
    cases = find_inputs(place, choose_channels(one_channel, ("_0000",)))
    assert named(cases) == {"img": "img_0000.nii.gz"}
    assert cases[0].notes == ("img_0001.nii.gz, img_0002.nii.gz not looked at: another channel than _0000",)


@pytest.mark.parametrize(
    ("source", "option", "channels"),
    [
        (NNUNET, "", Channels((1,), (0, 1), described=True)),
        (NNUNET, "none", Channels()),
        (NNUNET, "_0001", Channels((1,))),
        (PAIRS, "", Channels()),
        (PAIRS, "_0002 _0000", Channels((2, 0))),
        (PAIRS, "green", Channels(picked=("green",))),
        (ImageSource(form="pairs", files=(1,)), "", Channels((1,))),
        (GREEN, "", Channels(picked=("green",), names=("green",))),
        (GREEN, "none", Channels(names=("green",))),
        (SEVERAL, "t1 T2", Channels((0, 1), (0, 1), names=("T1", "T2"), described=True)),
        (SEVERAL, "0 1", Channels((0, 1), (0, 1), names=("T1", "T2"), described=True)),
        (SEVERAL, "all", Channels((0, 1), (0, 1), names=("T1", "T2"), described=True)),
        (ImageSource(form="pairs", key="raw"), "", Channels(key="raw")),
        (ImageSource(), "", Channels()),
    ],
)
def test_channels_of_the_checkpoint_or_the_command(source, option, channels):
    words = tuple(option.split())
    assert check_option(words) == words
    assert choose_channels(source, words) == channels


@pytest.mark.parametrize(
    ("source", "option", "trained"),
    [
        (NNUNET, "_0000", "channel _0001"),
        (GREEN, "red", "channel green"),
        (SEVERAL, "_0001 _0000", "channels _0000 _0001"),
        (SEVERAL, "1 0", "channels T1 T2"),
        (ImageSource(form="nnunet", files=(0, 1)), "1 0", "channels _0000 _0001"),
        (SEVERAL, "T2 T1", "channels T1 T2"),
        (SEVERAL, "foo bar", "channels T1 T2"),
        (SEVERAL, "T1", "channels T1 T2"),
        (ImageSource(picked=("red", "blue")), "blue red", "channels red blue"),
    ],
)
def test_other_channels_than_the_trainings_are_refused(source, option, trained):
    with pytest.raises(ValueError, match=f"--channels {option}: the network was trained on {trained}; leave"):
        choose_channels(source, option.split())


def test_words_that_are_no_channels():
    for option in "none red", "_0000 red", "red red", "all 1":
        with pytest.raises(ValueError, match="expected"):
            check_option(option.split())


def test_grey_where_colour_is_meant_is_refused(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (8, 9, 3)).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "colour.png")
    Image.fromarray(colours[..., 1]).save(tmp_path / "grey.png")
    green, colour, grey = Channels(picked=("green",)), find_inputs(tmp_path / "colour.png"), tmp_path / "grey.png"
    np.testing.assert_array_equal(read_case(colour[0], green)["green"].array, colours[..., 1])
    with pytest.raises(ValueError, match=r"grey\.png: not in colour, where channel green is meant.*--channels none"):
        read_case(InputCase("a", grey), green)
    np.testing.assert_array_equal(read_case(InputCase("a", grey), Channels())["image"].array, colours[..., 1])
    with pytest.raises(ValueError, match=r"colour\.png.*--channels"):
        read_case(colour[0], Channels())


def test_several_images_share_no_organ_mask(tmp_path):
    write_volume(tmp_path / "one.nii.gz", Volume(np.ones((2, 3, 4), bool), (1, 1, 1)))
    cases = find_inputs(folder(tmp_path / "cts", "a.nii.gz", "b.nii.gz"))
    check_organ_of_each(None, cases)
    check_organ_of_each(folder(tmp_path / "organs", "a.nii.gz", "b.nii.gz"), cases)
    for organ in (tmp_path / "one.nii.gz", folder(tmp_path / "series", "IM0001")):
        check_organ_of_each(organ, cases[:1])
        with pytest.raises(ValueError, match=r"one mask for 2 images, a, b, .*; give a folder"):
            check_organ_of_each(organ, cases)


def test_a_link_to_nothing_is_an_input_all_the_same(tmp_path):
    cts = folder(tmp_path / "cts", "a.nii.gz")
    (cts / "b.nii.gz").symlink_to(tmp_path / "gone")
    assert [case.case_id for case in find_inputs(cts)] == ["a", "b"]


def test_organ_masks_are_found_by_the_name_of_the_case_or_its_file(tmp_path):
    organ = Volume(np.ones((3, 4, 5), np.uint8), (1.0, 1.0, 1.0))
    case = InputCase("c", tmp_path / "c_0001.nii.gz")
    write_volume(tmp_path / "organs" / "c_0001.nii.gz", organ)
    (tmp_path / "organs" / "._c.nii.gz").write_bytes(b"\0\5\x16\7")
    assert read_organ(tmp_path / "organs", case, organ, resample=False) is not None
    write_volume(tmp_path / "organs" / "c.nrrd", organ)
    with pytest.raises(ValueError, match=r"c\.nrrd and c_0001\.nii\.gz are both of case c"):
        read_organ(tmp_path / "organs", case, organ, resample=False)


def test_an_organ_cropped_to_its_box_is_placed_and_what_leaves_the_image_is_told(tmp_path):
    image = Volume(np.zeros((6, 8, 8), np.float32), (1.0, 1.0, 1.0))
    case = InputCase("c", tmp_path / "c.nii.gz")
    write_volume(tmp_path / "box.nrrd", Volume(np.ones((2, 4, 4), bool), (1.0, 1.0, 1.0), (1.0, 2.0, 3.0)))
    with pytest.raises(ValueError, match="--resample-masks"):
        read_organ(tmp_path / "box.nrrd", case, image, resample=False)
    organ = read_organ(tmp_path / "box.nrrd", case, image, resample=True)
    assert organ is not None
    assert organ.array[1:3, 2:6, 3:7].all()
    assert organ.array.sum() == 32
    assert organ.notes == ()
    write_volume(tmp_path / "out.nrrd", Volume(np.ones((2, 4, 4), bool), (1.0, 1.0, 1.0), (1.0, 2.0, 5.0)))
    organ = read_organ(tmp_path / "out.nrrd", case, image, resample=True)
    assert organ is not None
    assert "25.0% of" in organ.notes[0]


@pytest.mark.parametrize("within", ["PATIENT_DICOM", ""])
def test_a_folder_of_patients(tmp_path, write_series, within):
    for name in "P 10", "P 2", "q":
        write_series(tmp_path / "in" / name / within, np.ones((2, 3, 4), np.int16))
    (tmp_path / "in/readme.txt").write_text("patients", encoding="utf-8")
    (tmp_path / "in/empty").mkdir()
    cases = find_inputs(tmp_path / "in")
    assert [case.case_id for case in cases] == ["P 2", "P 10", "q"]
    assert [case.path for case in cases] == [tmp_path / "in" / name / within for name in ("P 2", "P 10", "q")]
    assert read_case(cases[0], Channels())["image"].shape == (2, 3, 4)
    assert name_taken(tmp_path / "in", cases) == ""
    # One of them by its own folder.
    assert [case.case_id for case in find_inputs(tmp_path / "in/P 2")] == ["P 2"]


def test_images_in_archives(tmp_path, write_series):
    """As hospitals hand series out, with an index and a viewer; of a patient of 3D-IRCADb the CT, packed twice."""
    array, place = np.arange(24, dtype=np.int16).reshape(2, 3, 4), tmp_path / "in"
    write_series(tmp_path / "export/DICOM/PA0/ST0/SE0", array)
    (tmp_path / "export/DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "export/viewer.exe").write_bytes(b"MZ")
    write_series(tmp_path / "3Dircadb1.2/PATIENT_DICOM", array)
    write_series(tmp_path / "3Dircadb1.2/MASKS_DICOM/liver", array)
    shutil.make_archive(str(tmp_path / "3Dircadb1.2/PATIENT_DICOM"), "zip", tmp_path / "3Dircadb1.2", "PATIENT_DICOM")
    shutil.rmtree(tmp_path / "3Dircadb1.2/PATIENT_DICOM")
    write_volume(tmp_path / "one/ct.nii.gz", Volume(array, (2.0, 0.5, 0.75)))
    for name, kind, source in (("P 10", "zip", "export"), ("P 2", "gztar", "one"), ("P 3", "zip", "3Dircadb1.2")):
        shutil.make_archive(str(place / name), kind, tmp_path / source)
    cases = find_inputs(place)
    assert [case.case_id for case in cases] == ["P 2", "P 3", "P 10"]
    for case in cases:
        image = read_case(case, Channels())["image"]
        assert np.array_equal(image.array, array)
        assert image.spacing_mm == (2.0, 0.5, 0.75)
    assert find_inputs(place / "P 10.zip") == cases[2:]
    # A patient's folder whose CT is packed; and what lies beside its archive, which is the same patient.
    assert find_inputs(tmp_path / "3Dircadb1.2")[0].path.name == "PATIENT_DICOM.zip"
    write_series(place / "P 2", array)
    assert find_inputs(place)[0].path == place / "P 2"


def test_an_archive_without_the_one_image_is_refused_by_its_name(tmp_path, write_series):
    array = np.ones((2, 3, 4), np.int16)
    for name in "arterial", "portal":
        write_series(tmp_path / "both/study" / name, array)
    write_series(tmp_path / "gap/slices", np.ones((4, 3, 4), np.int16))
    sorted((tmp_path / "gap/slices").iterdir())[1].unlink()
    (tmp_path / "none").mkdir()
    (tmp_path / "none/report.pdf").write_bytes(b"%PDF")
    for name in "both", "gap", "none":
        shutil.make_archive(str(tmp_path / "in" / name), "zip", tmp_path / name)
    said = {
        "both": r"both.zip: holds 2 images \(study/arterial, study/portal\); unpack it",
        "gap": r"gap.zip/.*slices.*(missing|step)",
        "none": "none.zip: holds no DICOM series and no volume file",
    }
    for case in find_inputs(tmp_path / "in"):
        with pytest.raises(ValueError, match=said[case.case_id]) as refused:
            read_case(case, Channels())
        assert "ramify-archive" not in str(refused.value)
    (tmp_path / "cut.zip").write_bytes((tmp_path / "in/both.zip").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"cut.zip: damaged archive"):
        read_case(*find_inputs(tmp_path / "cut.zip"), Channels())


def test_patients_that_are_read_as_no_case_are_named(tmp_path, write_series):
    array = np.ones((2, 3, 4), np.int16)
    write_series(tmp_path / "a/PATIENT_DICOM", array)
    write_series(tmp_path / "P 2/study/series", array)
    for name in "P 10/ct.nii.gz", "livers/a.nii.gz", "out/a.nii.gz":
        write_volume(tmp_path / name, Volume(np.ones((2, 3, 4), np.uint8), (2.0, 1.0, 1.0)))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/readme.txt").write_text("no image", encoding="utf-8")
    Outputs().claim_folder(tmp_path / "new", "predictions", ["a.nii.gz"])
    write_volume(tmp_path / "new/a.nii.gz", Volume(np.ones((2, 3, 4), np.uint8), (2.0, 1.0, 1.0)))

    def warnings(**settings):
        return "".join(Inputs(InputSettings(input=tmp_path, **settings), ImageSource()).warnings)

    assert f"{tmp_path}: P 2, P 10, livers, out: images in folders that are read as no case" in warnings()
    assert f"{tmp_path}: P 2, P 10, out: " in warnings(organ=tmp_path / "livers")
    assert f"{tmp_path}: P 2, P 10, out: " in warnings(organ=tmp_path / "livers/{case}.nii.gz")
    # And patients beside volume files.
    write_volume(tmp_path / "b.nii.gz", Volume(np.ones((2, 3, 4), np.uint8), (2.0, 1.0, 1.0)))
    assert f"{tmp_path}: P 2, P 10, a, livers, out: " in warnings()
    # A patient's own folder has more than its images.
    write_series(tmp_path / "a/MASKS_DICOM/liver", array)
    assert Inputs(InputSettings(input=tmp_path / "a"), ImageSource()).warnings == []


def test_the_organs_found_by_a_pattern_are_what_is_read(tmp_path):
    for name in "in/a.nii.gz", "livers/a/liver.nii.gz":
        write_volume(tmp_path / name, Volume(np.ones((2, 3, 4), np.uint8), (2.0, 1.0, 1.0)))
    for organ in tmp_path / "livers/{case}/liver.nii.gz", tmp_path / "livers/{case}":
        inputs = Inputs(InputSettings(input=tmp_path / "in", organ=organ), ImageSource())
        with pytest.raises(ValueError, match=r"liver.nii.gz: is what this call reads|holds what this call reads"):
            Outputs(*inputs.places, replace=True).claim_folder(tmp_path / "livers/a", "predictions", ["liver.nii.gz"])


def test_the_organ_of_each_patient_by_a_pattern(tmp_path, write_series):
    for number, name in enumerate(("a", "b")):
        mask = np.zeros((2, 3, 4), np.uint8)
        mask[number] = 255
        write_series(tmp_path / name / "PATIENT_DICOM", np.ones((2, 3, 4), np.int16))
        write_series(tmp_path / name / "MASKS_DICOM/liver", mask, series="1.2.9")
    cases = find_inputs(tmp_path)
    organ = tmp_path / "{case}/MASKS_DICOM/liver"
    check_organ_of_each(organ, cases)
    for number, case in enumerate(cases):
        image = read_case(case, Channels())["image"]
        found = read_organ(organ, case, image, resample=False)
        assert found is not None
        assert found.array[number].all()
        assert found.array.sum() == 12


def test_a_folder_of_organs_as_dicom_folders_lists_them(tmp_path, write_series):
    for name in "bone", "liver":
        write_series(tmp_path / "MASKS_DICOM" / name, np.ones((2, 3, 4), np.uint8))
    write_volume(tmp_path / "a.nii.gz", Volume(np.ones((2, 3, 4), np.uint8), (2.0, 1.0, 1.0)))
    inputs = Inputs(InputSettings(input=tmp_path / "a.nii.gz", organ=tmp_path / "MASKS_DICOM"), ImageSource())
    with pytest.raises(ValueError, match=r"MASKS_DICOM: .* it has the DICOM folders bone, liver; give the one that is"):
        inputs.read(inputs.cases[0])


def test_the_organ_of_a_case_is_looked_for_before_its_image_is_read(tmp_path):
    for name in "a", "b":
        (tmp_path / f"{name}.nii.gz").write_bytes(b"not an image")
    write_volume(tmp_path / "livers/a LABEL.nii.gz", Volume(np.ones((2, 3, 4), np.uint8), (2.0, 1.0, 1.0)))
    for organ, says in [
        ("livers", r"no organ mask called a; it holds a LABEL.nii.gz: if that is it, give --organ '.*\{case\} LABEL"),
        ("livers/{case}.nii.gz", r"livers/a.nii.gz: no such organ mask, where --organ has it"),
    ]:
        inputs = Inputs(InputSettings(input=tmp_path, organ=tmp_path / organ), ImageSource())
        with pytest.raises(FileNotFoundError, match=says):
            inputs.read(inputs.cases[0])


def test_the_organ_of_each_case_as_an_array_of_a_file(tmp_path):
    image = Volume(np.zeros((2, 3, 4), np.int16), (1.0, 1.0, 1.0))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["organs/liver"] = np.ones(image.shape, np.uint8)
        file["raw"] = image.array
    organ = tmp_path / "{case}.h5::organs/liver"
    found = read_organ(organ, InputCase("a", tmp_path / "a.nii.gz"), image, resample=False)
    assert found is not None
    assert found.array.all()
    with pytest.raises(FileNotFoundError, match="no such organ mask, where --organ has it"):
        read_organ(organ, InputCase("b", tmp_path / "b.nii.gz"), image, resample=False)


def test_which_series_of_each_patient(tmp_path, write_series):
    for number in 1, 2:
        tags = {"0020|0011": str(number), "0008|103e": f"phase {number}"}
        array = np.full((2, 3, 4), number, np.int16)
        write_series(tmp_path / "a", array, series=f"1.2.{number}", names=[f"{number}{end}" for end in "xy"], tags=tags)
    inputs = Inputs(InputSettings(input=tmp_path, series="Phase 2"), ImageSource())
    assert (inputs.read(inputs.cases[0]).image.array == 2).all()
    inputs = Inputs(InputSettings(input=tmp_path), ImageSource())
    with pytest.raises(ValueError, match=r"2 series; .*, or take one with --series .*1 'phase 1' .*2 'phase 2'"):
        inputs.read(inputs.cases[0])
    # One alone is not chosen from, whatever its number.
    write_series(tmp_path / "b", np.full((2, 3, 4), 7, np.int16), tags={"0020|0011": "5"})
    inputs = Inputs(InputSettings(input=tmp_path, series="2"), ImageSource())
    assert [inputs.read(case).image.array.max() for case in inputs.cases] == [2, 7]
    # Masks are not chosen by it.
    with pytest.raises(ValueError, match=r"a: 2 series; keep one series in the folder: 1 'phase 1'"):
        read_organ(tmp_path / "a", inputs.cases[1], inputs.read(inputs.cases[1]).image, resample=False)


def test_a_file_that_is_no_image_is_told_before_anything_is_read(tmp_path, write_series):
    write_series(tmp_path / "ct", np.ones((3, 4, 5), np.int16))
    slice_ = sorted((tmp_path / "ct").iterdir())[0]
    with pytest.raises(ValueError, match=f"{slice_.name}: a DICOM slice: give the folder of its series, .*/ct"):
        find_inputs(slice_)
    (tmp_path / "ct.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"ct\.zip: an archive where a volume file is expected; unpack it"):
        form_of(tmp_path / "ct.zip")
    (tmp_path / "ct.mgz").write_bytes(b"x")
    with pytest.raises(ValueError, match="expected a volume file"):
        find_inputs(tmp_path / "ct.mgz")


def test_slices_with_their_archive_are_not_read_as_the_archive(tmp_path, write_series):
    write_series(tmp_path / "ct", np.ones((3, 4, 5), np.int16))
    (tmp_path / "ct" / "a.zip").write_bytes(b"PK")
    (case,) = find_inputs(tmp_path / "ct")
    assert case.path == tmp_path / "ct"
    with pytest.raises(ValueError, match=r"a\.zip: an archive among DICOM slices; move it"):
        read_case(case, Channels())
