"""Which files of a folder are whose, and which channel of them is read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ramify.data.channel_files import (
    Channels,
    InputCase,
    check_option,
    choose_channels,
    hint_of_names,
    read_channel,
)
from ramify.data.files import write_volume
from ramify.data.image_source import ImageSource
from ramify.data.inputs import check_organ_of_each, find_inputs, read_organ
from ramify.data.volume import Volume

NNUNET = ImageSource(form="nnunet", channel=1, channels=(0, 1))
PAIRS = ImageSource(form="pairs")


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
    cases = find_inputs(place, choose_channels(PAIRS, ""))
    assert list(named(cases)) == ["img_0000", "img_0001"]
    assert "--channel _0000" in hint_of_names(cases)
    assert hint_of_names(find_inputs(folder(tmp_path / "plain", "img_0001.nii.gz"))) == ""
    assert hint_of_names(find_inputs(folder(tmp_path / "mixed", "img_0000.nii.gz", "b.nii.gz"))) == ""


def test_the_trainings_channel_is_taken(tmp_path):
    place = folder(tmp_path, "c_0000.nii.gz", "c_0001.nii.gz", "d_0001.mha", "e_0000.nii.gz", "f.nii.gz")
    cases = find_inputs(place, choose_channels(NNUNET, ""))
    assert named(cases) == {"c": "c_0001.nii.gz", "d": "d_0001.mha", "e": "e_0000.nii.gz", "f": "f.nii.gz"}
    problems = {case.case_id: case.problem for case in cases if case.problem}
    assert list(problems) == ["e"]
    assert "no file e_0001 beside it" in problems["e"]
    assert {case.case_id: len(case.notes) for case in cases} == {"c": 0, "d": 0, "e": 0, "f": 1}
    folder(tmp_path, "d.nii.gz")
    with pytest.raises(ValueError, match="several files of case d"):
        find_inputs(place, choose_channels(NNUNET, ""))


def test_a_number_that_is_no_channel_of_the_training_is_not_guessed_at(tmp_path):
    place = folder(tmp_path, "img_0000.nii.gz", "img_0001.nii.gz", "img_0002.nii.gz")
    one_channel = ImageSource(form="nnunet", channel=0, channels=(0,))
    with pytest.raises(ValueError, match=r"img_0001\.nii\.gz: ends in _0001.*--channel none if.*--channel _0000 if"):
        find_inputs(place, choose_channels(one_channel, ""))
    assert len(find_inputs(place, choose_channels(one_channel, "none"))) == 3
    cases = find_inputs(place, choose_channels(one_channel, "_0000"))
    assert named(cases) == {"img": "img_0000.nii.gz"}
    assert cases[0].notes == ("img_0001.nii.gz, img_0002.nii.gz not looked at: another channel than _0000",)


@pytest.mark.parametrize(
    ("source", "option", "channels"),
    [
        (NNUNET, "", Channels(1, (0, 1))),
        (NNUNET, "none", Channels()),
        (NNUNET, "_0001", Channels(1)),
        (PAIRS, "", Channels()),
        (PAIRS, "_0002", Channels(2)),
        (PAIRS, "green", Channels(colour="green")),
        (ImageSource(form="pairs", channel=1), "", Channels(1)),
        (ImageSource(form="pairs", colour="green"), "", Channels(colour="green")),
        (ImageSource(form="pairs", colour="green"), "none", Channels()),
        (ImageSource(), "", Channels()),
    ],
)
def test_channels_of_the_checkpoint_or_the_command(source, option, channels):
    assert check_option(option) == option
    assert choose_channels(source, option) == channels


@pytest.mark.parametrize(
    ("source", "option", "trained"),
    [(NNUNET, "_0000", "_0001"), (ImageSource(form="pairs", colour="green"), "red", "green")],
)
def test_another_channel_than_the_trainings_is_refused(source, option, trained):
    with pytest.raises(ValueError, match=f"--channel {option}: the network was trained on channel {trained}"):
        choose_channels(source, option)


def test_words_that_are_no_channel():
    for option in "violet", "_1", "0001_", "-1":
        with pytest.raises(ValueError, match=r"expected red, green, blue, luminance or a number.*none"):
            check_option(option)


def test_grey_where_colour_is_meant_is_refused(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (8, 9, 3)).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "colour.png")
    Image.fromarray(colours[..., 1]).save(tmp_path / "grey.png")
    green = Channels(colour="green")
    np.testing.assert_array_equal(read_channel(tmp_path / "colour.png", green).array, colours[..., 1])
    with pytest.raises(ValueError, match=r"grey\.png: not in colour, where channel green is meant.*--channel none"):
        read_channel(tmp_path / "grey.png", green)
    np.testing.assert_array_equal(read_channel(tmp_path / "grey.png", Channels()).array, colours[..., 1])
    with pytest.raises(ValueError, match=r"colour\.png.*--channel"):
        read_channel(tmp_path / "colour.png", Channels())


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
