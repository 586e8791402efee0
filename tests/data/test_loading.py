"""Batches are drawn from (seed, epoch, position) alone, in the shape the network can take."""

import json
import math
import multiprocessing
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ramify.data.augmentation import apply_augmentation, draw_augmentation
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.case_store import write_case
from ramify.data.loading import SampleKey, TrainingBatches, TrainingSamples, label_voxels
from ramify.data.loading_settings import LoadingSettings

AUGMENTATION = AugmentationSettings(probability=1, rotation_degrees=10, translation_mm=2)


def store_of(folder: Path, shapes: list[tuple[int, ...]]) -> list[str]:
    """Cases whose image holds the case's number and whose vessel is one voxel of each scale."""
    names = [f"case_{i}" for i in range(len(shapes))]
    for number, (name, shape) in enumerate(zip(names, shapes, strict=True)):
        scales = np.zeros(shape, np.uint8)
        scales[tuple(n // 2 for n in shape)] = 1
        scales[tuple(n // 2 - 1 for n in shape)] = 2
        arrays: dict[str, Any] = {"image": np.full((1, *shape), number, np.float32), "scales": scales}
        arrays["tubed_skeleton"] = (scales == 1).astype(np.uint8)
        record: dict[str, Any] = {
            "spacing_mm": [1.0] * len(shape),
            "scales": {"thresholds_mm": [1.0]},
            "shape": list(shape),
        }
        write_case(folder, name, arrays, record)
    return names


def batches_of(folder, names, loading, *, seed=0, augmentation=AUGMENTATION, workers=0):
    return TrainingBatches(TrainingSamples(folder, names, loading, augmentation, 4, seed), workers)


def test_an_epoch_shows_every_case_once_and_fills_the_last_batch(tmp_path):
    names = store_of(tmp_path, [(8, 8)] * 5)
    batches = batches_of(tmp_path, names, LoadingSettings(batch_size=2))
    seen = [name for batch in batches.of_epoch(0) for name in batch["case_ids"]]
    assert len(batches) == 3
    assert len(seen) == 6
    assert sorted(seen[:5]) == names


def test_the_same_epoch_gives_the_same_batches_and_another_epoch_others(tmp_path):
    names = store_of(tmp_path, [(8, 8)] * 4)
    loading = LoadingSettings(batch_size=2, patch_size=(4, 4))
    first, again = (list(batches_of(tmp_path, names, loading, seed=7).of_epoch(3)) for _ in range(2))
    other = list(batches_of(tmp_path, names, loading, seed=7).of_epoch(4))
    for a, b in zip(first, again, strict=True):
        assert a["case_ids"] == b["case_ids"]
        assert torch.equal(a["image"], b["image"])
        assert torch.equal(a["scale_map"], b["scale_map"])
    assert any(not torch.equal(a["scale_map"], b["scale_map"]) for a, b in zip(first, other, strict=True))


@pytest.mark.slow
def test_loader_processes_change_nothing(tmp_path):
    names = store_of(tmp_path, [(8, 8)] * 4)
    loading = LoadingSettings(batch_size=2)
    alone, with_workers = (batches_of(tmp_path, names, loading, workers=workers) for workers in (0, 1))
    for epoch in (0, 1):
        for a, b in zip(alone.of_epoch(epoch), with_workers.of_epoch(epoch), strict=True):
            assert a["case_ids"] == b["case_ids"]
            assert torch.equal(a["image"], b["image"])
            # A signal to all processes of the training is for the first one to answer.
            for process in multiprocessing.active_children():
                subprocess.run(["/bin/sh", "-c", f"kill {process.pid}"], check=True)


def test_whole_volumes_grow_to_a_size_the_network_takes(tmp_path):
    names = store_of(tmp_path, [(7, 9, 8)])
    batch = next(batches_of(tmp_path, names, LoadingSettings(batch_size=1), augmentation=None).of_epoch(0))
    assert batch["image"].shape == (1, 1, 8, 12, 8)
    assert batch["image"].dtype == torch.float32
    assert batch["scale_map"].shape == (1, 8, 12, 8)
    assert batch["scale_map"].dtype == torch.int64
    assert sorted(batch["scale_map"].unique().tolist()) == [0, 1, 2]


def test_vessel_patches_are_centred_on_vessels(tmp_path):
    names = store_of(tmp_path, [(64, 64)])
    loading = LoadingSettings(batch_size=1, patch_size=(4, 4), vessel_patches=1.0, samples_per_epoch=20)
    for batch in batches_of(tmp_path, names, loading, augmentation=None).of_epoch(0):
        assert batch["scale_map"].max() > 0


@pytest.mark.parametrize("patch", [None, (4, 4), (8, 4)])
def test_samples_that_are_not_turned_keep_their_voxels(tmp_path, patch):
    """Half a voxel off, every training sample would be a blurred one."""
    shape = (11, 12)
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    scales = (image > 1).astype(np.uint8)
    record = {"spacing_mm": [2.0, 1.0], "scales": {"thresholds_mm": []}, "shape": list(shape)}
    write_case(tmp_path, "case", {"image": image[None], "scales": scales, "tubed_skeleton": scales}, record)
    flips = AugmentationSettings(probability=0, flip_probability=0.5, gamma=(1, 1))
    loading = LoadingSettings(batch_size=1, patch_size=patch, samples_per_epoch=20)
    known = set(image.ravel().tolist())
    for batch in batches_of(tmp_path, ["case"], loading, augmentation=flips).of_epoch(0):
        assert set(batch["image"].ravel().tolist()) <= known
        inside = batch["image"][0, 0] > image.min()
        assert torch.equal(batch["scale_map"][0][inside], (batch["image"][0, 0][inside] > 1).long())
        assert torch.equal(batch["tubed_skeleton"], batch["scale_map"] > 0)
        assert batch["spacing_mm"].tolist() == [[2.0, 1.0]]


@pytest.mark.parametrize(
    ("shapes", "loading", "message"),
    [
        ([(8, 8), (8, 16)], LoadingSettings(batch_size=2), r"differ in shape.*loading\.patch_size"),
        ([(8, 8)], LoadingSettings(patch_size=(6, 8)), r"multiple of 4"),
        ([(8, 8)], LoadingSettings(patch_size=(8, 8, 8)), r"has 3 axes, the cases have 2"),
    ],
)
def test_samples_that_cannot_be_are_refused(tmp_path, shapes, loading, message):
    names = store_of(tmp_path, shapes)
    with pytest.raises(ValueError, match=message):
        TrainingSamples(tmp_path, names, loading, None, 4, 0)


def test_label_voxels_are_counted_over_the_cases(tmp_path):
    names = store_of(tmp_path, [(8, 8), (8, 24)])
    assert label_voxels(tmp_path, names, 2) == {(0, 0): 64 + 192 - 4, (1, 1): 2, (1, 2): 2}


def test_ranks_share_each_batch_of_one_process(tmp_path):
    names = store_of(tmp_path, [(8, 8)] * 5)
    samples = TrainingSamples(tmp_path, names, LoadingSettings(batch_size=4), AUGMENTATION, 4, 0)
    whole = list(TrainingBatches(samples, 0).of_epoch(1))
    parts = [list(TrainingBatches(samples, 0, rank=rank, world=2).of_epoch(1)) for rank in (0, 1)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert batch["case_ids"] == first["case_ids"] + second["case_ids"]
        assert torch.equal(batch["image"], torch.cat((first["image"], second["image"])))
    with pytest.raises(ValueError, match=r"loading\.batch_size: 4 cannot be shared by 3 processes"):
        TrainingBatches(samples, 0, rank=0, world=3)


def one_case(folder: Path, shape: tuple[int, ...], vessel: tuple[int, ...] | None, spacing=1.0) -> None:
    """A case of noise with one vessel voxel, or none."""
    scales = np.zeros(shape, np.uint8)
    if vessel is not None:
        scales[vessel] = 1
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    record = {"spacing_mm": [spacing] * len(shape), "scales": {"thresholds_mm": []}, "shape": list(shape)}
    write_case(folder, "case", {"image": image[None], "scales": scales, "tubed_skeleton": scales}, record)


def samples_of(folder: Path, augmentation: AugmentationSettings | None = None, **loading: Any) -> TrainingSamples:
    return TrainingSamples(folder, ["case"], LoadingSettings(batch_size=1, **loading), augmentation, 1, 0)


@pytest.mark.parametrize("spacing", [1.0, 0.1, 0.01])
@pytest.mark.parametrize(("shape", "patch"), [((20, 20), (8, 8)), ((20, 20, 20), (8, 8, 8)), ((24, 24), None)])
def test_a_shift_does_not_lose_the_vessel(tmp_path, spacing, shape, patch):
    """Ten millimetres are a hundred voxels of a micro-CT: samples for a vessel showed none, or nothing at all."""
    one_case(tmp_path, shape, tuple(n // 2 for n in shape), spacing)
    shifts = AugmentationSettings(probability=1, rotation_degrees=0, flip_probability=0, gamma=(1, 1))
    samples = samples_of(tmp_path, shifts, patch_size=patch, vessel_patches=1.0)
    places = []
    for position in range(60):
        sample = samples[SampleKey(0, position, 0)]
        assert sample.scale_map.any()
        assert sample.image.min() < sample.image.max()
        places.append(tuple(torch.nonzero(sample.scale_map)[0].tolist()))
    assert len(set(places)) > 10, "still moved"


def test_a_vessel_at_the_edge_of_a_volume_stays_in_sight(tmp_path):
    one_case(tmp_path, (24, 24), (0, 12))
    shifts = AugmentationSettings(probability=1, rotation_degrees=0, flip_probability=0, gamma=(1, 1))
    samples = samples_of(tmp_path, shifts)
    assert all(samples[SampleKey(0, position, 0)].scale_map.any() for position in range(60))


@pytest.mark.parametrize(
    ("shape", "spacing", "vessel", "patch"),
    [
        ((12, 96), 1.0, (6, 95), None),
        ((8, 64, 64), 1.0, (0, 0, 0), None),
        ((20, 20), 0.1, (0, 0), (8, 8)),
        ((20, 20, 20), 0.1, (0, 0, 19), (8, 8, 8)),
        ((1, 1, 1), 1.0, (0, 0, 0), (4, 4, 4)),
        ((3, 40), 1.0, (2, 39), (8, 16)),
    ],
)
def test_neither_a_shift_nor_a_turn_loses_the_vessel(tmp_path, shape, spacing, vessel, patch):
    """The ends of a long thin volume are turned out of its window."""
    one_case(tmp_path, shape, vessel, spacing)
    moves = AugmentationSettings(probability=1, rotation_degrees=60, gamma=(1, 1))
    samples = samples_of(tmp_path, moves, patch_size=patch, vessel_patches=1.0)
    assert all(samples[SampleKey(0, position, 0)].scale_map.any() for position in range(40))


@pytest.mark.parametrize(
    ("shape", "window", "corner"), [((20, 24), (8, 6), (0, 23)), ((9, 20, 12), (4, 8, 6), (8, 0, 0))]
)
def test_half_of_a_shifted_window_along_each_axis_lies_inside(tmp_path, shape, window, corner):
    """A vessel in the corner of a volume, and a shift away from it, left a quarter of the window along each axis."""
    one_case(tmp_path, shape, corner, 0.1)
    shifts = AugmentationSettings(probability=1, rotation_degrees=0, flip_probability=0, gamma=(1, 1))
    samples = samples_of(tmp_path, shifts, patch_size=window, vessel_patches=1.0)
    images = [samples[SampleKey(0, position, 0)].image for position in range(60)]
    shown = [int((image > image.min()).sum()) for image in images]
    # But for one voxel, that of the lowest value.
    assert min(shown) >= math.prod(n // 2 for n in window) - 1
    assert len(set(shown)) > 5, "still moved"


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.7, 0.7), (0.01, 0.02, 3.0)])
def test_a_shift_is_shortened_to_the_volume_and_no_more(spacing):
    random = np.random.default_rng(0)
    shape = np.array([6, 40, 1])
    settings = AugmentationSettings(probability=1, rotation_degrees=90)
    shortened = 0
    for _ in range(200):
        drawn = draw_augmentation(settings, 3, random)
        centre = random.uniform(-0.5, shape - 0.5)
        kept = drawn.within(shape.tolist(), centre.tolist(), spacing)
        share = np.linalg.norm(kept.translation_mm) / np.linalg.norm(drawn.translation_mm)
        np.testing.assert_allclose(kept.translation_mm, drawn.translation_mm * share, atol=1e-12)
        place = centre - np.linalg.inv(drawn.matrix_mm) @ kept.translation_mm / np.array(spacing)
        assert (place > -0.5 - 1e-6).all()
        assert (place < shape - 0.5 + 1e-6).all()
        if share < 1:
            shortened += 1
            assert min(np.abs(place + 0.5).min(), np.abs(place - shape + 0.5).min()) < 1e-6
    assert shortened > 20


def test_the_papers_shift_is_as_large_as_it_was():
    """A liver is large beside ten millimetres, which then are ten millimetres."""
    settings = AugmentationSettings(probability=1)
    bound, free = (
        [draw_augmentation(settings, 3, np.random.default_rng(seed), seen).translation_mm for seed in range(50)]
        for seen in (np.array([200.0, 180.0, 150.0]), None)
    )
    np.testing.assert_array_equal(bound, free)
    assert np.abs(bound).max() > 9


@pytest.mark.parametrize("shape", [(20, 20), (8, 20, 20)])
def test_a_case_without_a_vessel_gives_patches_from_anywhere(tmp_path, shape):
    one_case(tmp_path, shape, None)
    samples = samples_of(tmp_path, AUGMENTATION, patch_size=(8,) * len(shape), vessel_patches=1.0)
    centres = {tuple(samples[SampleKey(0, position, 0)].image.ravel()[:2].tolist()) for position in range(20)}
    assert len(centres) > 10
    assert not any(samples[SampleKey(0, position, 0)].scale_map.any() for position in range(20))


def test_a_volume_shorter_than_the_patch_along_one_axis_is_shown_whole_there(tmp_path):
    one_case(tmp_path, (5, 20), None)
    samples = samples_of(tmp_path, patch_size=(8, 8), vessel_patches=0.0)
    for position in range(10):
        image = samples[SampleKey(0, position, 0)].image[0].numpy()
        outside = image.min()
        rows = np.flatnonzero((image > outside).any(axis=1))
        assert len(rows) == 5
        assert (np.diff(rows) == 1).all()


def test_a_patch_reads_its_own_part_of_the_case(tmp_path):
    """Neither the lowest value nor the vessels are looked for in the case: they were written with it."""
    one_case(tmp_path, (40, 40, 40), (20, 20, 20))
    record = tmp_path / "case" / "case.json"
    content = json.loads(record.read_text(encoding="utf-8"))
    content["sampling"]["lowest_intensities"] = [-1000.0]
    record.write_text(json.dumps(content), encoding="utf-8")
    samples = samples_of(tmp_path, patch_size=(48, 8, 8), vessel_patches=1.0)
    assert samples[SampleKey(0, 0, 0)].image.min() == -1000.0


def test_a_case_of_an_earlier_version_is_refused_before_any_sample(tmp_path):
    one_case(tmp_path, (8, 8), (4, 4))
    record = tmp_path / "case" / "case.json"
    content = json.loads(record.read_text(encoding="utf-8"))
    del content["sampling"], content["arrays"]["vessel_indices"]
    record.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"case case: an earlier version prepared it.*run preprocess\.py again"):
        samples_of(tmp_path)


def blocks_of_scales(folder: Path, shape: tuple[int, ...], sides: list[int], name: str = "case") -> None:
    """A case with a block of each scale, of that side, side by side along the last axis; side 0 leaves a scale out."""
    scales = np.zeros(shape, np.uint8)
    for scale, side in enumerate(sides, start=1):
        start = 2 + sum(sides[: scale - 1]) + scale
        scales[(*[slice(2, 2 + side)] * (len(shape) - 1), slice(start, start + side))] = scale
    record: dict[str, Any] = {
        "spacing_mm": [1.0] * len(shape),
        "scales": {"thresholds_mm": list(range(1, len(sides)))},
        "shape": list(shape),
    }
    arrays: dict[str, Any] = {"image": scales.astype(np.float32)[None], "scales": scales}
    arrays["tubed_skeleton"] = (scales > 0).astype(np.uint8)
    write_case(folder, name, arrays, record)


def scales_at_the_centre(folder: Path, patch: tuple[int, ...], draws: int, **loading: Any) -> np.ndarray:
    """How many of the patches on vessels are centred on each label 0 … 4."""
    samples = samples_of(folder, patch_size=patch, vessel_patches=1.0, **loading)
    middle = tuple(n // 2 for n in patch)
    drawn = [int(samples[SampleKey(0, position, 0)].scale_map[middle]) for position in range(draws)]
    return np.bincount(drawn, minlength=5)


@pytest.mark.parametrize(("shape", "patch"), [((12, 30), (4, 6)), ((12, 12, 30), (4, 4, 5))])
@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((1.0,), (1 / 4, 1 / 4, 1 / 4, 1 / 4)),
        ((1.0, 1.0, 1.0, 1.0), (1 / 4, 1 / 4, 1 / 4, 1 / 4)),
        ((2.0, 0.0, 1.0, 1.0), (1 / 2, 0, 1 / 4, 1 / 4)),
        ((0.0, 0.0, 0.0, 3.0), (0, 0, 0, 1)),
    ],
)
def test_patches_on_vessels_are_shared_by_the_scales(tmp_path, shape, patch, shares, expected):
    """Four scales, of which the last has many times the voxels of the first."""
    blocks_of_scales(tmp_path, shape, [1, 2, 3, 6])
    counts = scales_at_the_centre(tmp_path, patch, 400, scale_shares=shares)
    assert counts[0] == 0
    # Five standard deviations of 400 draws.
    assert np.abs(counts[1:] - 400 * np.array(expected)).max() <= 5 * np.sqrt(400 / 4)
    assert ((counts[1:] > 0) == (np.array(expected) > 0)).all()


def test_without_shares_a_vessel_voxel_is_as_likely_as_another(tmp_path):
    blocks_of_scales(tmp_path, (12, 30), [1, 2, 3, 6])
    counts = scales_at_the_centre(tmp_path, (4, 4), 500)
    expected = 500 * np.array([1, 4, 9, 36]) / 50
    assert np.abs(counts[1:] - expected).max() < 5 * np.sqrt(500 / 4)


def test_what_a_case_lacks_goes_to_its_other_scales(tmp_path):
    blocks_of_scales(tmp_path, (12, 30), [0, 2, 0, 6])
    counts = scales_at_the_centre(tmp_path, (4, 4), 400, scale_shares=(5.0, 1.0, 5.0, 1.0))
    assert np.abs(counts - [0, 0, 200, 0, 200]).max() <= 5 * np.sqrt(400 / 4)
    # Of the scales that are wanted it has none: its vessels are shown all the same.
    counts = scales_at_the_centre(tmp_path, (4, 4), 100, scale_shares=(1.0, 0.0, 1.0, 0.0))
    assert counts[[2, 4]].sum() == 100


@pytest.mark.parametrize(
    ("loading", "message"),
    [
        ({"scale_shares": (1.0, 1.0), "patch_size": (4, 4)}, r"loading\.scale_shares: expected 4 numbers for 4 scales"),
        ({"scale_shares": (0.0,), "patch_size": (4, 4)}, "not all of them 0, got"),
        ({"scale_shares": (-1.0, 1.0), "patch_size": (4, 4)}, "finite numbers of at least 0"),
        ({"scale_shares": (float("inf"), 1.0), "patch_size": (4, 4)}, "finite numbers of at least 0"),
        ({"scale_shares": (), "patch_size": (4, 4)}, "not all of them 0, got"),
        ({"scale_shares": (1.0,)}, "set loading.patch_size too"),
    ],
)
def test_shares_that_cannot_be_are_refused(tmp_path, loading, message):
    blocks_of_scales(tmp_path, (12, 30), [1, 2, 3, 6])
    with pytest.raises(ValueError, match=message):
        samples_of(tmp_path, **loading)


@pytest.mark.parametrize("centre", [(3.5, 3.5, 3.5), (8.0, 8.0, 8.0), (15.5, 0.5, 8.5)])
def test_what_lies_outside_is_the_lowest_value_of_the_whole_case(centre):
    random = np.random.default_rng(2)
    image = random.normal(size=(16, 16, 16)).astype(np.float32)
    image[9, 9, 9] = -50
    labels = (image > 1).astype(np.uint8)
    for seed in range(6):
        drawn = draw_augmentation(AUGMENTATION, 3, np.random.default_rng(seed))
        window: dict[str, Any] = {"output_shape": (8, 8, 8), "centre": centre}
        expected = apply_augmentation(drawn, image[None], labels, labels, (1.0, 1.0, 1.0), **window)
        asked = apply_augmentation(drawn, image[None], labels, labels, (1.0, 1.0, 1.0), **window, lowest=[-50.0])
        for first, second in zip(expected[:3], asked[:3], strict=True):
            np.testing.assert_array_equal(first, second)
