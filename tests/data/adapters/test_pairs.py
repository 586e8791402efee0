import unicodedata

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image
from pydantic import ValidationError

from ramify.data.adapters.form_settings import PairsSettings
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from tests.data.adapters.reading import read_all
from tests.data.formats.test_slicer import write_segmentation

IMAGE = np.random.default_rng(2).normal(size=(3, 4, 5)).astype(np.float32)
MASK = np.arange(60).reshape(3, 4, 5) % 5 == 0
PLANE = np.arange(20, dtype=np.uint8).reshape(4, 5) * 10


def write(path, array, origin_mm=()):
    write_volume(path, Volume(array, (2.0, 1.0, 1.0), origin_mm))


def write_picture(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))


def opened(root, resample_masks=False, **settings):
    pairs = PairsSettings(**settings)
    return open_dataset(DatasetSettings(dataset="pairs", root=root, pairs=pairs, resample_masks=resample_masks))


@pytest.mark.parametrize("labels", ["labels", "masks"])
def test_folders_of_volumes_in_any_form(tmp_path, labels):
    for case, image, label in (
        ("a.1", ".nii.gz", ".nrrd"),
        ("b", ".mha", ".nii"),
        ("c10", ".nrrd", ".nii.gz"),
        ("c9", ".nii", ".mha"),
    ):
        write(tmp_path / "images" / f"{case}{image}", IMAGE)
        write(tmp_path / labels / f"{case}{label}", MASK)
    (tmp_path / "images" / "notes.txt").write_text("no image")
    data = opened(tmp_path)
    assert data.case_ids() == ["a.1", "b", "c9", "c10"]
    case = data.load("a.1")
    assert np.array_equal(case.image.array, IMAGE)
    assert np.array_equal(case.vessels.array, MASK)
    assert case.organ is None
    assert not case.structures
    assert [source["path"] for source in case.provenance["sources"]] == ["images/a.1.nii.gz", f"{labels}/a.1.nrrd"]


def test_organs_where_there_is_a_folder(tmp_path):
    for folder, array in ("images", IMAGE), ("labels", MASK), ("organs", IMAGE > 0):
        write(tmp_path / folder / "a.nii.gz", array)
    organ = opened(tmp_path).load("a").organ
    assert organ is not None
    assert np.array_equal(organ.array, IMAGE > 0)
    write(tmp_path / "images" / "b.nii.gz", IMAGE)
    write(tmp_path / "labels" / "b.nii.gz", MASK)
    with pytest.raises(ValueError, match=r"images/b\.nii\.gz: has no organ organs/b\.\*"):
        read_all(opened(tmp_path))


def test_pictures(tmp_path):
    write_picture(tmp_path / "images" / "7.tiff", PLANE)
    write_picture(tmp_path / "labels" / "7.png", (PLANE > 90).astype(np.uint8) * 255)
    case = opened(tmp_path).load("7")
    assert np.array_equal(case.image.array, PLANE)
    assert np.array_equal(case.vessels.array, PLANE > 90)
    assert case.image.spacing_mm == (1.0, 1.0)
    assert opened(tmp_path, spacing_mm=(0.5, 0.25)).load("7").image.spacing_mm == (0.5, 0.25)
    with pytest.raises(ValueError, match=r"7\.tiff: spacing_mm: expected a spacing of 2 numbers"):
        opened(tmp_path, spacing_mm=(0.5, 0.5, 0.25)).load("7")


def test_patterns_for_a_folder_a_case(tmp_path):
    for case in "x", "y":
        write(tmp_path / case / "image.nii.gz", IMAGE)
        write(tmp_path / case / "gt.nii.gz", MASK)
        write(tmp_path / case / "liver.nii.gz", IMAGE > 0)
    data = opened(tmp_path, image="{case}/image.nii.gz", label="{case}/gt.nii.gz", organ="{case}/liver.nii.gz")
    assert data.case_ids() == ["x", "y"]
    assert data.load("x").organ is not None


