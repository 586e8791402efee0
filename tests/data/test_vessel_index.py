"""Vessel voxels sorted by scale, written with each case and drawn from."""

import numpy as np
import pytest

from ramify.data.case_store import check_case, read_case, write_case
from ramify.data.vessel_index import VESSEL_INDICES, draw_vessel_voxel, index_vessels

RECORD = {"spacing_mm": [1.0, 1.0, 1.0], "scales": {"thresholds_mm": [1.0, 2.0, 3.0]}, "shape": [5, 4, 6]}


def label_map(highest: int = 4) -> np.ndarray:
    random = np.random.default_rng(1)
    shape = 5, 4, 6
    labels = np.where(random.random(shape) < 0.3, random.integers(1, highest + 1, shape), 0).astype(np.uint8)
    return labels


@pytest.mark.parametrize(
    "labels",
    [
        label_map(),
        label_map()[0],
        label_map().transpose(2, 0, 1),
        np.asfortranarray(label_map()),
        np.where(label_map() == 2, 0, label_map()),
        np.zeros((3, 3), np.uint8),
        np.full((1, 1, 1), 2, np.uint8),
    ],
)
def test_every_vessel_voxel_stands_in_the_index_once_by_scale(labels):
    indices, counts = index_vessels(labels)
    expected = [np.ravel_multi_index(tuple(np.argwhere(labels == s).T), labels.shape) for s in range(1, 5)]
    assert indices.dtype == np.int64
    assert indices.tolist() == np.concatenate(expected).tolist()
    assert counts == [len(of_scale) for of_scale in expected][: labels.max()]


def test_a_case_carries_its_index_and_the_lowest_value(tmp_path):
    labels = label_map()
    image = np.random.default_rng(0).normal(size=labels.shape).astype(np.float32)
    write_case(tmp_path, "a", {"image": image[None], "scales": labels}, RECORD)
    case = read_case(tmp_path, "a")
    assert case.sampling.lowest_intensities == (image.min(),)
    assert list(case.sampling.vessel_voxels) == [int((labels == scale).sum()) for scale in (1, 2, 3, 4)]
    assert labels.ravel()[case.arrays[VESSEL_INDICES]].tolist() == sorted(labels[labels > 0].tolist())
    check_case(tmp_path, "a")


def test_a_case_without_a_vessel_has_an_empty_one(tmp_path):
    empty = {"image": np.ones((1, 5, 4, 6), np.float32), "scales": np.zeros((5, 4, 6), np.uint8)}
    write_case(tmp_path, "a", empty, RECORD)
    case = check_case(tmp_path, "a")
    assert case.sampling.vessel_voxels == ()
    assert case.arrays[VESSEL_INDICES].shape == (0,)


def test_an_index_of_other_vessels_is_seen_when_a_case_is_read_whole(tmp_path, monkeypatch):
    labels = label_map()
    others = index_vessels(np.flip(labels))
    monkeypatch.setattr("ramify.data.case_store.index_vessels", lambda _: others)
    write_case(tmp_path, "a", {"image": labels.astype(np.float32)[None], "scales": labels}, RECORD)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"a: damaged case \(vessel_indices\.npy .* are not those of scales\.npy\)"):
        check_case(tmp_path, "a")


def test_each_vessel_voxel_is_drawn_as_often(tmp_path):
    indices, counts = index_vessels(label_map())
    random = np.random.default_rng(0)
    drawn = [draw_vessel_voxel(indices, counts, None, random) for _ in range(4000)]
    voxels, times = np.unique(drawn, return_counts=True)
    assert voxels.tolist() == sorted(indices.tolist())
    assert np.abs(times - 4000 / len(indices)).max() < 5 * np.sqrt(4000 / len(indices))


def test_within_a_scale_too():
    indices, counts = index_vessels(label_map())
    random = np.random.default_rng(0)
    drawn = [draw_vessel_voxel(indices, counts, (0, 1, 0, 0), random) for _ in range(2000)]
    voxels, times = np.unique(drawn, return_counts=True)
    assert voxels.tolist() == np.flatnonzero(label_map() == 2).tolist()
    assert np.abs(times - 2000 / counts[1]).max() < 5 * np.sqrt(2000 / counts[1])
