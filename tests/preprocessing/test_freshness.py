"""A prepared case is taken as done only while it is what its sources, its settings and this code would make."""

import json
import os
import shutil

import numpy as np
import pytest

from ramify.data.adapters.opening import open_dataset
from ramify.data.case_store import prepare_store, read_case
from ramify.data.files import write_volume
from ramify.data.sources import CaseSources
from ramify.preprocessing import freshness
from ramify.preprocessing.case_pool import CaseWork
from ramify.preprocessing.case_reader import CaseReader
from ramify.preprocessing.freshness import check_same_data_set
from ramify.preprocessing.prepare import PREPARATION
from ramify.preprocessing.settings import PreprocessCommand
from ramify.stages.preprocess import tell_vanished
from tests.preprocessing.drawn_cases import bars_in_a_box


def write_nnunet(root, cases=("a", "b")):
    """A data set in nnU-Net's form: vessels are label 1, another structure is label 2; organ masks beside it."""
    raw = bars_in_a_box()
    labels = raw.vessels.array.astype(np.uint8)
    labels[16:18, 20:22, 20:22] = 2
    for seed, case in enumerate(cases):
        noise = np.random.default_rng(seed).normal(0, 5, raw.image.shape).astype(np.float32)
        write_volume(root / f"imagesTr/{case}_0000.nii.gz", raw.image.with_array(raw.image.array + noise))
        write_volume(root / f"labelsTr/{case}.nii.gz", raw.image.with_array(labels))
        write_volume(root / f"organs/{case}.nii.gz", raw.organ)
    (root / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "vessel": 1, "tumour": 2}}))
    return root


class Preparation:
    """The store of a data set; called, it is prepared as preprocess.py would, and tells what became of each case."""

    def __init__(self, folder):
        self.root, self.store, self.organs = write_nnunet(folder / "in"), folder / "cases", None

    def __call__(self, verify=False):
        given = {"vessel_labels": ["vessel"], "organs": self.organs or self.root / "organs"}
        command = PreprocessCommand(dataset="nnunet", root=self.root, output=self.store, nnunet=given)
        adapter = open_dataset(command)
        case_ids = adapter.case_ids()
        prepare_store(self.store, command.what_shapes_a_case())
        self.moved = check_same_data_set(self.store, adapter, case_ids)
        tell_vanished(self.store, case_ids, drop=False)
        work, reader = CaseWork(self.store, command.preprocessing, verify), CaseReader(adapter)
        return {case_id: told(work.do(reader, case_id)) for case_id in case_ids}


def told(report):
    return report.error or report.stale or ("found" if report.found else "new")


@pytest.fixture
def prepare(tmp_path):
    preparation = Preparation(tmp_path)
    assert preparation() == {"a": "new", "b": "new"}
    return preparation


def change(path, function):
    """Change the voxels of a file, whose size and time of writing stay what they were."""
    from ramify.data.files import read_volume

    volume = read_volume(path)
    before = path.stat()
    path.unlink()
    write_volume(path, volume.with_array(function(volume.array.copy())))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def one_voxel_more(array):
    array[15, 35, 30] = 1
    return array


# --- what is seen --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["labelsTr/b.nii.gz", "imagesTr/b_0000.nii.gz", "organs/b.nii.gz"])
def test_a_changed_file_is_seen_though_its_time_is_set_back(prepare, name):
    untouched = (prepare.store / "a/image.npy").stat().st_mtime_ns
    change(prepare.root / name, one_voxel_more)
    assert prepare() == {"a": "found", "b": f"{name} changed since it was prepared"}
    assert (prepare.store / "a/image.npy").stat().st_mtime_ns == untouched
    assert prepare() == {"a": "found", "b": "found"}


