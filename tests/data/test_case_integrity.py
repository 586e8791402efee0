"""Whatever damages a prepared case is seen when it is read, and told in one line that names case, file and remedy."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ramify.data import case_arrays
from ramify.data.case_store import check_case, read_case, read_record, write_case

SHAPE = (4, 5, 6)
TYPES = dict.fromkeys(("organ", "scales", "skeleton", "tubed_skeleton"), np.uint8) | {
    "image": np.float32,
    "branches": np.int32,
}
RECORD = {"shape": list(SHAPE), "spacing_mm": [2.0, 1.0, 0.5], "scales": {"thresholds_mm": [1.0, 2.5]}}


def arrays(**changes: Any) -> dict[str, np.ndarray]:
    labels = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    made = {name: (labels % (4 if name == "scales" else 2)).astype(its) for name, its in TYPES.items()}
    return {**made, "image": made["image"][None], **changes}


@pytest.fixture
def store(tmp_path) -> Path:
    write_case(tmp_path, "a", arrays(), RECORD)
    return tmp_path


def refused(store: Path, *says: str) -> None:
    for read in (read_case, check_case):
        with pytest.raises(ValueError, match=r"a: damaged case \(.*\); run preprocess\.py again") as caught:
            read(store, "a")
        text = str(caught.value)
        assert str(store / "a") in text
        assert "\n" not in text
        assert len(text) < 500
        assert all(its in text for its in says), text


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", [*TYPES, "vessel_indices"])
@pytest.mark.parametrize("place", [9, 200, -1])
def test_a_flipped_bit_anywhere_is_seen(store, name, place):
    read_case(store, "a")
    flip(store / "a" / f"{name}.npy", place)
    refused(store, f"{name}.npy")


def test_large_arrays_are_looked_at_in_samples_and_read_whole_on_request(tmp_path, monkeypatch):
    monkeypatch.setattr(case_arrays, "WHOLE_BYTES", 1 << 20)
    shape = (256, 256, 256)
    large = {"image": np.zeros((1, *shape), np.float32), "scales": np.zeros(shape, np.uint8)}
    write_case(tmp_path, "a", large, {**RECORD, "shape": shape})
    image = tmp_path / "a" / "image.npy"
    size = image.stat().st_size
    for place in 0, size // 2 + 1, size - 1:
        flip(image, place)
        # The header says what the array is; beyond it, sampled blocks are looked at, and between them nothing.
        with pytest.raises(ValueError, match=r"image\.npy"):
            check_case(tmp_path, "a")
        if place in (0, size - 1):
            with pytest.raises(ValueError, match=r"image\.npy"):
                read_case(tmp_path, "a")
        flip(image, place)
    assert check_case(tmp_path, "a").arrays["image"].shape == (1, *shape)


def test_a_case_is_checked_once_a_process_and_again_when_its_files_change(store, monkeypatch):
    hashed = []
    fingerprint = case_arrays.fingerprint
    monkeypatch.setattr(case_arrays, "fingerprint", lambda path: hashed.append(path.name) or fingerprint(path))
    for _ in range(3):
        read_case(store, "a")
    names = [*TYPES, "vessel_indices"]
    assert sorted(hashed) == sorted(f"{name}.npy" for name in names)
    # A file put back from elsewhere, its time with it: equal content, and yet looked at.
    image = store / "a" / "image.npy"
    before = image.stat()
    image.write_bytes(image.read_bytes())
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    read_case(store, "a")
    assert hashed[len(names) :] == ["image.npy"]


RECORDS = {
    "no spacing": ({"spacing_mm": None}, "spacing_mm"),
    "spacing 0": ({"spacing_mm": [0, 0, 0]}, "spacing_mm.0: Input should be greater than 0, got 0"),
    "negative spacing": ({"spacing_mm": [1, -1, 1]}, "spacing_mm.1"),
    "spacing of 2D": ({"spacing_mm": [1, 1]}, "does not fit the shape"),
    "spacing NaN": ({"spacing_mm": [1, float("nan"), 1]}, "spacing_mm.1"),
    "spacing in words": ({"spacing_mm": "1 1 1"}, "spacing_mm"),
    "another shape": ({"shape": [4, 5, 7]}, "[4, 5, 6] where <i4 [4, 5, 7] is expected"),
    "shape of one axis": ({"shape": [120]}, "shape"),
    "no scales": ({"scales": {}}, "scales.thresholds_mm: Field required"),
    "scales that fall": ({"scales": {"thresholds_mm": [2.0, 1.0]}}, "thresholds that rise"),
    "fewer scales": ({"scales": {"thresholds_mm": []}}, "scales.npy holds values from 0 to 3, expected 0 to 1"),
    "fewer vessel voxels": (
        {"sampling": {"groups": [{"class": 1, "scale": 1, "voxels": 89}], "lowest_intensities": [0]}},
        "vessel_indices.npy is <i8 [90] where <i8 [89] is expected",
    ),
    "lowest NaN": (
        {"sampling": {"groups": [], "lowest_intensities": [float("nan")]}},
        "sampling.lowest_intensities.0",
    ),
    "settings in words": ({"settings": "as usual"}, "settings"),
    "another case": ({"case_id": "b"}, "it is of case 'b'"),
    "another format": ({"format": 99}, "format 99 where 4 is expected)"),
    "an earlier format": ({"format": 3}, "format 3 where 4 is expected, an earlier version prepared it"),
    "no channel": ({"channels": []}, "channels"),
    "two channels": ({"channels": ["ct", "pet"]}, "image.npy is <f4 [1, 4, 5, 6] where <f4 [2, 4, 5, 6] is expected"),
    "classes without their map": ({"classes": {"classes": {"portal": 1, "hepatic": 2}}}, "classes.npy is not among"),
    "no table of classes": ({"classes": {"classes": {}}}, "expected at least one with the role vessel"),
    "format in words": ({"format": "three"}, "format 'three' where"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_cannot_be_is_named(store, name):
    changes, says = RECORDS[name]
    path = store / "a" / "case.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    refused(store, says)


@pytest.mark.parametrize("key", ["shape", "spacing_mm", "scales", "arrays", "case_id"])
def test_a_record_without_what_readers_need_is_named(store, key):
    path = store / "a" / "case.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    del record[key]
    path.write_text(json.dumps(record), encoding="utf-8")
    refused(store, key)
    with pytest.raises(ValueError, match="damaged case"):
        read_record(store, "a")


@pytest.mark.parametrize("content", ["", "[]", "null", "[" * 100_000, '"text"', "\x00\x01"])
def test_what_is_no_record_is_named(store, content):
    (store / "a" / "case.json").write_text(content, encoding="utf-8")
    refused(store)


WRONG = {
    "float64 image": ({"image": np.zeros((1, *SHAPE))}, "image.npy is <f8"),
    "NaN image": ({"image": np.full((1, *SHAPE), np.nan, np.float32)}, "image.npy holds NaN"),
    "image without its axis of channels": (
        {"image": np.zeros(SHAPE, np.float32)},
        "image.npy is <f4 [4, 5, 6] where <f4 [1, 4, 5, 6] is expected",
    ),
    "organ of another shape": ({"organ": np.ones((4, 5, 5), np.uint8)}, "organ.npy is |u1 [4, 5, 5]"),
    "organ of 255": (
        {"organ": np.full(SHAPE, 255, np.uint8)},
        "organ.npy holds values from 255 to 255, expected 0 to 1",
    ),
    "label above the scales": ({"scales": np.full(SHAPE, 4, np.uint8)}, "scales.npy holds values from 4 to 4"),
    "signed labels": ({"scales": np.zeros(SHAPE, np.int64)}, "scales.npy is <i8"),
    "unknown class": (
        {"classes": np.full(SHAPE, 3, np.uint8)},
        "classes.npy holds values from 3 to 3, expected 0 to 2",
    ),
    "negative branch": ({"branches": np.full(SHAPE, -1, np.int32)}, "the number of branches"),
}


@pytest.mark.parametrize("name", WRONG)
def test_arrays_that_cannot_be_are_named(tmp_path, name):
    changes, says = WRONG[name]
    table = {"classes": {"classes": {"portal": 1, "hepatic": 2}}} if "classes" in changes else {}
    write_case(tmp_path, "a", arrays(**changes), {**RECORD, **table})
    refused(tmp_path, says)


def test_a_class_map_may_have_voxels_that_nobody_labelled(tmp_path):
    labels = np.full(SHAPE, 255, np.uint8)
    labels[0] = 2
    table: dict[str, Any] = {"classes": {"portal": 1, "hepatic": 2}, "ignore": 9}
    record = {**RECORD, "classes": table, "channels": ["ct", "pet"]}
    write_case(tmp_path, "a", arrays(classes=labels, image=np.zeros((2, *SHAPE), np.float32)), record)
    case = check_case(tmp_path, "a")
    assert case.known.channels == ("ct", "pet")
    assert case.known.classes.names == ("portal", "hepatic")
    np.testing.assert_array_equal(case.class_map, labels)
    write_case(tmp_path, "b", arrays(), RECORD)
    assert check_case(tmp_path, "b").class_map is None


def test_an_array_that_is_not_there_is_named(tmp_path):
    write_case(tmp_path, "a", {name: its for name, its in arrays().items() if name != "organ"}, RECORD)
    case = read_case(tmp_path, "a")
    assert "organ" not in case.arrays
    with pytest.raises(ValueError, match=r"a: holds no organ\.npy; run preprocess\.py again"):
        case.arrays["organ"]
    with pytest.raises(ValueError, match=r"case a: its case\.json holds no settings; run preprocess\.py again"):
        _ = case.settings


def test_a_record_of_an_earlier_version_has_no_hashes_and_will_do(store):
    path = store / "a" / "case.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    for its in record["arrays"].values():
        del its["sha256"]
    path.write_text(json.dumps(record | {"further": {"keys": 1}}), encoding="utf-8")
    assert check_case(store, "a").record["further"] == {"keys": 1}
