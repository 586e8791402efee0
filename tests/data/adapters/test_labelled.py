"""MSD and nnU-Net: two layouts of image and label map, one way to choose labels."""

import json
from pathlib import Path

import numpy as np
import pytest

from ramify.data.adapters.form_settings import MsdSettings, NnunetSettings
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.files import write_volume
from ramify.data.label_names import choose_labels, parse_labels
from ramify.data.volume import Volume
from tests.data.adapters.reading import read_all
from tests.fuzzing.texts import another_value

IMAGE = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)
LABELS = np.arange(60, dtype=np.uint8).reshape(3, 4, 5) % 4  # 1 vessel, 2 tumour, 3 liver
SPACING = (2.0, 1.0, 1.0)


def write(path, array, origin_mm=()):
    write_volume(path, Volume(array, SPACING, origin_mm))


@pytest.fixture
def msd(tmp_path):
    """Task08 as it ships, with two cases."""
    entries = []
    for number in 2, 10:
        name = f"hepaticvessel_{number:03d}.nii.gz"
        write(tmp_path / "imagesTr" / name, IMAGE + number)
        write(tmp_path / "labelsTr" / name, LABELS % 3)
        entries.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    labels = {"0": "background", "1": "Vessel", "2": "Tumour"}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels, "training": entries, "numTraining": 2}))
    return tmp_path


@pytest.fixture
def nnunet(tmp_path):
    for case in "b", "a":
        write(tmp_path / "imagesTr" / f"{case}_0000.nii.gz", IMAGE)
        write(tmp_path / "imagesTr" / f"{case}_0001.nii.gz", -IMAGE)
        write(tmp_path / "labelsTr" / f"{case}.nii.gz", LABELS)
    labels = {"background": 0, "vessel": 1, "tumour": 2, "liver": 3, "liver_whole": [1, 2, 3], "ignore": 4}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels, "channel_names": {"0": "CT", "1": "inverse"}}))
    return tmp_path


def open_msd(root, resample_masks=False, **settings):
    msd = MsdSettings(**settings)
    return open_dataset(DatasetSettings(dataset="msd", root=root, msd=msd, resample_masks=resample_masks))


def open_nnunet(root, resample_masks=False, channels=(), **settings):
    nnunet = NnunetSettings(**settings)
    return open_dataset(
        DatasetSettings(dataset="nnunet", root=root, nnunet=nnunet, channels=channels, resample_masks=resample_masks)
    )


def test_msd(msd):
    data = open_msd(msd)
    assert data.case_ids() == ["hepaticvessel_002", "hepaticvessel_010"]
    case = data.load("hepaticvessel_010")
    assert np.array_equal(case.image.array, IMAGE + 10)
    assert np.array_equal(case.vessels.array, LABELS % 3 == 1)
    assert case.organ is None
    assert np.array_equal(case.structures["Tumour"].array, LABELS % 3 == 2)
    assert case.provenance["adapter"] == "msd"
    assert [source["path"] for source in case.provenance["sources"]] == [
        "imagesTr/hepaticvessel_010.nii.gz",
        "labelsTr/hepaticvessel_010.nii.gz",
    ]


def test_msd_with_organs_of_another_folder(msd, tmp_path):
    organs = tmp_path / "livers"
    for number in 2, 10:
        write(organs / f"hepaticvessel_{number:03d}.nii.gz", (LABELS > 0).astype(np.uint8) + (LABELS == 2))
    with pytest.raises(
        ValueError, match=r"2 different labels \(1, 2\).*which of them are the organ with --msd\.organ-labels"
    ):
        open_msd(msd, organs=organs).load("hepaticvessel_002")
    case = open_msd(msd, organs=organs, organ_labels=("1", "2")).load("hepaticvessel_002")
    assert case.organ is not None
    assert np.array_equal(case.organ.array, LABELS > 0)
    (organs / "hepaticvessel_002.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match="no organ mask called hepaticvessel_002; it holds hepaticvessel_010"):
        open_msd(msd, organs=organs).load("hepaticvessel_002")
    with pytest.raises(FileNotFoundError, match="no such folder of organ masks"):
        open_msd(msd, organs=organs / "none").load("hepaticvessel_002")


def test_msd_labels_by_name_or_number(msd):
    load = "hepaticvessel_002"
    assert np.array_equal(open_msd(msd, vessel_labels=("2",)).load(load).vessels.array, LABELS % 3 == 2)
    both = open_msd(msd, vessel_labels=("vessel", "TUMOUR")).load(load)
    assert np.array_equal(both.vessels.array, LABELS % 3 > 0)
    with pytest.raises(ValueError, match=r"no label 'vesel' \(--msd\.vessel-labels\); did you mean Vessel\?"):
        open_msd(msd, vessel_labels=("vesel",)).load(load)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"labels": {"0": "background", "1": "vessel"}}, 'lists no case under "training"'),
        ({"labels": {"0": "background", "1": "vessel"}, "training": ["a"]}, "expected training cases like"),
        ({"labels": {"0": "background", "1": "vessel"}, "training": 7.5}, "expected training cases like"),
        ([], "expected a table of the data set"),
    ],
)
def test_msd_descriptions_that_are_none(msd, content, says):
    (msd / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=says):
        read_all(open_msd(msd))