def test_a_made_anew_case_is_the_one_a_new_store_would_hold(prepare, tmp_path):
    change(prepare.root / "labelsTr/b.nii.gz", one_voxel_more)
    figure = (prepare.store / "figures/b.png").read_bytes()
    prepare()
    assert (prepare.store / "figures/b.png").read_bytes() != figure
    elsewhere = Preparation(tmp_path / "other")
    shutil.rmtree(elsewhere.root)
    shutil.copytree(prepare.root, elsewhere.root)
    elsewhere()
    for path in (elsewhere.store / "b").glob("*.npy"):
        assert path.read_bytes() == (prepare.store / "b" / path.name).read_bytes()


def test_other_meanings_of_the_labels_are_seen(prepare):
    (prepare.root / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "tumour": 1, "vessel": 2}}))
    line = "prepared with other settings (vessel_labels was [1], now [2]; labels.tumour was [2], now [1]; "
    assert all(its.startswith(line) for its in prepare().values())


def test_an_organ_that_comes_or_goes_is_seen(tmp_path):
    command = {"dataset": "pairs", "output": tmp_path / "cases", "root": tmp_path / "in"}
    raw = bars_in_a_box()
    write_volume(tmp_path / "in/images/a.nii.gz", raw.image)
    write_volume(tmp_path / "in/labels/a.nii.gz", raw.vessels)

    def prepare():
        settings = PreprocessCommand(**command, preprocessing={"grid": {"crop": "volume"}})
        prepare_store(settings.output, settings.what_shapes_a_case())
        work = CaseWork(settings.output, settings.preprocessing)
        return told(work.do(CaseReader(open_dataset(settings)), "a"))

    assert prepare() == "new"
    write_volume(tmp_path / "in/organs/a.nii.gz", raw.organ)
    assert prepare() == "organs/a.nii.gz is new since it was prepared"
    assert read_case(tmp_path / "cases", "a").record["organ_given"]
    shutil.rmtree(tmp_path / "in/organs")
    assert prepare() == "organs/a.nii.gz is gone since it was prepared"
    assert not read_case(tmp_path / "cases", "a").record["organ_given"]


def test_the_data_beside_a_header_is_seen(tmp_path):
    settings = PreprocessCommand(
        dataset="pairs", output=tmp_path / "cases", root=tmp_path / "in", preprocessing={"grid": {"crop": "volume"}}
    )
    raw = bars_in_a_box()
    write_volume(tmp_path / "in/images/a.nii.gz", raw.image)
    folder = tmp_path / "in/labels"
    folder.mkdir()
    shape = " ".join(map(str, raw.image.shape[::-1]))
    (folder / "a.mhd").write_text(
        f"ObjectType = Image\nNDims = 3\nDimSize = {shape}\nElementSpacing = 1 1 2\nOffset = 30 -20 10\n"
        "ElementType = MET_UCHAR\nElementDataFile = a.raw\n"
    )
    (folder / "a.raw").write_bytes(raw.vessels.array.astype(np.uint8).tobytes())
    reader = CaseReader(open_dataset(settings))
    (tmp_path / "cases").mkdir()
    work = CaseWork(settings.output, settings.preprocessing)
    assert told(work.do(reader, "a")) == "new"
    (folder / "a.raw").write_bytes(one_voxel_more(raw.vessels.array.astype(np.uint8)).tobytes())
    assert told(work.do(reader, "a")) == "labels/a.raw changed since it was prepared"


def test_another_version_of_the_preparation_is_seen(prepare, monkeypatch):
    monkeypatch.setattr(freshness, "PREPARATION", 99)
    assert f"prepared by version {PREPARATION} of the preparation, this is version 99" in prepare()["a"]


def test_a_case_that_does_not_say_its_version_is_an_earlier_one(prepare):
    path = prepare.store / "a/case.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    del record["preparation"]
    path.write_text(json.dumps(record), encoding="utf-8")
    says = f"prepared by an earlier version of the preparation, this is version {PREPARATION}"
    assert prepare() == {"a": says, "b": "found"}


