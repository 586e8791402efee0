"""Channels of a case: which files and which parts of them, under which names, and what does not fit."""

import json

import h5py
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.channel_files import choose_channels, read_case
from ramify.data.files import write_volume
from ramify.data.image_source import ImageSource
from ramify.data.inputs import find_inputs
from ramify.data.label_names import described_channels
from ramify.data.volume import Volume
from tests.data.adapters.reading import read_all

SHAPE = (3, 4, 5)
SPACING = (2.0, 1.0, 1.0)
CHANNELS = np.random.default_rng(1).normal(size=(3, *SHAPE)).astype(np.float32)
MASK = (np.arange(60) % 3 == 1).reshape(SHAPE)


def write(path, array, spacing=SPACING):
    write_volume(path, Volume(array, spacing))


def opened(root, dataset, **settings):
    return open_dataset(DatasetSettings.model_validate({"dataset": dataset, "root": root, **settings}))


def write_vectors(path, arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.JoinSeries([sitk.GetImageFromArray(array) for array in arrays])
    image.SetSpacing((*SPACING[::-1], 1.0))
    sitk.WriteImage(image, str(path))


@pytest.fixture
def nnunet(tmp_path):
    names = {"0": "T1", "1": "T2", "2": "FLAIR"}
    for case in "a", "b":
        for number, channel in enumerate(CHANNELS):
            write(tmp_path / f"imagesTr/{case}_{number:04d}.nii.gz", channel)
        write(tmp_path / f"labelsTr/{case}.nii.gz", MASK)
    (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": names, "labels": {"background": 0, "v": 1}}))
    return tmp_path


@pytest.fixture
def msd(tmp_path):
    write_vectors(tmp_path / "imagesTr/a.nii.gz", CHANNELS)
    write(tmp_path / "labelsTr/a.nii.gz", MASK)
    description = {
        "modality": {"0": "T1", "1": "T2", "2": "FLAIR"},
        "labels": {"0": "background", "1": "vessel"},
        "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}],
    }
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    return tmp_path


def source_of(case):
    return ImageSource.of_records([{"provenance": case.provenance}])


@pytest.mark.parametrize("dataset", ["nnunet", "msd"])
@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ([], ["T1", "T2", "FLAIR"]),
        (["all"], ["T1", "T2", "FLAIR"]),
        (["flair", "0"], ["FLAIR", "T1"]),
        (["T2"], ["T2"]),
    ],
)
def test_channels_by_the_names_of_the_description_and_prediction_takes_the_same(request, dataset, wanted, names):
    root = request.getfixturevalue(dataset)
    case = opened(root, dataset, channels=wanted).load("a")
    assert list(case.images) == names
    numbers = [("T1", "T2", "FLAIR").index(name) for name in names]
    for name, number in zip(names, numbers, strict=True):
        assert np.array_equal(case.images[name].array, CHANNELS[number])
    source = source_of(case)
    assert source.channel_names == tuple(names)
    channels = choose_channels(source, ())
    inputs = find_inputs(root / "imagesTr", channels)
    assert [one.case_id for one in inputs] == (["a", "b"] if dataset == "nnunet" else ["a"])
    again = read_case(inputs[0], channels)
    assert list(again) == names
    for name in names:
        assert np.array_equal(again[name].array, case.images[name].array)


def test_channels_without_a_description(nnunet):
    (nnunet / "dataset.json").unlink()
    assert list(opened(nnunet, "nnunet").load("a").images) == ["channel_0", "channel_1", "channel_2"]
    for path in (*nnunet.glob("imagesTr/*_0001.nii.gz"), *nnunet.glob("imagesTr/*_0002.nii.gz")):
        path.unlink()
    assert list(opened(nnunet, "nnunet").load("a").images) == ["image"]