@pytest.mark.parametrize("number", [float("inf"), 1.5, True, None, {}, "one", [1, "x"]])
def test_labels_are_whole_numbers(number):
    with pytest.raises(ValueError, match=r"dataset\.json: label 'vessel' is .* where a number is expected"):
        parse_labels({"labels": {"background": 0, "vessel": number}}, Path("dataset.json"))


def test_msd_what_is_listed_must_be_there(msd):
    (msd / "labelsTr" / "hepaticvessel_010.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"labelsTr/hepaticvessel_010\.nii\.gz: no such file, though"):
        read_all(open_msd(msd))
    (msd / "dataset.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"dataset\.json: no such file"):
        read_all(open_msd(msd))
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder; --root names the folder with dataset\.json"):
        read_all(open_msd(msd / "nowhere"))


def test_nnunet(nnunet):
    data = open_nnunet(nnunet, vessel_labels=("vessel",), organ_labels=("liver_whole",))
    assert data.case_ids() == ["a", "b"]
    case = data.load("a")
    assert np.array_equal(case.image.array, IMAGE)
    assert np.array_equal(case.vessels.array, LABELS == 1)
    assert case.organ is not None
    assert np.array_equal(case.organ.array, LABELS > 0)
    assert set(case.structures) == {"vessel", "tumour", "liver", "liver_whole"}
    assert list(case.images) == ["CT", "inverse"]
    assert np.array_equal(case.images["inverse"].array, -IMAGE)
    for words in ("inverse",), ("1",):
        other = open_nnunet(nnunet, channels=words, vessel_labels=("1",)).load("a")
        assert np.array_equal(other.image.array, -IMAGE)
        # What prediction must know of it.
        used = other.provenance["settings"]
        assert (used["channel_names"], used["files"], used["known_files"]) == (["inverse"], [1], [0, 1])


def test_nnunet_several_labels_must_be_chosen_from(nnunet):
    with pytest.raises(
        ValueError,
        match=r"--nnunet\.vessel-labels, or tell them apart with classes or --every-class; it has vessel = 1, tumour",
    ) as caught:
        open_nnunet(nnunet).load("a")
    assert "\n" not in str(caught.value)


def test_nnunet_the_only_label_needs_no_name(nnunet):
    (nnunet / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "tree": 3}}))
    assert np.array_equal(open_nnunet(nnunet).load("a").vessels.array, LABELS == 3)


def test_nnunet_without_a_description(nnunet):
    (nnunet / "dataset.json").unlink()
    with pytest.raises(ValueError, match=r"3 different labels \(1, 2, 3\).*--nnunet\.vessel-labels"):
        open_nnunet(nnunet).load("a")
    assert np.array_equal(
        open_nnunet(nnunet, vessel_labels=("1", "2")).load("a").vessels.array, np.isin(LABELS, [1, 2])
    )
    write(nnunet / "labelsTr" / "a.nii.gz", LABELS == 1)
    assert np.array_equal(open_nnunet(nnunet).load("a").vessels.array, LABELS == 1)


def test_nnunet_partners(nnunet):
    (nnunet / "imagesTr" / "b_0000.nii.gz").unlink()
    with pytest.raises(ValueError, match=r"labelsTr/b\.nii\.gz: has no image b_0000"):
        read_all(open_nnunet(nnunet, channels=("CT",), vessel_labels=("vessel",)))
    (nnunet / "labelsTr" / "b.nii.gz").unlink()
    assert open_nnunet(nnunet, channels=("CT",)).case_ids() == ["a"]
    write(nnunet / "imagesTr" / "c_0000.nii.gz", IMAGE)
    with pytest.raises(ValueError, match=r"imagesTr/c_0000\.nii\.gz: has no label map c in"):
        read_all(open_nnunet(nnunet, channels=("CT",), vessel_labels=("vessel",)))
    with pytest.raises(FileNotFoundError, match="imagesTr: no such folder"):
        read_all(open_nnunet(nnunet / "labelsTr"))


