"""Images are read for prediction as those of the training were, and what differs is told."""

import numpy as np
import pytest
import tifffile
from pydantic import ValidationError

from ramify.data.files import write_volume
from ramify.data.image_source import ImageSource
from ramify.data.input_reading import Inputs
from ramify.data.input_settings import InputSettings
from ramify.data.volume import Volume

ARRAY = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
GIVEN = ImageSource(form="pairs", spacing_mm=(2.0, 0.5, 0.5))


@pytest.fixture
def stack(tmp_path):
    """A stack and its organ mask, in files without millimetres."""
    tifffile.imwrite(tmp_path / "a.tif", ARRAY, photometric="minisblack")
    tifffile.imwrite(tmp_path / "organ.tif", (ARRAY > 9).astype(np.uint8), photometric="minisblack")
    return tmp_path


def read(settings, source):
    inputs = Inputs(settings, source)
    return inputs.read(inputs.cases[0])


def test_a_file_without_millimetres_has_the_spacing_that_the_trainings_were_given(stack):
    settings = InputSettings(input=stack / "a.tif", organ=stack / "organ.tif")
    images, organ, notes = read(settings, GIVEN)
    image = images["image"]
    assert organ is not None
    assert image.spacing_mm == organ.spacing_mm == (2.0, 0.5, 0.5)
    assert notes == (
        "its file carries no millimetres: voxels of 2 x 0.5 x 0.5 mm, as the training's; else give --spacing-mm",
    )
    plain = read(settings, ImageSource(form="pairs"))
    assert (plain.image.spacing_mm, plain.notes) == ((1.0, 1.0, 1.0), ())


def test_the_spacing_of_a_training_on_other_axes_is_not_taken(tmp_path):
    """A picture for a network that was trained on volumes: that their axes differ is said by the network."""
    tifffile.imwrite(tmp_path / "a.tif", ARRAY[0], photometric="minisblack")
    images, _, notes = read(InputSettings(input=tmp_path / "a.tif"), GIVEN)
    assert (images["image"].spacing_mm, notes) == ((1.0, 1.0), ())


@pytest.mark.parametrize("source", [GIVEN, ImageSource()])
def test_the_spacing_that_is_given_goes_before_all_others(stack, source):
    settings = InputSettings(input=stack / "a.tif", organ=stack / "organ.tif", spacing_mm=(3, 1, 2))
    images, organ, notes = read(settings, source)
    image = images["image"]
    assert organ is not None
    assert image.spacing_mm == organ.spacing_mm == (3.0, 1.0, 2.0)
    assert notes == ()


@pytest.mark.parametrize(("spacing", "told"), [((1.0, 0.5, 0.5), True), ((2.0, 0.5, 0.5), False)])
def test_a_header_is_believed_and_it_is_told_that_the_trainings_were_not(tmp_path, spacing, told):
    write_volume(tmp_path / "a.nii.gz", Volume(ARRAY, spacing))
    images, _, notes = read(InputSettings(input=tmp_path / "a.nii.gz"), GIVEN)
    image = images["image"]
    assert image.spacing_mm == spacing
    assert [note for note in notes if "counted as 2 x 0.5 x 0.5 mm" in note] == list(notes)
    assert bool(notes) == told


def test_a_series_too(tmp_path, write_series):
    write_series(tmp_path / "ct", ARRAY.astype(np.int16))
    assert read(InputSettings(input=tmp_path / "ct", spacing_mm=(3, 1, 2)), ImageSource()).image.spacing_mm == (3, 1, 2)


def test_files_of_other_forms_are_told(tmp_path):
    for name in ("a.nii.gz", "b.img", "b.hdr", "c.NPZ", "notes.txt", "._d.dcm"):
        (tmp_path / name).write_bytes(b"x")
    inputs = Inputs(InputSettings(input=tmp_path), ImageSource())
    assert [case.case_id for case in inputs.cases] == ["a"]
    (warning,) = inputs.warnings
    assert warning.startswith(f"{tmp_path / 'b.img'} and 1 more: in a form that is not read from a folder, left out")


def test_channels_of_a_case_are_read_in_the_networks_order(tmp_path):
    for number in 0, 1:
        write_volume(tmp_path / f"a_{number:04d}.nii.gz", Volume(ARRAY + number, (1.0, 1.0, 1.0)))
    source = ImageSource(form="nnunet", files=(1, 0), known_files=(0, 1), channel_names=("T2", "T1"))
    inputs = Inputs(InputSettings(input=tmp_path), source)
    (case,) = inputs.cases
    found = inputs.read(case)
    assert list(found.images) == ["T2", "T1"]
    np.testing.assert_array_equal(found.image.array, ARRAY + 1)
    # Without a checkpoint that says so, the command does, and names are the files'.
    given = Inputs(InputSettings(input=tmp_path, channels=("_0000", "_0001")), ImageSource())
    assert list(given.read(given.cases[0]).images) == ["channel_0", "channel_1"]
    with pytest.raises(ValidationError, match="either files such as _0000 or channels of a file"):
        InputSettings(input=tmp_path, channels=("_0000", "red"))


def test_files_of_arrays_are_read_where_the_trainings_were(tmp_path):
    write_volume(tmp_path / "b.nii.gz", Volume(ARRAY, (1.0, 1.0, 1.0)))
    np.savez(tmp_path / "a.npz", raw=ARRAY, other=ARRAY + 1)
    inputs = Inputs(InputSettings(input=tmp_path), ImageSource(form="pairs", key="raw"))
    assert [case.case_id for case in inputs.cases] == ["a", "b"]
    assert inputs.warnings == []
    np.testing.assert_array_equal(inputs.read(inputs.cases[0]).image.array, ARRAY)


def test_labels_without_an_organ_are_refused(tmp_path):
    with pytest.raises(ValidationError, match="no --organ with labels"):
        InputSettings(input=tmp_path, organ_labels=("5",))


def test_what_records_say_of_spacing():
    record = {"provenance": {"adapter": "pairs", "settings": {"spacing_mm": [2, 0.5, 0.5]}}}
    assert ImageSource.of_records([record, record]) == GIVEN
    assert ImageSource.of_records([record, {}]).spacing_mm is None