def test_patterns_for_one_folder_with_endings(tmp_path):
    for case, ending in ("a_1", "labels_v1"), ("a", "manualLabels_v2"):
        write_picture(tmp_path / f"{case}_denoised.tif", PLANE)
        write_picture(tmp_path / f"{case}_{ending}.tif", (PLANE > 90).astype(np.uint8))
    data = opened(tmp_path, image="{case}_denoised.tif", label="{case}_*abels_v*.tif")
    with pytest.raises(ValueError, match=r"a_1_labels_v1.*a_manualLabels_v2|fits case a as well"):
        read_all(data)  # a_1_labels_v1 may be of a or of a_1: not ours to guess
    (tmp_path / "a_manualLabels_v2.tif").rename(tmp_path / "b_manualLabels_v2.tif")
    (tmp_path / "a_denoised.tif").rename(tmp_path / "b_denoised.tif")
    data = opened(tmp_path, image="{case}_denoised.tif", label="{case}_*abels_v*.tif")
    assert data.case_ids() == ["a_1", "b"]


def test_labels_that_the_images_pattern_catches_are_no_images(tmp_path):
    for case in "a", "b":
        write_picture(tmp_path / f"{case}.png", PLANE)
        write_picture(tmp_path / f"{case}_mask.png", (PLANE > 90).astype(np.uint8))
    data = opened(tmp_path, image="{case}.png", label="{case}_mask.png")
    assert data.case_ids() == ["a", "b"]
    with pytest.raises(ValueError, match="is its own label"):
        read_all(opened(tmp_path, image="{case}.png", label="{case}.png"))


def test_partners_that_are_missing_or_double_are_named(tmp_path):
    for case in "a", "b":
        write(tmp_path / "images" / f"{case}.nii.gz", IMAGE)
        write(tmp_path / "labels" / f"{case}.nii.gz", MASK)
    (tmp_path / "labels" / "b.nii.gz").rename(tmp_path / "labels" / "b.2.nii.gz")
    with pytest.raises(ValueError, match=r"images/b\.nii\.gz: has no label labels/b\.\*"):
        read_all(opened(tmp_path))
    (tmp_path / "images" / "b.nii.gz").unlink()
    with pytest.raises(ValueError, match=r"labels/b\.2\.nii\.gz: has no image"):
        read_all(opened(tmp_path))
    (tmp_path / "labels" / "b.2.nii.gz").unlink()
    write(tmp_path / "labels" / "a.nrrd", MASK)
    with pytest.raises(ValueError, match=r"a\.nrrd fits case a as well"):
        read_all(opened(tmp_path))
    write(tmp_path / "images" / "a.nrrd", IMAGE)
    with pytest.raises(ValueError, match="is of the same case a"):
        read_all(opened(tmp_path))


