import hashlib
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ramify.data.adapters.form_settings import IrcadbSettings
from ramify.data.adapters.ircadb_structures import group_of
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings

SHAPE = (4, 6, 5)
CT = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)


def box(*edges: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[tuple(slice(*edge) for edge in edges)] = 255
    return mask


MASKS = {
    "liver": box((0, 4), (1, 5), (0, 5)),
    "portalvein": box((0, 4), (2, 3), (1, 2)),
    "venoussystem": box((1, 3), (4, 6), (1, 4)),
    "artery": box((0, 1), (0, 1), (0, 3)),
    "livertumor01": box((2, 3), (3, 4), (3, 4)),
    "livertumor02": box((0, 1), (3, 4), (3, 4)),
    "bone": box((0, 4), (0, 1), (4, 5)),
}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Folders of slices, each written once: the CT and every mask."""
    return tmp_path_factory.mktemp("shipped")


@pytest.fixture
def write_case_folder(write_series, shipped):
    def write(folder, masks=MASKS, **series):
        places = {"PATIENT_DICOM": CT} | {f"MASKS_DICOM/{name}": mask for name, mask in masks.items()}
        for number, (place, array) in enumerate(places.items()):
            moved = series if place != "PATIENT_DICOM" else {}
            key = shipped / hashlib.sha256(repr((place, array.tobytes(), sorted(moved.items()))).encode()).hexdigest()
            if not key.exists():
                write_series(key, array, series=f"1.2.{number + 3}", **moved)
            shutil.copytree(key, folder / place)
        return folder

    return write


def opened(root, vessels="portal+hepatic", **settings):
    return open_dataset(
        DatasetSettings(dataset="ircadb", root=root, ircadb=IrcadbSettings(vessels=vessels), **settings)
    )


def test_a_case_as_it_ships(tmp_path, write_case_folder):
    write_case_folder(tmp_path / "3Dircadb1.17")
    data = opened(tmp_path)
    assert data.case_ids() == ["3Dircadb1.17"]
    case = data.load("3Dircadb1.17")
    assert case.case_id == case.patient_id == "3Dircadb1.17"
    assert np.array_equal(case.image.array, CT)
    assert case.image.spacing_mm == (2.0, 0.5, 0.75)
    assert case.organ is not None
    assert np.array_equal(case.organ.array, MASKS["liver"] > 0)
    assert np.array_equal(case.vessels.array, (MASKS["portalvein"] | MASKS["venoussystem"]) > 0)
    assert set(case.structures) == {"portalvein", "venoussystem", "artery", "tumours"}
    assert case.structures["tumours"].array.sum() == 2
    assert case.provenance["settings"]["vessel_structures"] == {"portal": ["portalvein"], "hepatic": ["venoussystem"]}


CLASSES = {
    "portal": "portalvein",
    "hepatic": "hepatic",  # whichever of its spellings
    "tumour": {"values": "livertumor02", "role": "context"},
    "bone": {"values": "bone", "role": "context"},
}


def test_structures_as_classes(tmp_path, write_case_folder):
    folder = write_case_folder(tmp_path / "3Dircadb1.17")
    settings = {"dataset": "ircadb", "root": tmp_path, "classes": CLASSES}
    data = open_dataset(DatasetSettings.model_validate(settings))
    case = data.load("3Dircadb1.17")
    assert case.table.names == ("portal", "hepatic", "tumour", "bone")
    expected = [MASKS[name] for name in ("portalvein", "venoussystem", "livertumor02", "bone")]
    assert np.array_equal(case.classes.array, sum(number * (mask > 0) for number, mask in enumerate(expected, 1)))
    assert np.array_equal(case.vessels.array, (MASKS["portalvein"] | MASKS["venoussystem"]) > 0)
    assert np.array_equal(case.organ.array, MASKS["liver"] > 0)
    assert "MASKS_DICOM/bone" in {source["path"].split("/", 1)[1] for source in case.provenance["sources"]}
    assert data.faults("3Dircadb1.17") == ()
    every = open_dataset(DatasetSettings.model_validate({**settings, "classes": {}, "every_class": True}))
    table = every.load("3Dircadb1.17").table
    assert (table.names, table.vessels) == (("portal", "hepatic", "artery", "tumours"), (1, 2, 3))
    shutil.rmtree(folder / "MASKS_DICOM" / "venoussystem")
    with pytest.raises(ValueError, match=r"no mask of class hepatic \(hepatic\) among artery, bone, liver"):
        data.load("3Dircadb1.17")
    overlapping = {"classes": {"veins": "portal", "liver too": "liver"}}
    data = open_dataset(DatasetSettings.model_validate({**settings, **overlapping}))
    (fault,) = data.faults("3Dircadb1.17")
    assert (fault.what, fault.voxels) == ("veins and liver too overlap", int((MASKS["portalvein"] > 0).sum()))
    with pytest.raises(ValueError, match="both say what the vessels are"):
        open_dataset(DatasetSettings.model_validate({**settings, "ircadb": {"vessels": "portal"}})).load("3Dircadb1.17")


@pytest.mark.parametrize(
    ("vessels", "names"),
    [
        ("portal", ["portalvein"]),
        ("portal+hepatic", ["portalvein", "venoussystem"]),
        ("portal+hepatic+artery", ["portalvein", "venoussystem", "artery"]),
        ("+artery", ["portalvein", "venoussystem", "artery"]),
    ],
)
def test_presets(tmp_path, write_case_folder, vessels, names):
    write_case_folder(tmp_path / "3Dircadb1.1")
    expected = np.any([MASKS[name] > 0 for name in names], axis=0)
    assert np.array_equal(opened(tmp_path, vessels).load("3Dircadb1.1").vessels.array, expected)


@pytest.mark.parametrize(
    ("structure", "group"),
    [
        ("portalvein", "portal"),
        ("portalvein1", "portal"),
        ("PortalVein2", "portal"),
        ("portal_vein", "portal"),
        ("venoussystem", "hepatic"),
        ("venacava", "hepatic"),
        ("venacave", "hepatic"),
        ("artery", "artery"),
        ("livertumor07", "tumours"),
        ("livertumors", "tumours"),
        ("liver", "liver"),
        ("livercyst", None),
        ("aorta", None),
        ("bone", None),
        ("leftkidney", None),
    ],
)
def test_spellings(structure, group):
    assert group_of(structure) == group


def test_other_spellings_and_no_artery(tmp_path, write_case_folder):
    masks = {
        "liver": MASKS["liver"],
        "portalvein": MASKS["portalvein"],
        "portalvein1": MASKS["artery"],
        "venacava": MASKS["venoussystem"],
    }
    write_case_folder(tmp_path / "3Dircadb1.10", masks)
    case = opened(tmp_path, "+artery").load("3Dircadb1.10")
    assert np.array_equal(case.vessels.array, (MASKS["portalvein"] | MASKS["artery"] | MASKS["venoussystem"]) > 0)
    assert case.provenance["settings"]["vessel_structures"] == {
        "portal": ["portalvein", "portalvein1"],
        "hepatic": ["venacava"],
        "artery": [],
    }


def zip_folder(folder: Path, archive: Path, inside: str) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                zipped.write(path, Path(inside, path.relative_to(folder)))


def inner_zips(case: Path) -> Path:
    for name in "PATIENT_DICOM", "MASKS_DICOM":
        zip_folder(case / name, case / f"{name}.zip", name)
        shutil.rmtree(case / name)
    return case


def inner_zips_without_a_folder(case: Path) -> Path:
    for name in "PATIENT_DICOM", "MASKS_DICOM":
        zip_folder(case / name, case / f"{name}.zip", "")
        shutil.rmtree(case / name)
    return case


def a_zip_a_structure(case: Path) -> Path:
    for folder in sorted((case / "MASKS_DICOM").iterdir()):
        zip_folder(folder, folder.with_name(f"{folder.name}.zip"), folder.name)
        shutil.rmtree(folder)
    return case


def one_zip(case: Path) -> Path:
    zip_folder(case, case.with_name(f"{case.name}.zip"), case.name)
    shutil.rmtree(case)
    return case.with_name(f"{case.name}.zip")


def tar_of_the_two(suffix: str, mode):
    def make(case: Path) -> Path:
        archive = case.with_name(f"{case.name}{suffix}")
        with tarfile.open(archive, mode) as tar:
            for name in "PATIENT_DICOM", "MASKS_DICOM":
                tar.add(case / name, name)
        shutil.rmtree(case)
        return archive

    return make


def nested(case: Path) -> Path:
    shutil.move(case, case.with_name("inner"))
    case.mkdir()
    shutil.move(case.with_name("inner"), case / case.name)
    return case


@pytest.mark.parametrize(
    "make",
    [
        inner_zips,
        inner_zips_without_a_folder,
        a_zip_a_structure,
        one_zip,
        nested,
        lambda case: one_zip(inner_zips(case)),
        lambda case: inner_zips(a_zip_a_structure(case)),
        tar_of_the_two(".tar.xz", "w:xz"),
        tar_of_the_two(".tar.gz", "w:gz"),
        tar_of_the_two(".tar", "w"),
    ],
)
def test_every_packing_gives_the_same_case(tmp_path, monkeypatch, write_case_folder, make):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    root = tmp_path / "data"
    plain = opened(write_case_folder(tmp_path / "plain" / "3Dircadb1.3").parent).load("3Dircadb1.3")
    make(write_case_folder(root / "3Dircadb1.3"))
    data = opened(root)
    assert data.case_ids() == ["3Dircadb1.3"]
    case = data.load("3Dircadb1.3")
    assert np.array_equal(case.image.array, plain.image.array)
    assert list(case.masks()) == list(plain.masks())
    for name, mask in case.masks().items():
        assert np.array_equal(mask.array, plain.masks()[name].array), name
    assert case.provenance == opened(root).load("3Dircadb1.3").provenance
    assert all("scratch" not in source["path"] for source in case.provenance["sources"])
    assert not list(scratch.iterdir()), "what was unpacked is left behind"


def test_a_case_itself_as_the_root(tmp_path, write_case_folder):
    folder = write_case_folder(tmp_path / "3Dircadb1.3")
    assert opened(folder).case_ids() == ["3Dircadb1.3"]
    archive = one_zip(folder)
    assert opened(archive).load("3Dircadb1.3").vessels.array.any()


def test_cases_are_in_the_order_of_their_numbers_and_a_folder_goes_before_its_archive(tmp_path, write_case_folder):
    for number in 10, 2:
        write_case_folder(tmp_path / f"3Dircadb1.{number}")
    (tmp_path / "3Dircadb1.2.zip").write_text("never opened")
    (tmp_path / "readme.txt").write_text("no case")
    data = opened(tmp_path)
    assert data.case_ids() == ["3Dircadb1.2", "3Dircadb1.10"]
    assert data.load("3Dircadb1.2").provenance["sources"][0]["path"] == "3Dircadb1.2/PATIENT_DICOM"


def test_sources_are_known_by_content_and_not_by_place(tmp_path, write_series, write_case_folder):
    write_case_folder(tmp_path / "a" / "3Dircadb1.1")
    for other in "b", "c":
        shutil.copytree(tmp_path / "a", tmp_path / other)
    liver = tmp_path / "c" / "3Dircadb1.1" / "MASKS_DICOM" / "liver"
    write_series(liver, MASKS["liver"][::-1].copy(), series="1.2.4")
    first, same, other = (opened(tmp_path / root).load("3Dircadb1.1").provenance for root in ("a", "b", "c"))
    assert first == same
    differ = [a["path"] for a, b in zip(first["sources"], other["sources"], strict=True) if a != b]
    assert differ == ["3Dircadb1.1/MASKS_DICOM/liver"]


def test_without_a_liver_there_is_no_organ(tmp_path, write_case_folder):
    write_case_folder(tmp_path / "3Dircadb1.1", {name: MASKS[name] for name in ("portalvein", "venoussystem")})
    assert opened(tmp_path).load("3Dircadb1.1").organ is None


def test_missing_vessels_are_named_with_what_is_there(tmp_path, write_case_folder):
    write_case_folder(
        tmp_path / "3Dircadb1.1", {"liver": MASKS["liver"], "portalvein": MASKS["portalvein"], "bone": MASKS["bone"]}
    )
    with pytest.raises(ValueError, match="no mask of the hepatic veins among bone, liver, portalvein"):
        opened(tmp_path).load("3Dircadb1.1")
    assert opened(tmp_path, "portal").load("3Dircadb1.1").vessels.array.any()
    one_zip(tmp_path / "3Dircadb1.1")
    with pytest.raises(ValueError, match="no mask of the hepatic veins among bone, liver, portalvein"):
        opened(tmp_path).load("3Dircadb1.1")


def test_masks_elsewhere_are_an_error_or_resampled(tmp_path, write_case_folder):
    write_case_folder(tmp_path / "3Dircadb1.1", origin_mm=(12.0, -20.0, 30.0))  # one slice above the CT
    with pytest.raises(ValueError, match=r"case 3Dircadb1\.1, artery does not lie on image.*--resample-masks"):
        opened(tmp_path).load("3Dircadb1.1")
    case = opened(tmp_path, resample_masks=True).load("3Dircadb1.1")
    assert np.array_equal(case.structures["portalvein"].array[1:], MASKS["portalvein"][:-1] > 0)
    assert not case.structures["portalvein"].array[0].any()


def test_a_missing_slice_of_a_mask_is_named(tmp_path, write_case_folder):
    folder = write_case_folder(tmp_path / "3Dircadb1.1")
    (folder / "MASKS_DICOM" / "liver" / "image_2").unlink()
    with pytest.raises(ValueError, match=r"3Dircadb1\.1/MASKS_DICOM/liver/image_3: .*missing slice"):
        opened(tmp_path).load("3Dircadb1.1")
    archive = one_zip(inner_zips(folder))
    with pytest.raises(ValueError, match="missing slice") as caught:
        opened(tmp_path).load("3Dircadb1.1")
    assert str(caught.value).startswith(f"{archive}/3Dircadb1.1/MASKS_DICOM.zip/MASKS_DICOM/liver/image_3: ")


def test_roots_without_a_case(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder; --root names the folder with 3Dircadb1\.N"):
        opened(tmp_path / "nowhere").case_ids()
    with pytest.raises(ValueError, match="holds no case of 3D-IRCADb"):
        opened(tmp_path).case_ids()
    with pytest.raises(ValueError, match="--root is missing"):
        opened(None)


def test_damaged_archives_and_unknown_cases(tmp_path, write_case_folder):
    archive = tar_of_the_two(".tar.xz", "w:xz")(write_case_folder(tmp_path / "3Dircadb1.1"))
    with pytest.raises(ValueError, match=r"no case 3Dircadb1\.11; did you mean 3Dircadb1\.1\?"):
        opened(tmp_path).load("3Dircadb1.11")
    archive.write_bytes(archive.read_bytes()[:-400])
    with pytest.raises(ValueError, match=r"3Dircadb1\.1\.tar\.xz: damaged archive"):
        opened(tmp_path).load("3Dircadb1.1")
    archive.unlink()
    (tmp_path / "3Dircadb1.1.zip").write_text("no archive")
    with pytest.raises(ValueError, match=r"3Dircadb1\.1\.zip: damaged archive"):
        opened(tmp_path).load("3Dircadb1.1")


@pytest.mark.slow
def test_the_real_patient(real_data):
    root = real_data / "ircadb"
    if not root.is_dir():
        pytest.skip("no 3D-IRCADb in RAMIFY_DATA")
    case = opened(root).load("3Dircadb1.17")
    assert case.image.shape == (119, 512, 512)
    assert case.image.spacing_mm == pytest.approx((1.6, 0.743, 0.743))
    assert case.image.array.dtype == np.int16
    assert case.organ is not None
    liver = case.organ.array
    assert liver.sum() == 2_106_497
    assert (case.structures["portalvein"].array & liver).sum() == 22_091
    assert (case.structures["venoussystem"].array & liver).sum() == 31_348
    assert (case.vessels.array & liver).sum() == 53_439


def test_what_macos_puts_into_archives_is_no_slice(tmp_path, write_case_folder):
    folder = write_case_folder(tmp_path / "made" / "3Dircadb1.4")
    with zipfile.ZipFile(tmp_path / "3Dircadb1.4.zip", "w") as archive:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            name = path.relative_to(folder.parent)
            archive.write(path, name.as_posix())
            archive.writestr(f"__MACOSX/{name.parent.as_posix()}/._{name.name}", b"\0\5\x16\7")
        for part in sorted(one for one in folder.rglob("*") if one.is_dir()):
            archive.writestr(f"{part.relative_to(folder.parent).as_posix()}/.DS_Store", b"\0\0\0\1Bud1")
    (tmp_path / "._3Dircadb1.4.zip").write_bytes(b"\0\5\x16\7")
    shutil.rmtree(tmp_path / "made")
    data = opened(tmp_path)
    assert data.case_ids() == ["3Dircadb1.4"]
    assert np.array_equal(data.load("3Dircadb1.4").image.array, CT)
