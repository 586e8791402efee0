"""Data sets, each by its file of settings: a small folder in the layout in which it ships is read."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from ramify.command_line import parse
from ramify.data.adapters.opening import open_dataset
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.preprocessing.settings import PreprocessCommand

CONFIGS = Path(__file__).parents[3] / "configs" / "data"
VOLUME = np.random.default_rng(0).integers(0, 200, (4, 6, 5)).astype(np.int16)
TREES = (np.arange(120) % 4).reshape(4, 6, 5).astype(np.uint8)
PICTURE = np.random.default_rng(1).integers(0, 255, (8, 9, 3)).astype(np.uint8)
PLANE = (PICTURE[..., 1] > 128).astype(np.uint8) * 255


def volume(path, array, spacing=(2.0, 1.0, 1.0)):
    write_volume(path, Volume(array, spacing))


def picture(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.startswith(".tif"):
        tifffile.imwrite(path, array, photometric="rgb" if array.ndim == 3 else "minisblack")
    else:
        Image.fromarray(array).save(path)


def stack(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, values, photometric="minisblack")


def array(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)


def drive(root):
    for part, cases in (("training", ("21", "22")), ("test", ("01",))):
        for case in cases:
            picture(root / part / "images" / f"{case}_{part}.tif", PICTURE)
            picture(root / part / "1st_manual" / f"{case}_manual1.gif", PLANE)
            picture(root / part / "mask" / f"{case}_{part}_mask.gif", np.full_like(PLANE, 255))


def chase_db1(root):
    for case in "01L", "01R", "02L":
        picture(root / f"Image_{case}.jpg", PICTURE)
        for observer in "1stHO", "2ndHO":
            picture(root / f"Image_{case}_{observer}.png", PLANE > 0)


def stare(root):
    for case in "im0001", "im0002":
        picture(root / f"stare-images/{case}.ppm", PICTURE)
        picture(root / f"labels-ah/{case}.ah.ppm", np.stack([PLANE] * 3, -1))


def massachusetts_roads(root):
    for part, case in (("train", "10078660_15"), ("valid", "10228690_15"), ("test", "10378780_15")):
        picture(root / part / "sat" / f"{case}.tiff", PICTURE)
        picture(root / part / "map" / f"{case}.tif", PLANE)


def crack500(root):
    for part, case in (
        ("train", "20160222_081011_1_361"),
        ("train", "20160222_081011_641_1"),
        ("test", "20160222_080933_1_1"),
    ):
        picture(root / f"{part}crop" / f"{case}.jpg", PICTURE)
        picture(root / f"{part}crop" / f"{case}.png", PLANE)


def deepcrack(root):
    for part, case in (("train", "7Q3A9060-1"), ("test", "11125-1")):
        picture(root / f"{part}_img" / f"{case}.jpg", PICTURE)
        picture(root / f"{part}_lab" / f"{case}.png", PLANE)


def topcow(root):
    labels = TREES.copy()
    labels[labels == 3] = 15
    for case in "ct_001", "mr_001", "mr_002":
        volume(root / f"imagesTr/topcow_{case}_0000.nii.gz", VOLUME)
        volume(root / f"cow_seg_labelsTr/topcow_{case}.nii.gz", labels)


def toothfairy(root):
    for case in "P1", "P2", "P548":
        array(root / "Dataset" / case / "data.npy", VOLUME)
        array(root / "Dataset" / case / "gt_sparse.npy", TREES > 2)
        if case != "P548":
            array(root / "Dataset" / case / "gt_alpha.npy", (TREES > 1).astype(np.uint8))


def toothfairy2(root):
    labels = np.choose(TREES, (0, 3, 4, 11)).astype(np.uint8)
    for case in "ToothFairy2F_001", "ToothFairy2P_002":
        volume(root / f"imagesTr/{case}_0000.mha", VOLUME)
        volume(root / f"labelsTr/{case}.mha", labels)
    names = {"background": 0, "Left Inferior Alveolar Canal": 3, "Right Inferior Alveolar Canal": 4}
    names |= {"Upper Right Central Incisor": 11}
    (root / "dataset.json").write_text(json.dumps({"channel_names": {"0": "CBCT"}, "labels": names}))


def cremi(root):
    for case in "A", "B":
        with h5py.File(root / f"sample_{case}_20160501.hdf", "w") as file:
            clefts = np.where(TREES == 1, 7, 2**64 - 1).astype(np.uint64)
            for key, values in (
                ("raw", VOLUME.astype(np.uint8)),
                ("labels/clefts", clefts),
                ("labels/neuron_ids", clefts),
            ):
                file.create_dataset(f"volumes/{key}", data=values).attrs["resolution"] = (40.0, 4.0, 4.0)
            file.create_dataset("annotations/locations", data=np.zeros((2, 3)))


def two_photon(root):
    for case, label in (("burgess2014_bbbDisruption", "labels"), ("poon2015_BBB_Leakage", "manualLabels_v2")):
        stack(root / f"denoised/{case}_BM4D_denoised.tif", VOLUME.astype(np.uint8))
        stack(root / f"labels/{case}_{label}.tif", (TREES > 2).astype(np.uint8) * 255)


def vascusynth(root):
    files = {"patientIso": VOLUME, "gt": TREES == 1, "liverMaskIso": TREES > 0, "bifurcationsMaskIso": TREES == 2}
    for case in "3DVascuG1Data10_5", "3DVascuG2Data8_20":
        for name, values in files.items():
            volume(root / case / f"{name}.nii.gz", values)


def vessap(root):
    for case in "170902_brain", "170907_brain":
        for stain in "C00", "C01":
            volume(root / f"prep/prep_{case}_{stain}_xyz_cube.nii.gz", VOLUME + int(stain[1:]))
        volume(root / f"gt_all/{case}_C00_xyz_cube_DoG026.nii.gz", TREES)


def lircad(root):
    for case in "001", "002":
        for name, values in (("ct", VOLUME), ("portal", TREES == 1), ("hepatic", TREES == 2), ("liver", TREES > 0)):
            volume(root / name / f"{case}.nii.gz", values)


def msd_hepatic_vessel(root):
    entries = []
    for number in 1, 2:
        name = f"hepaticvessel_{number:03d}.nii.gz"
        volume(root / "imagesTr" / name, VOLUME)
        volume(root / "labelsTr" / name, TREES % 3)
        entries.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    labels = {"0": "background", "1": "Vessel", "2": "Tumour"}
    described = {"labels": labels, "modality": {"0": "CT"}, "training": entries, "test": []}
    (root / "dataset.json").write_text(json.dumps(described))


ARTERIES = ["BA", "R-PCA", "L-PCA", "R-ICA", "R-MCA", "L-ICA", "L-MCA", "R-Pcom", "L-Pcom", "Acom", "R-ACA", "L-ACA"]
ARTERIES += ["3rd-A2"]
# Writer of the layout; cases; patients; channels; vessel voxels of a case; classes, if there are several.
SHIPPED: dict[str, tuple[Callable[[Path], None], list[str], int, list[str], np.ndarray, list[str]]] = {
    "drive": (drive, ["01", "21", "22"], 3, ["green"], PLANE > 0, []),
    "chase_db1": (chase_db1, ["01L", "01R", "02L"], 2, ["green"], PLANE > 0, []),
    "stare": (stare, ["im0001", "im0002"], 2, ["green"], PLANE > 0, []),
    "massachusetts_roads": (
        massachusetts_roads,
        ["10078660_15", "10228690_15", "10378780_15"],
        3,
        ["red", "green", "blue"],
        PLANE > 0,
        [],
    ),
    "crack500": (
        crack500,
        ["20160222_080933_1_1", "20160222_081011_1_361", "20160222_081011_641_1"],
        2,
        ["red", "green", "blue"],
        PLANE > 0,
        [],
    ),
    "deepcrack": (deepcrack, ["7Q3A9060-1", "11125-1"], 2, ["red", "green", "blue"], PLANE > 0, []),
    "topcow": (
        topcow,
        ["ct_001", "mr_001", "mr_002"],
        2,
        ["image"],
        TREES > 0,
        [
            "BA",
            "R-PCA",
            "L-PCA",
            "R-ICA",
            "R-MCA",
            "L-ICA",
            "L-MCA",
            "R-Pcom",
            "L-Pcom",
            "Acom",
            "R-ACA",
            "L-ACA",
            "3rd-A2",
        ],
    ),
    "toothfairy": (toothfairy, ["P1", "P2"], 2, ["image"], TREES > 1, []),
    "toothfairy2": (
        toothfairy2,
        ["ToothFairy2F_001", "ToothFairy2P_002"],
        2,
        ["CBCT"],
        (TREES == 1) | (TREES == 2),
        ["left", "right"],
    ),
    "cremi": (cremi, ["sample_A_20160501", "sample_B_20160501"], 2, ["image"], TREES == 1, []),
    "two_photon": (two_photon, ["burgess2014_bbbDisruption", "poon2015_BBB_Leakage"], 2, ["image"], TREES > 2, []),
    "vascusynth": (vascusynth, ["3DVascuG1Data10_5", "3DVascuG2Data8_20"], 2, ["image"], TREES == 1, []),
    "vessap": (vessap, ["170902_brain", "170907_brain"], 2, ["C00", "C01"], TREES > 0, []),
    "lircad": (lircad, ["001", "002"], 2, ["image"], (TREES == 1) | (TREES == 2), ["portal", "hepatic"]),
    "msd_hepatic_vessel": (
        msd_hepatic_vessel,
        ["hepaticvessel_001", "hepaticvessel_002"],
        2,
        ["CT"],
        TREES % 3 == 1,
        ["vessel", "tumour"],
    ),
}


def opened(name, root):
    words = ["--config", str(CONFIGS / f"{name}.yaml"), "--root", str(root), "--output", str(root / "cases")]
    return open_dataset(parse(PreprocessCommand, "", words))


def test_every_file_has_a_layout():
    # 3D-IRCADb's is written slice by slice in its own test.
    assert set(SHIPPED) | {"ircadb"} == {path.stem for path in CONFIGS.glob("*.yaml")}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_data_set_as_it_ships(tmp_path, name):
    write, case_ids, patients, channels, vessels, classes = SHIPPED[name]
    write(tmp_path)
    data = opened(name, tmp_path)
    assert sorted(data.case_ids()) == sorted(case_ids)
    cases = [data.load(case_id) for case_id in data.case_ids()]
    assert len({case.patient_id for case in cases}) == patients
    for case in cases:
        assert list(case.images) == channels
        assert np.array_equal(case.vessels.array, vessels)
        assert list(case.table.names) == (classes or ["vessel"])
        assert (case.classes is None) == (not classes)
        assert data.faults(case.case_id) == ()


def test_3d_ircadb_as_it_ships(tmp_path, write_series):
    for number, (name, values) in enumerate(
        {
            "PATIENT_DICOM": VOLUME,
            "MASKS_DICOM/liver": (TREES > 0) * 255,
            "MASKS_DICOM/portalvein1": (TREES == 1) * 255,
            "MASKS_DICOM/venacava": (TREES == 2) * 255,
        }.items()
    ):
        write_series(tmp_path / "3Dircadb1.2" / name, values.astype(np.int16), series=f"1.2.{number + 3}")
    case = opened("ircadb", tmp_path).load("3Dircadb1.2")
    assert case.table.names == ("portal", "hepatic", "tumour")
    assert np.array_equal(case.classes.array, np.where(TREES < 3, TREES, 0))
    assert np.array_equal(case.organ.array, TREES > 0)