def test_roots_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder; --root names the folder with images/ and labels/"):
        read_all(opened(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="neither labels/ nor masks/"):
        read_all(opened(tmp_path))
    (tmp_path / "labels").mkdir()
    with pytest.raises(ValueError, match=r"holds no image images/\{case\}\.\*"):
        read_all(opened(tmp_path))


def test_label_maps_need_their_labels_named(tmp_path):
    labels = (np.arange(60).reshape(3, 4, 5) % 4).astype(np.uint8)
    write(tmp_path / "images" / "a.nii.gz", IMAGE)
    write(tmp_path / "labels" / "a.nii.gz", labels)
    with pytest.raises(ValueError, match=r"--pairs\.vessel-labels"):
        opened(tmp_path).load("a")
    case = opened(tmp_path, vessel_labels=("1", "3"), organ_labels=("2",)).load("a")
    assert np.array_equal(case.vessels.array, np.isin(labels, [1, 3]))
    assert set(case.structures) == {"label_1", "label_3"}
    assert case.organ is not None
    assert np.array_equal(case.organ.array, labels > 0)  # vessels are part of the organ of their own map


def test_masks_elsewhere_and_probabilities(tmp_path):
    write(tmp_path / "images" / "a.nii.gz", IMAGE)
    write(tmp_path / "labels" / "a.nii.gz", MASK, (500.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"does not lie on image.*--resample-masks"):
        opened(tmp_path).load("a")
    with pytest.raises(ValueError, match="none of its voxels lies inside image"):
        opened(tmp_path, resample_masks=True).load("a")
    write(tmp_path / "labels" / "a.nii.gz", np.abs(IMAGE))
    with pytest.raises(ValueError, match=r"labels/a\.nii\.gz: probabilities where a mask"):
        opened(tmp_path).load("a")


@pytest.mark.parametrize("pattern", ["images/*.png", "{case}/{case}.png"])
def test_a_pattern_says_where_the_case_is_once(pattern):
    with pytest.raises(ValidationError, match="expected a pattern with"):
        PairsSettings(image=pattern)


def test_real_planes(real_data):
    root = real_data / "vessmap_2d"
    if not root.is_dir():
        pytest.skip("no vessmap_2d in RAMIFY_DATA")
    data = opened(root)
    assert data.case_ids() == ["10571", "12749", "17852"]
    case = data.load("10571")
    assert case.image.shape == (256, 256)
    assert case.vessels.array.sum() == 18_406


def test_real_stacks(real_data):
    root = real_data / "brain_2photon"
    if not root.is_dir():
        pytest.skip("no brain_2photon in RAMIFY_DATA")
    data = opened(root, image="{case}_BM4D_denoised.tif", label="{case}_*abels_v*.tif")
    assert data.case_ids() == ["burgess2014_lowerRes_hiSNR", "poon2015_BBB_Leakage"]
    case = data.load("burgess2014_lowerRes_hiSNR")
    assert case.image.shape == (26, 320, 320)
    assert case.image.spacing_mm == (1.0, 1.0, 1.0)
    assert case.vessels.array.sum() == 794_135


def test_hidden_files_are_no_cases(tmp_path):
    for folder, array in (("images", IMAGE), ("labels", MASK), ("organs", MASK)):
        write(tmp_path / folder / "a.nii.gz", array)
        for hidden in "._a.nii.gz", "._b.nii.gz", ".DS_Store", "Thumbs.db":
            (tmp_path / folder / hidden).write_bytes(b"\0\5\x16\7")
    data = opened(tmp_path)
    assert data.case_ids() == ["a"]
    assert data.load("a").organ is not None


def test_pictures_as_retina_data_sets_ship_them(tmp_path):
    """Images in colour, masks as GIF, and another name for each: 21_training.tif, 21_manual1.gif."""
    colours = np.random.default_rng(0).integers(0, 255, (*PLANE.shape, 3)).astype(np.uint8)
    vessels = (PLANE > 100).astype(np.uint8) * 255
    for folder in "images", "manual", "mask":
        (tmp_path / folder).mkdir()
    tifffile.imwrite(tmp_path / "images" / "21_training.tif", colours, photometric="rgb")
    Image.fromarray(vessels).save(tmp_path / "manual" / "21_manual1.gif")
    Image.fromarray(np.full_like(PLANE, 255)).save(tmp_path / "mask" / "21_training_mask.gif")
    pairs = PairsSettings(
        image="images/{case}_training.tif", label="manual/{case}_manual1.gif", organ="mask/{case}_training_mask.gif"
    )
    settings = DatasetSettings(dataset="pairs", root=tmp_path, pairs=pairs)
    with pytest.raises(ValueError, match=r"21_training\.tif: 3 channels that differ.*choose with --channels"):
        open_dataset(settings).load("21")
    for number, channel in enumerate(("red", "green", "blue")):
        case = open_dataset(settings.model_copy(update={"channels": (channel,)})).load("21")
        assert np.array_equal(case.image.array, colours[..., number])
        assert np.array_equal(case.vessels.array, vessels > 0)
        assert case.organ is not None
        assert case.organ.array.all()
        assert list(case.images) == [channel]
        assert case.provenance["settings"]["picked"] == [channel]
    with pytest.raises(ValueError, match=r"no channel 'violet'; .* --channels \(red, green, blue, luminance, all"):
        open_dataset(settings.model_copy(update={"channels": ("violet",)})).load("21")


def test_organ_and_vessels_out_of_one_segmentation(tmp_path):
    """Segments that overlap, cropped to their box, chosen by name."""
    image = Volume(np.arange(120, dtype=np.float32).reshape(4, 5, 6), (2.0, 0.75, 0.5), (30.0, 20.0, 10.0))
    liver = np.zeros((2, 3, 4), bool)
    liver[:, :2] = True
    portal = np.zeros_like(liver)
    portal[1, 1:] = True
    write_volume(tmp_path / "images" / "a.nii.gz", image)
    (tmp_path / "labels").mkdir()
    layers = np.stack([liver, portal, ~liver], axis=-1).astype(np.uint8)
    described = [
        (name, {"LabelValue": 1, "Layer": layer}) for layer, name in enumerate(("Liver", "Portal vein", "Rest"))
    ]
    write_segmentation(tmp_path / "labels" / "a.seg.nrrd", layers, described, layered=True)
    with pytest.raises(ValueError, match=r"3 segments \(Liver, Portal vein, Rest\).*with --pairs\.vessel-labels"):
        opened(tmp_path).load("a")
    case = opened(tmp_path, vessel_labels=("portal vein",), organ_labels=("liver",), resample_masks=True).load("a")
    assert case.organ is not None
    assert case.organ.array.sum() == liver.sum()
    assert case.vessels.array.sum() == portal.sum()
    assert (case.vessels.array & case.organ.array).sum() == (portal & liver).sum()
    assert case.provenance["settings"]["vessel_labels"] == ["portal vein"]
    several = opened(tmp_path, vessel_labels=("Portal vein", "Rest"), resample_masks=True).load("a")
    assert set(several.structures) == {"Portal vein", "Rest"}


def test_what_is_organ_as_a_whole_is_not_vessel_as_well(tmp_path):
    write(tmp_path / "images" / "a.nii.gz", np.arange(60, dtype=np.float32).reshape(3, 4, 5))
    write(tmp_path / "labels" / "a.nii.gz", np.arange(60, dtype=np.uint8).reshape(3, 4, 5) % 3)
    for settings in ({"organ_labels": ("1",)}, {"organ_labels": ("1",), "vessel_labels": ("1", "2")}):
        with pytest.raises(ValueError, match=r"label 1 would be organ and vessels alike.*--pairs\.vessel-labels"):
            opened(tmp_path, **settings).load("a")
    case = opened(tmp_path, organ_labels=("1", "2")).load("a")  # the vessels, label 1, are part of the organ
    assert case.organ is not None
    assert (case.vessels.array.sum(), case.organ.array.sum()) == (20, 40)


def test_a_link_to_nothing_loses_no_case_in_silence(tmp_path):
    for case in "ab":
        for folder in ("images", "labels"):
            write(tmp_path / folder / f"{case}.nii.gz", np.ones((3, 4, 5), np.uint8))
    for folder in ("images", "labels"):
        (tmp_path / folder / "b.nii.gz").unlink()
        (tmp_path / folder / "b.nii.gz").symlink_to(tmp_path / "annex" / "b")
    assert opened(tmp_path).case_ids() == ["a", "b"]
    with pytest.raises(FileNotFoundError, match=r"b\.nii\.gz: a link to .*annex/b, which is not there"):
        opened(tmp_path).load("b")


@pytest.mark.parametrize("layout", [{}, {"image": "images/{case}.nii.gz", "label": "labels/{case}.nii.gz"}])
def test_accented_letters_are_the_same_however_a_system_writes_them(tmp_path, layout):
    names = [unicodedata.normalize(form, "K\N{LATIN SMALL LETTER A WITH DIAERESIS}se 1") for form in ("NFD", "NFC")]
    for folder, name in zip(("images", "labels", "organs"), (*names, names[0])):
        write(tmp_path / folder / f"{name}.nii.gz", np.ones((3, 4, 5), np.uint8))
    data = opened(tmp_path, **layout)
    assert data.case_ids() == [names[1]]
    assert data.load(names[1]).organ is not None


def test_plain_numbers_stay_in_the_names(tmp_path):
    for name in "img_0000", "img_0001":
        write(tmp_path / "images" / f"{name}.nii.gz", IMAGE)
        write(tmp_path / "labels" / f"{name}.nii.gz", MASK)
    data = opened(tmp_path)
    assert data.case_ids() == ["img_0000", "img_0001"]
    assert "files" not in data.load("img_0000").provenance["settings"]


def test_a_pattern_with_a_channel_says_so(tmp_path):
    write(tmp_path / "images" / "c_0000.nii.gz", -IMAGE)
    write(tmp_path / "images" / "c_0001.nii.gz", IMAGE)
    write(tmp_path / "labels" / "c.nii.gz", MASK)
    data = opened(tmp_path, image="images/{case}_0001.*")
    assert data.case_ids() == ["c"]
    assert np.array_equal(data.load("c").image.array, IMAGE)
    assert data.load("c").provenance["settings"]["files"] == [1]
