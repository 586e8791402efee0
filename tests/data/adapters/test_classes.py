"""Classes told apart: by value or name, in label maps, segments, masks of their own, and what is refused."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.class_maps import Fault, describe_faults
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.tasks.class_table import IGNORED
from tests.data.formats.test_slicer import write_segmentation

SPACING = (2.0, 1.0, 1.0)
LABELS = (np.arange(60).reshape(3, 4, 5) % 5).astype(np.uint8)  # 1 portal, 2 hepatic, 3 tumour, 4 liver
IMAGE = np.random.default_rng(1).normal(size=LABELS.shape).astype(np.float32)
NAMES = {"background": 0, "portal": 1, "hepatic": 2, "tumour": 3, "liver": 4}
TWO = {"portal": 1, "hepatic": 2}
REST = {"background": [3, 4]}


def write(path, array):
    write_volume(path, Volume(array, SPACING))


def describe(root, labels, **more):
    (root / "dataset.json").write_text(json.dumps({"labels": labels, **more}), encoding="utf-8")


@pytest.fixture
def nnunet(tmp_path):
    for case in "a", "b":
        write(tmp_path / f"imagesTr/{case}_0000.nii.gz", IMAGE)
        write(tmp_path / f"labelsTr/{case}.nii.gz", LABELS)
    describe(tmp_path, NAMES)
    return tmp_path


def opened(root, dataset="nnunet", **settings):
    return open_dataset(DatasetSettings.model_validate({"dataset": dataset, "root": root, **settings}))


def numbers(*values, labels=LABELS):
    """The class map in which the first value is class 1, and so on."""
    return sum(number * (labels == value) for number, value in enumerate(values, 1)).astype(np.uint8)


@pytest.mark.parametrize(
    ("settings", "expected", "vessels"),
    [
        ({"classes": TWO, **REST}, numbers(1, 2), (1, 2)),
        ({"classes": {"portal": "Portal", "hepatic": ["hepatic"]}, "background": ["tumour", 4]}, numbers(1, 2), (1, 2)),
        ({"classes": {"veins": [1, 2], "tumour": {"values": 3, "role": "context"}}, "background": [4]}, None, (1, 2)),
        ({"classes": {"tumour": {"values": 3, "role": "context"}, "portal": 1}, "background": [2, 4]}, None, (1,)),
        ({"classes": {**TWO, "liver": {"values": [1, 2, 3, 4], "role": "organ"}}}, numbers(1, 2), (1, 2)),
        ({"every_class": True}, numbers(1, 2, 3, 4), (1, 2, 3, 4)),
        (
            {
                "every_class": True,
                "classes": {
                    "tumour": {"values": "tumour", "role": "context"},
                    "liver": {"values": ["liver", "tumour"], "role": "organ"},
                },
            },
            numbers(3, 1, 2),
            (1, 2),
        ),
    ],
)
def test_classes_of_a_label_map(nnunet, settings, expected, vessels):
    adapter = opened(nnunet, **settings)
    case = adapter.load("a")
    if expected is None:
        expected = sum(
            number * np.isin(LABELS, case.table.classes[name].values) for number, name in enumerate(case.table.names, 1)
        )
    assert np.array_equal(case.classes.array, expected)
    assert np.array_equal(case.vessels.array, np.isin(LABELS, vessels))
    assert list(case.structures) == list(case.table.names)
    for number, name in enumerate(case.table.names, 1):
        assert np.array_equal(case.structures[name].array, expected == number)
    organ = [its.values for its in case.table.classes.values() if its.role == "organ"]
    assert (case.organ is None) == (not organ)
    if organ:
        assert np.array_equal(case.organ.array, np.isin(LABELS, organ[0]))
    assert adapter.faults("a") == ()
    # The record of a case is JSON, and says which values the classes have.
    used = json.loads(json.dumps(case.provenance["settings"]))
    assert used["classes"] == case.table.model_dump(mode="json")
    assert sorted(used["vessel_labels"]) == sorted(set(vessels))


def test_one_class_has_no_class_map(nnunet):
    case = opened(nnunet, classes={"veins": ["portal", "hepatic"]}, **REST).load("a")
    assert case.classes is None
    assert case.table.is_single
    assert np.array_equal(case.vessels.array, np.isin(LABELS, [1, 2]))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"nnunet": {"vessel_labels": ["portal"]}, "ignore": 4}, (LABELS == 1) + IGNORED * (LABELS == 4)),
        ({"classes": TWO, "ignore": 4, "background": [3]}, numbers(1, 2) + IGNORED * (LABELS == 4)),
    ],
)
def test_ignored_voxels(nnunet, settings, expected):
    case = opened(nnunet, **settings).load("a")
    assert np.array_equal(case.classes.array, expected)
    assert case.table.ignore == 4
    assert not case.vessels.array[LABELS == 4].any()


def test_nnunets_regions_and_ignored_voxels(nnunet):
    labels = {"background": 0, "all": [1, 2, 3], "core": [2, 3], "inner": 3, "ignore": 4}
    describe(nnunet, labels, regions_class_order=[1, 2, 3])
    table = opened(nnunet, every_class=True).load("a").table
    assert table.names == ("label_1", "label_2", "label_3")
    assert table.ignore == 4
    assert table.regions == {
        "all": ("label_1", "label_2", "label_3"),
        "core": ("label_2", "label_3"),
        "inner": ("label_3",),
    }
    # The first class of a region is what nnU-Net writes for it.
    describe(nnunet, labels, regions_class_order=[2, 3, 3])
    assert opened(nnunet, every_class=True).load("a").table.regions["all"] == ("label_2", "label_1", "label_3")
    # Also where a later region has it, too; without an order, the first class that is in no later region.
    describe(nnunet, labels, regions_class_order=[3, 2, 3])
    unusual = opened(nnunet, every_class=True).load("a").table
    assert [unusual.number_of_region(name) for name in unusual.regions] == [3, 2, 3]
    describe(nnunet, {**labels, "all": [3, 2, 1]})
    untold = opened(nnunet, every_class=True).load("a").table
    written = [untold.names[untold.number_of_region(name) - 1] for name in untold.regions]
    assert written == ["label_1", "label_2", "label_3"]
    for order, says in (([1, 2], "expected 3 labels in regions_class_order"), ([1, 2, 1], "has 1 for inner")):
        describe(nnunet, labels, regions_class_order=order)
        with pytest.raises(ValueError, match=says):
            opened(nnunet, every_class=True).load("a")


def test_the_decathlon(tmp_path):
    write(tmp_path / "imagesTr/a.nii.gz", IMAGE)
    write(tmp_path / "labelsTr/a.nii.gz", LABELS % 3)
    entry = {"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}
    labels = {"0": "background", "1": "Vessel", "2": "Tumour"}
    describe(tmp_path, labels, training=[entry])
    settings = {"every_class": True, "classes": {"tumour": {"values": "tumour", "role": "context"}}}
    case = opened(tmp_path, "msd", **settings).load("a")
    assert case.table.names == ("tumour", "Vessel")
    assert np.array_equal(case.vessels.array, LABELS % 3 == 1)
    describe(tmp_path, {"0": "background", "1": "Artery", "2": "Vein"}, training=[entry])
    with pytest.raises(ValueError, match=r"--msd\.vessel-labels, or tell them apart with classes or --every-class"):
        opened(tmp_path, "msd").load("a")


def masks_of_their_own(root, **masks):
    write(root / "images/a.nii.gz", IMAGE)
    for name, mask in masks.items():
        write(root / f"{name}/a.nii.gz", mask)
    return {"label": {name: f"{name}/{{case}}.nii.gz" for name in masks}}


def test_masks_in_files_of_their_own(tmp_path):
    pairs = masks_of_their_own(tmp_path, portal=LABELS == 1, hepatic=LABELS == 2, tumour=LABELS == 3)
    classes = {"hepatic": "hepatic", "portal": "PORTAL"}
    case = opened(tmp_path, "pairs", pairs=pairs, classes=classes).load("a")
    assert np.array_equal(case.classes.array, numbers(2, 1))
    assert case.table.written_values() == (0, 1, 2)
    assert len(case.provenance["sources"]) == 4
    every = opened(tmp_path, "pairs", pairs=pairs, every_class=True).load("a")
    assert np.array_equal(every.classes.array, numbers(1, 2, 3))
    some = opened(tmp_path, "pairs", pairs={**pairs, "vessel_labels": ["portal", "hepatic"]}).load("a")
    assert np.array_equal(some.vessels.array, np.isin(LABELS, [1, 2]))
    assert some.classes is None
    with pytest.raises(ValueError, match=r"3 masks \(portal, hepatic, tumour\).*--pairs\.vessel-labels, or .* classes"):
        opened(tmp_path, "pairs", pairs=pairs).load("a")
    with pytest.raises(ValueError, match=r"classes\.hepatic: no mask 'hepatc'; did you mean hepatic\?"):
        opened(tmp_path, "pairs", pairs=pairs, classes={"hepatic": "hepatc"}).load("a")
    with pytest.raises(ValueError, match="mask portal is in no class, and there is one of its name; rename it"):
        opened(tmp_path, "pairs", pairs=pairs, classes={"portal": "hepatic"}, every_class=True).load("a")
    with pytest.raises(ValueError, match="has no value of ignored voxels"):
        opened(tmp_path, "pairs", pairs=pairs, classes=classes, ignore=9).load("a")


def test_masks_that_overlap_are_counted(tmp_path):
    pairs = masks_of_their_own(tmp_path, portal=LABELS % 2 == 1, hepatic=LABELS > 2)
    adapter = opened(tmp_path, "pairs", pairs=pairs, every_class=True)
    fault = Fault("portal and hepatic overlap", 12, "mend the masks, or make one class of both")
    assert adapter.faults("a") == (fault,)
    with pytest.raises(ValueError, match=r"case a: portal and hepatic overlap \(12 voxels\); mend the masks"):
        adapter.load("a")


def test_segments_by_name(tmp_path):
    described = [
        ("Liver", {"LabelValue": 1, "Layer": 0}),
        ("Portal vein", {"LabelValue": 1, "Layer": 1}),
        ("Hepatic vein", {"LabelValue": 2, "Layer": 1}),
    ]
    layers = np.stack([LABELS > 0, np.where(LABELS < 3, LABELS, 0)], axis=-1).astype(np.uint8)
    (tmp_path / "labels").mkdir()
    write_segmentation(tmp_path / "labels/a.seg.nrrd", layers, described, layered=True)
    write_volume(tmp_path / "images/a.nii.gz", Volume(IMAGE, (2.0, 0.75, 0.5), (30.0, 20.0, 10.0)))
    classes = {"portal": "portal vein", "hepatic": "Hepatic vein", "liver": {"values": "Liver", "role": "organ"}}
    case = opened(tmp_path, "pairs", classes=classes).load("a")
    assert np.array_equal(case.classes.array, numbers(1, 2))
    assert np.array_equal(case.organ.array, LABELS > 0)
    faults = opened(tmp_path, "pairs", classes={"portal": "Portal vein"}).faults("a")
    assert [(fault.what, fault.voxels) for fault in faults] == [
        ("Liver is in no class", 48),
        ("Hepatic vein is in no class", 12),
    ]
    only = opened(tmp_path, "pairs", classes={"portal": "Portal vein"}, background=["liver", "hepatic vein"])
    assert np.array_equal(only.load("a").vessels.array, LABELS == 1)
    with pytest.raises(ValueError, match=r"a\.seg\.nrrd: no segment Artery of class artery; it has Liver, Portal vein"):
        opened(tmp_path, "pairs", classes={"artery": "Artery"}).load("a")
    for settings in ({"classes": classes}, {"pairs": {"vessel_labels": ["Portal vein"]}}):
        with pytest.raises(ValueError, match=r"a\.seg\.nrrd: a mask a class has no value of ignored voxels"):
            opened(tmp_path, "pairs", ignore=9, **settings).load("a")


def test_phantoms():
    case = opened(None, "phantom", phantom={"size": (24, 24, 24), "cases": 1}, every_class=True).load("phantom_000")
    assert case.table.names == ("portalvein", "venoussystem", "tumours")
    assert case.table.vessels == (1, 2)
    assert np.array_equal(case.vessels.array, np.isin(case.classes.array, (1, 2)))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"classes": TWO}, r"case a: label 3 \(tumour\) is in no class \(12 voxels\); give it a class.*; and label 4"),
        ({"classes": {"portal": "portl"}}, r"dataset\.json: classes\.portal: no label 'portl'; did you mean portal\?"),
        ({"classes": {"a": 1, "b": "portal"}, **REST}, "value 1 is of a and of b"),
        ({"classes": TWO, **REST, "nnunet": {"organ_labels": ["liver"]}}, "give it the role organ in place of"),
        ({"classes": TWO, "background": ["livr"]}, r"background: no label 'livr'; did you mean liver\?"),
    ],
)
def test_labels_that_do_not_fit_are_refused(nnunet, settings, says):
    with pytest.raises(ValueError, match=says) as caught:
        opened(nnunet, **settings).load("a")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"classes": {"portal": 1}, "nnunet": {"vessel_labels": ["1"]}}, "classes and nnunet.vessel_labels both say"),
        ({"classes": {"portal": 1}, "regions": {"veins": []}}, "regions.veins: has no class"),
        ({"classes": {"portal": 1}, "regions": {"veins": ["hepatic"]}}, "no segmented class 'hepatic'"),
        ({"classes": {"portal": 1}, "ignore": 1}, "1 is the value of class portal, too"),
        ({"classes": {"liver": {"values": 1, "role": "organ"}}}, "at least one with the role vessel"),
        ({"classes": {"portal": 1}, "ignore": 9, "background": [5, 9]}, "ignore: 9 is a value of background, too"),
        ({"regions": {"veins": ["portal"]}}, "regions and background need classes"),
    ],
)
def test_settings_that_do_not_fit_are_refused(nnunet, settings, says):
    with pytest.raises(ValidationError, match=says):
        opened(nnunet, **settings)


def test_an_organ_by_class_and_by_file_is_refused(nnunet):
    for case in "a", "b":
        write(nnunet / f"livers/{case}.nii.gz", LABELS > 0)
    organs = {"nnunet": {"organs": str(nnunet / "livers")}}
    case = opened(nnunet, classes=TWO, **REST, **organs).load("a")
    assert np.array_equal(case.organ.array, LABELS > 0)
    with pytest.raises(ValueError, match="an organ mask, where class liver is the organ"):
        opened(nnunet, classes={**TWO, "liver": {"values": 4, "role": "organ"}}, background=[3], **organs).load("a")


def test_without_a_description_labels_have_no_names(nnunet):
    (nnunet / "dataset.json").unlink()
    assert np.array_equal(opened(nnunet, classes=TWO, **REST).load("a").classes.array, numbers(1, 2))
    with pytest.raises(ValueError, match="no label 'portal'; no label has a name"):
        opened(nnunet, classes={"portal": "portal"}).load("a")
    with pytest.raises(ValueError, match="names no label, so every_class finds none; give classes"):
        opened(nnunet, every_class=True).load("a")


def test_any_label_is_a_vessel_where_each_object_has_its_own(tmp_path):
    write(tmp_path / "images/a.nii.gz", IMAGE)
    write(tmp_path / "labels/a.nii.gz", LABELS.astype(np.int32) * 70000)
    case = opened(tmp_path, "pairs", pairs={"vessel_labels": ["any"]}).load("a")
    assert np.array_equal(case.vessels.array, LABELS > 0)
    assert case.structures == {}
    with pytest.raises(
        ValueError, match=r"a\.nii\.gz: any label is a vessel's, and 9 is ignored; name them in --pairs"
    ):
        opened(tmp_path, "pairs", pairs={"vessel_labels": ["any"]}, ignore=9).load("a")


def test_wide_and_negative_values(tmp_path):
    wide = np.where(LABELS == 1, 2_000_000, np.where(LABELS == 2, -7, 0)).astype(np.int32)
    write(tmp_path / "images/a.nii.gz", IMAGE)
    write(tmp_path / "labels/a.nii.gz", wide)
    adapter = opened(tmp_path, "pairs", classes={"big": 2_000_000})
    assert [(fault.what, fault.voxels) for fault in adapter.faults("a")] == [("label -7 is in no class", 12)]
    write(tmp_path / "labels/a.nii.gz", np.abs(wide))
    case = opened(tmp_path, "pairs", classes={"big": 2_000_000, "small": 7}).load("a")
    assert np.array_equal(case.classes.array, numbers(1, 2))


def test_faults_of_all_cases_are_told_together():
    one, other = Fault("label 7 is in no class", 1200, "do this"), Fault("a and b overlap", 3, "do that")
    told = describe_faults({"x": [one, other], "y": [one], **{f"z{number}": [one] for number in range(5)}})
    assert told == [
        "label 7 is in no class (voxels: 1,200 in x, 1,200 in y, 1,200 in z0, 1,200 in z1, 1,200 in z2, and in 2 more "
        "cases); do this",
        "a and b overlap (voxels: 3 in x); do that",
    ]


def test_classes_are_brought_onto_their_image(nnunet):
    write_volume(nnunet / "labelsTr/a.nii.gz", Volume(LABELS, SPACING, (2.0, 0.0, 0.0)))
    with pytest.raises(ValueError, match=r"case a, a\.nii\.gz does not lie on image"):
        opened(nnunet, classes=TWO, **REST).load("a")
    case = opened(nnunet, classes=TWO, **REST, resample_masks=True).load("a")
    assert np.array_equal(case.classes.array[1:], numbers(1, 2)[:-1])
    assert not case.classes.array[0].any()