def test_a_record_with_other_settings_is_seen(prepare):
    path = prepare.store / "a/case.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["settings"]["intensity"]["window"] = [-1000.0, 1000.0]
    path.write_text(json.dumps(record), encoding="utf-8")
    lines = prepare()
    assert lines["a"].startswith("prepared with other settings (intensity.window was [-1000.0, 1000.0], now ")
    assert lines["b"] == "found"


def test_a_record_that_was_changed_is_made_anew(prepare):
    path = prepare.store / "a/case.json"
    whole = path.read_text(encoding="utf-8")
    record = json.loads(whole)
    record["spacing_mm"][0] *= 2
    path.write_text(json.dumps(record), encoding="utf-8")
    assert prepare()["a"].startswith("case.json is not what was written; its SHA-256 differs")
    assert path.read_text(encoding="utf-8") == whole


def test_a_damaged_array_is_made_anew(prepare):
    path = prepare.store / "a/scales.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    assert "scales.npy is not what was written" in prepare()["a"]
    assert path.read_bytes() == whole
    # It may have been drawn by hand.
    assert (prepare.store / "a/scales.npy.backup-1").read_bytes() != whole


def test_a_case_that_fails_now_says_that_the_old_one_stays(prepare):
    (prepare.root / "labelsTr/b.nii.gz").write_bytes(b"no volume")
    assert prepare()["b"].endswith("(what was prepared of it earlier stays)")
    assert read_case(prepare.store, "b")


# --- what is no change ---------------------------------------------------------------------------------------------


def test_a_touched_file_is_read_once_and_taken(prepare, monkeypatch):
    os.utime(prepare.root / "labelsTr/b.nii.gz")
    read = []
    fingerprint = freshness.fingerprint
    monkeypatch.setattr(freshness, "fingerprint", lambda path: read.append(path.name) or fingerprint(path))
    assert prepare() == {"a": "found", "b": "found"}
    assert prepare() == {"a": "found", "b": "found"}
    assert read == ["b.nii.gz"]
    assert prepare(verify=True) == {"a": "found", "b": "found"}
    assert len(read) == 1 + 6


def test_what_a_file_manager_leaves_in_a_folder_is_no_change(tmp_path):
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "image_0").write_bytes(b"slice")
    sources = CaseSources(tmp_path, (tmp_path / "series",), {})
    before = sources.describe()
    (tmp_path / "series" / ".DS_Store").write_bytes(b"seen")
    assert sources.describe() == before
    (tmp_path / "series" / "image_1").write_bytes(b"slice")
    assert sources.describe() != before


# --- the data set elsewhere ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("organs", ["moved along", "elsewhere"])
def test_a_data_set_that_was_moved_is_known_by_its_content(tmp_path, organs):
    prepare = Preparation(tmp_path)
    if organs == "elsewhere":
        prepare.organs = (prepare.root / "organs").rename(tmp_path / "organs")
    prepare()
    made = {path: path.stat().st_mtime_ns for path in prepare.store.glob("*/image.npy")}
    before = prepare.root
    prepare.root = shutil.copytree(prepare.root, tmp_path / "moved")
    shutil.rmtree(before)
    assert prepare() == {"a": "found", "b": "found"}
    assert prepare.moved == f"the data set was in {before}; its files are the same"
    assert {path: path.stat().st_mtime_ns for path in made} == made
    prepare()
    assert prepare.moved is None


def test_another_data_set_with_the_same_names_is_refused(prepare, tmp_path):
    before = {path: path.read_bytes() for path in prepare.store.rglob("*") if path.is_file()}
    prepare.root = shutil.copytree(prepare.root, tmp_path / "other")
    change(tmp_path / "other/labelsTr/b.nii.gz", one_voxel_more)
    with pytest.raises(
        ValueError, match=r"is another data set \(case b: labelsTr/b.*choose another --output"
    ) as caught:
        prepare()
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in prepare.store.rglob("*") if path.is_file()} == before
