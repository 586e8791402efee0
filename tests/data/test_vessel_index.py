"""Vessel voxels sorted by scale, written with each case and drawn from."""

from collections import Counter

import numpy as np
import pytest

from ramify.data.case_store import check_case, read_case, write_case
from ramify.data.loading import label_voxels
from ramify.data.vessel_index import VESSEL_INDICES, Group, draw_vessel_voxel, index_vessels
from ramify.tasks.class_table import IGNORED

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
    indices, groups = index_vessels(labels)
    expected = [np.ravel_multi_index(tuple(np.argwhere(labels == s).T), labels.shape) for s in range(1, 5)]
    assert indices.dtype == np.int64
    assert indices.tolist() == np.concatenate(expected).tolist()
    assert groups == [Group(1, scale, len(its)) for scale, its in enumerate(expected, 1) if len(its)]


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
    monkeypatch.setattr("ramify.data.case_store.index_vessels", lambda *_: others)
    write_case(tmp_path, "a", {"image": labels.astype(np.float32)[None], "scales": labels}, RECORD)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"a: damaged case \(vessel_indices\.npy .* are not those of scales\.npy\)"):
        check_case(tmp_path, "a")


def test_each_vessel_voxel_is_drawn_as_often(tmp_path):
    indices, groups = index_vessels(label_map())
    random = np.random.default_rng(0)
    drawn = [draw_vessel_voxel(indices, groups, None, random) for _ in range(4000)]
    voxels, times = np.unique(drawn, return_counts=True)
    assert voxels.tolist() == sorted(indices.tolist())
    assert np.abs(times - 4000 / len(indices)).max() < 5 * np.sqrt(4000 / len(indices))


def test_within_a_scale_too():
    indices, groups = index_vessels(label_map())
    random = np.random.default_rng(0)
    drawn = [draw_vessel_voxel(indices, groups, (0, 1, 0, 0), random) for _ in range(2000)]
    voxels, times = np.unique(drawn, return_counts=True)
    assert voxels.tolist() == np.flatnonzero(label_map() == 2).tolist()
    assert np.abs(times - 2000 / groups[1].voxels).max() < 5 * np.sqrt(2000 / groups[1].voxels)


TABLE = {"classes": {"portal": 1, "tumour": {"values": 2, "role": "context"}, "hepatic": 3}, "ignore": 9}


def maps_of_classes() -> tuple[np.ndarray, np.ndarray]:
    """Scales and classes of two trees, of context and of voxels that nobody labelled."""
    scales = label_map()
    random = np.random.default_rng(3)
    classes = np.where(scales > 0, random.choice([1, 3], scales.shape), 0)
    classes[(scales == 0) & (random.random(scales.shape) < 0.3)] = 2
    classes[(classes == 0) & (random.random(scales.shape) < 0.3)] = IGNORED
    return scales, classes.astype(np.uint8)


def test_groups_are_of_one_class_and_one_scale_and_none_holds_an_unknown_voxel():
    scales, classes = maps_of_classes()
    indices, groups = index_vessels(scales, classes)
    start = 0
    for group in groups:
        expected = np.flatnonzero((classes == group.number) & (scales == group.scale))
        assert indices[start : start + group.voxels].tolist() == expected.tolist()
        start += group.voxels
    assert start == len(indices) == np.count_nonzero((classes > 0) & (classes != IGNORED))
    assert groups == sorted(groups)
    assert {group.scale for group in groups if group.number == 2} == {0}


def test_a_case_carries_the_groups_of_its_classes(tmp_path):
    scales, classes = maps_of_classes()
    arrays = {"image": np.zeros((1, *scales.shape), np.float32), "scales": scales, "classes": classes}
    write_case(tmp_path, "a", arrays, {**RECORD, "classes": TABLE})
    case = check_case(tmp_path, "a")
    assert case.sampling.groups_of_voxels == index_vessels(scales, classes)[1]
    assert list(case.sampling.vessel_voxels) == [int((scales == scale).sum()) for scale in (1, 2, 3, 4)]
    assert case.sampling.ignored_voxels == np.count_nonzero(classes == IGNORED)
    counts = label_voxels(tmp_path, ["a", "a"], 4)
    for (number, scale), voxels in counts.items():
        assert voxels == 2 * np.count_nonzero((classes == number) & (scales == scale))
    assert sum(counts.values()) == 2 * (scales.size - case.sampling.ignored_voxels)
    with pytest.raises(ValueError, match=r"case a: scales\.npy holds the label 4, but there are 3 scales"):
        label_voxels(tmp_path, ["a"], 3)


def drawn_labels(scale_shares, class_shares, draws=4000):
    """How often each (class, scale) is drawn."""
    scales, classes = maps_of_classes()
    indices, groups = index_vessels(scales, classes)
    random = np.random.default_rng(0)
    places = [draw_vessel_voxel(indices, groups, scale_shares, random, class_shares) for _ in range(draws)]
    return groups, Counter((int(classes.ravel()[place]), int(scales.ravel()[place])) for place in places)


def test_without_shares_each_vessel_voxel_is_as_likely_and_context_is_not_drawn():
    groups, times = drawn_labels(None, None)
    vessels = {(group.number, group.scale): group.voxels for group in groups if group.scale}
    assert set(times) == set(vessels)
    for place, voxels in vessels.items():
        expected = 4000 * voxels / sum(vessels.values())
        assert abs(times[place] - expected) < 5 * np.sqrt(expected)


@pytest.mark.parametrize("scale_shares", [None, (1.0,) * 4, (0.0, 0.0, 1.0, 1.0)])
def test_classes_have_their_shares_and_scales_theirs_within_each(scale_shares):
    groups, times = drawn_labels(scale_shares, {1: 1.0, 2: 1.0, 3: 2.0})
    for number, share in ((1, 1 / 4), (2, 1 / 4), (3, 1 / 2)):
        of_class = {scale: times[number, scale] for scale in range(5)}
        assert abs(sum(of_class.values()) - 4000 * share) < 5 * np.sqrt(4000 * share)
        its = {group.scale: group.voxels for group in groups if group.number == number and group.scale}
        for scale in its:
            expected = its[scale] / sum(its.values())
            if scale_shares is not None:
                expected = scale_shares[scale - 1] / sum(scale_shares[other - 1] for other in its)
            assert abs(of_class[scale] / sum(of_class.values()) - expected) < 0.08


def test_a_class_that_a_case_lacks_leaves_its_share_to_the_others():
    _, times = drawn_labels(None, {2: 3.0, 7: 5.0}, draws=200)
    assert set(times) == {(2, 0)}
    _, times = drawn_labels(None, {7: 5.0}, draws=200)
    assert {number for number, _ in times} == {1, 3}