def test_pictures_in_colour_in_nnunets_layout(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (6, 7, 3)).astype(np.uint8)
    for folder, name, array in (("imagesTr", "a_0000", colours), ("labelsTr", "a", (colours[..., 0] > 99) * 1)):
        (tmp_path / folder).mkdir()
        Image.fromarray(array.astype(np.uint8)).save(tmp_path / folder / f"{name}.png")
    names = {"0": "rescale_to_0_1", "1": "rescale_to_0_1", "2": "rescale_to_0_1"}
    (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": names, "labels": {"background": 0, "road": 1}}))
    case = opened(tmp_path, "nnunet").load("a")
    assert list(case.images) == ["rescale_to_0_1_0", "rescale_to_0_1_1", "rescale_to_0_1_2"]
    assert np.array_equal(case.images["rescale_to_0_1_2"].array, colours[..., 2])
    channels = choose_channels(source_of(case), ())
    (one,) = find_inputs(tmp_path / "imagesTr", channels)
    assert one.case_id == "a"
    assert np.array_equal(read_case(one, channels)["rescale_to_0_1_1"].array, colours[..., 1])


def test_channels_in_files_by_patterns(tmp_path):
    for case in "a", "b":
        write(tmp_path / f"{case}/t1.nii.gz", CHANNELS[0])
        write(tmp_path / f"{case}/t2.nii.gz", CHANNELS[1])
        write(tmp_path / f"{case}/vessels.nii.gz", MASK)
    pairs = {"image": {"T1": "{case}/t1.nii.gz", "T2": "{case}/t2.nii.gz"}, "label": "{case}/vessels.nii.gz"}
    case = opened(tmp_path, "pairs", pairs=pairs).load("a")
    assert list(case.images) == ["T1", "T2"]
    assert np.array_equal(case.images["T2"].array, CHANNELS[1])
    assert len(case.provenance["sources"]) == 3
    turned = opened(tmp_path, "pairs", pairs=pairs, channels=["T2", "T1"]).load("a")
    assert list(turned.images) == ["T2", "T1"]
    # Prediction knows no patterns: it is given nnU-Net's layout, in the network's order.
    write(tmp_path / "in/c_0000.nii.gz", CHANNELS[1])
    write(tmp_path / "in/c_0001.nii.gz", CHANNELS[0])
    channels = choose_channels(source_of(turned), ())
    (one,) = find_inputs(tmp_path / "in/c_0000.nii.gz", channels)
    assert np.array_equal(read_case(one, channels)["T1"].array, CHANNELS[0])
    (tmp_path / "b/t2.nii.gz").unlink()
    with pytest.raises(ValueError, match=r"t1\.nii\.gz: has no image b/t2\.nii\.gz; add it"):
        read_all(opened(tmp_path, "pairs", pairs=pairs))


def test_arrays_of_one_file(tmp_path):
    for name in "x", "y":
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["raw"], file["labels/vessels"] = CHANNELS[0], MASK.astype(np.uint8)
    pairs = {"image": "{case}.h5::raw", "label": "{case}.h5::labels/vessels", "spacing_mm": SPACING}
    data = opened(tmp_path, "pairs", pairs=pairs)
    assert data.case_ids() == ["x", "y"]
    case = data.load("x")
    assert np.array_equal(case.image.array, CHANNELS[0])
    assert np.array_equal(case.vessels.array, MASK)
    assert case.image.spacing_mm == SPACING
    assert [source["path"] for source in case.provenance["sources"]] == ["x.h5"]
    channels = choose_channels(source_of(case), ())
    for place in tmp_path, tmp_path / "x.h5", tmp_path / "x.h5::raw":
        one = find_inputs(place, channels)[0]
        assert one.case_id == "x"
        assert np.array_equal(read_case(one, channels)["image"].array, CHANNELS[0])


def test_vectors_of_a_pair(tmp_path):
    write_vectors(tmp_path / "images/a.nii.gz", CHANNELS)
    write(tmp_path / "labels/a.nii.gz", MASK)
    with pytest.raises(ValueError, match=r"3 channels where one image is expected; .*\(channel_0, .*, all\)"):
        opened(tmp_path, "pairs").load("a")
    case = opened(tmp_path, "pairs", channels=["all"]).load("a")
    assert list(case.images) == ["channel_0", "channel_1", "channel_2"]
    channels = choose_channels(source_of(case), ())
    write_vectors(tmp_path / "fewer.nii.gz", CHANNELS[:2])
    (one,) = find_inputs(tmp_path / "fewer.nii.gz", channels)
    with pytest.raises(ValueError, match=r"has 2 channels \(channel_0, channel_1\) where 3 are expected \(channel_0, "):
        read_case(one, channels)


def test_channels_of_different_geometry_are_refused_naming_both(nnunet):
    write(nnunet / "imagesTr/a_0001.nii.gz", CHANNELS[1], (2.5, 1.0, 1.0))
    with pytest.raises(ValueError, match=r"a_0001\.nii\.gz, channel T2, does not lie on channel T1 \(a_0000") as caught:
        opened(nnunet, "nnunet").load("a")
    assert "\n" not in str(caught.value)


def test_the_decathlons_files_with_another_number_of_channels(msd):
    write_vectors(msd / "imagesTr/a.nii.gz", CHANNELS[:2])
    with pytest.raises(ValueError, match=r"has 2 channels \(channel_0, channel_1\) where 3 are expected \(T1, T2, FL"):
        opened(msd, "msd").load("a")


def test_missing_and_reordered_channels_are_refused_in_prediction_by_name(nnunet):
    channels = choose_channels(source_of(opened(nnunet, "nnunet").load("a")), ())
    (nnunet / "imagesTr/b_0001.nii.gz").unlink()
    first, second = find_inputs(nnunet / "imagesTr", channels)
    assert first.problem == ""
    assert "no file b_0001 beside it, a channel (T2) that the network was trained on; add it" in second.problem
    # One file is given: its channels lie beside it.
    (one,) = find_inputs(nnunet / "imagesTr/a_0002.nii.gz", channels)
    assert list(read_case(one, channels)) == ["T1", "T2", "FLAIR"]
    names = {"0": "T2", "1": "T1", "2": "FLAIR"}
    (nnunet / "dataset.json").write_text(json.dumps({"channel_names": names, "labels": {"background": 0, "v": 1}}))
    with pytest.raises(ValueError, match=r"calls channel 0 T2, where the network was trained on T1; bring the"):
        read_case(one, channels)
    # A file with all channels does as well.
    write_vectors(nnunet / "vectors/c.nii.gz", CHANNELS)
    (whole,) = find_inputs(nnunet / "vectors/c.nii.gz", channels)
    (nnunet / "dataset.json").unlink()
    assert np.array_equal(read_case(whole, channels)["FLAIR"].array, CHANNELS[2])


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"channel_names": {"0": "CT"}}, ("CT",)),
        ({"modality": {"0": "CT", "1": "PET"}}, ("CT", "PET")),
        ({"channel_names": ["a", "b"]}, ("a", "b")),
        ({"channel_names": {"0": "noNorm", "1": "noNorm", "2": "CT"}}, ("noNorm_0", "noNorm_1", "CT")),
        ({}, ()),
    ],
)
def test_names_of_channels(tmp_path, given, names):
    assert described_channels(given, tmp_path) == names


@pytest.mark.parametrize("given", [{"1": "CT"}, {"a": "CT"}, "CT", 3])
def test_names_of_channels_that_are_none(tmp_path, given):
    with pytest.raises(ValueError, match="expected channel_names like"):
        described_channels({"channel_names": given}, tmp_path)