def test_label_maps_elsewhere(nnunet):
    write(nnunet / "labelsTr" / "a.nii.gz", LABELS, (2.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"case a, a\.nii\.gz does not lie on image.*--resample-masks"):
        open_nnunet(nnunet, vessel_labels=("1",)).load("a")
    placed = open_nnunet(nnunet, vessel_labels=("1",), resample_masks=True).load("a").vessels.array
    assert np.array_equal(placed[1:], (LABELS == 1)[:-1])
    assert not placed[0].any()


def test_patients_by_a_pattern_of_the_case_id(nnunet):
    settings = DatasetSettings(
        dataset="nnunet", root=nnunet, patient_pattern="(.)", nnunet=NnunetSettings(vessel_labels=("1",))
    )
    data = open_dataset(settings)
    assert data.case_ids() == ["a", "b"]
    assert data.load("a").patient_id == "a"
    with pytest.raises(ValueError, match=r"case a: patient_pattern .* finds no patient"):
        open_dataset(settings.model_copy(update={"patient_pattern": "x(.)"})).load("a")
    for pattern in "abc", "(":
        with pytest.raises(ValueError, match="expected a regular expression"):
            DatasetSettings(patient_pattern=pattern)


def test_both_forms_of_label_tables(tmp_path):
    path = tmp_path / "dataset.json"
    assert parse_labels({"labels": {"0": "background", "2": "vessel"}}, path) == {"vessel": (2,)}
    assert parse_labels({"labels": {"background": 0, "vessel": 2, "all": [1, 2]}}, path) == {
        "vessel": (2,),
        "all": (1, 2),
    }
    for broken in {}, {"labels": []}, {"labels": {"vessel": "two"}}, {"labels": {"vessel": None}}:
        with pytest.raises(ValueError, match=r"dataset\.json"):
            parse_labels(broken, path)


def test_choosing_labels():
    labels = {"Vessel": (1,), "tumour": (2,), "both": (1, 2)}
    assert choose_labels(("vessel", "2"), labels, "d", "s") == [1, 2]
    assert choose_labels(("both",), labels, "d", "s") == [1, 2]
    assert choose_labels(("7",), {}, "d", "s") == [7]
    assert choose_labels((), {"one": (5,)}, "d", "s") == [5]
    with pytest.raises(ValueError, match="no label '0'"):
        choose_labels(("0",), labels, "d", "s")


def test_channels_that_there_are_not(nnunet):
    with pytest.raises(
        ValueError, match=r"has no channel 'T3'; choose with --channels \(CT = 0, inverse = 1, or all\)"
    ):
        read_all(open_nnunet(nnunet, channels=("T3",)))
    with pytest.raises(ValueError, match="--channels has inverse twice"):
        read_all(open_nnunet(nnunet, channels=("1", "inverse")))
    (nnunet / "imagesTr/b_0001.nii.gz").unlink()
    with pytest.raises(ValueError, match=r"b\.nii\.gz: has no image b_0001 \(inverse\) in"):
        read_all(open_nnunet(nnunet, vessel_labels=("vessel",)))
    assert open_nnunet(nnunet, channels=("CT",)).case_ids() == ["a", "b"]
    for dataset in "ircadb", "phantom":
        with pytest.raises(ValueError, match=f"--channels green: dataset {dataset} has one channel"):
            open_dataset(DatasetSettings.model_validate({"dataset": dataset, "root": nnunet, "channels": ["green"]}))


def test_changed_descriptions_are_read_or_refused_in_one_line(msd):
    path, refused = msd / "dataset.json", 0
    whole = json.loads(path.read_text(encoding="utf-8"))
    for number in range(200):
        what, changed = another_value(whole, 0, number)
        path.write_text(json.dumps(changed), encoding="utf-8")
        adapter = open_msd(msd, vessel_labels=("vessel",))
        try:
            for case_id in adapter.case_ids():
                adapter.sources(case_id)
        except (ValueError, OSError) as error:
            line, refused = str(error), refused + 1
        else:
            continue
        assert "\n" not in line, what
    assert refused > 40
