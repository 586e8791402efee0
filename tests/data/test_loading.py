"""Batches are drawn from (seed, epoch, position) alone, in the shape the network can take."""

import multiprocessing
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ramify.data.augmentation import apply_augmentation, draw_augmentation
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.case_facts import CaseFacts
from ramify.data.case_store import write_case
from ramify.data.loading import LoadingSettings, SampleKey, TrainingBatches, TrainingSamples, label_voxels

AUGMENTATION = AugmentationSettings(probability=1, rotation_degrees=10, translation_mm=2)


def store_of(folder: Path, shapes: list[tuple[int, ...]]) -> list[str]:
    """Cases whose image holds the case's number and whose vessel is one voxel of each scale."""
    names = [f"case_{i}" for i in range(len(shapes))]
    for number, (name, shape) in enumerate(zip(names, shapes, strict=True)):
        scales = np.zeros(shape, np.uint8)
        scales[tuple(n // 2 for n in shape)] = 1
        scales[tuple(n // 2 - 1 for n in shape)] = 2
        arrays: dict[str, Any] = {"image": np.full(shape, number, np.float32), "scales": scales}
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


def test_other_patches_stay_inside(tmp_path):
    store_of(tmp_path, [(10, 10)])
    loading = LoadingSettings(batch_size=1, patch_size=(4, 4), vessel_patches=0.0, samples_per_epoch=50)
    samples = TrainingSamples(tmp_path, ["case_0"], loading, None, 4, 0)
    scales = np.zeros((10, 10), np.uint8)
    random = np.random.default_rng(0)
    centres = np.array([samples._centre(scales, (4, 4), random) for _ in range(200)])
    assert centres.min() >= 1.5
    assert centres.max() <= 7.5


@pytest.mark.parametrize("patch", [None, (4, 4), (8, 4)])
def test_samples_that_are_not_turned_keep_their_voxels(tmp_path, patch):
    """Half a voxel off, every training sample would be a blurred one."""
    shape = (11, 12)
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    scales = (image > 1).astype(np.uint8)
    record = {"spacing_mm": [2.0, 1.0], "scales": {"thresholds_mm": []}, "shape": list(shape)}
    write_case(tmp_path, "case", {"image": image, "scales": scales, "tubed_skeleton": scales}, record)
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
    assert label_voxels(tmp_path, names, 2) == [64 + 192 - 4, 2, 2]


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
    write_case(folder, "case", {"image": image, "scales": scales, "tubed_skeleton": scales}, record)


def samples_of(folder: Path, augmentation: AugmentationSettings | None = None, **loading: Any) -> TrainingSamples:
    return TrainingSamples(folder, ["case"], LoadingSettings(batch_size=1, **loading), augmentation, 1, 0)


def test_every_place_is_drawn_as_often(tmp_path):
    one_case(tmp_path, (12, 8), None)
    samples = samples_of(tmp_path, patch_size=(8, 8), vessel_patches=0.0)
    random = np.random.default_rng(0)
    first = [samples._centre(np.zeros((12, 8), np.uint8), (8, 8), random) for _ in range(2000)]
    places, counts = np.unique(np.array(first)[:, 0] - 3.5, return_counts=True)
    assert places.tolist() == [0, 1, 2, 3, 4]
    # 400 each, give or take five standard deviations.
    assert np.abs(counts - 400).max() < 5 * np.sqrt(2000 * 0.2 * 0.8)
    assert {centre[1] for centre in first} == {3.5}


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


def test_the_papers_shift_is_as_large_as_it_was():
    """A liver is large beside ten millimetres, which then are ten millimetres."""
    settings = AugmentationSettings(probability=1)
    bound, free = (
        [draw_augmentation(settings, 3, np.random.default_rng(seed), seen).translation_mm for seed in range(50)]
        for seen in (np.array([200.0, 180.0, 150.0]), None)
    )
    np.testing.assert_array_equal(bound, free)
    assert np.abs(bound).max() > 9


def test_vessel_voxels_are_drawn_from_all(tmp_path):
    random = np.random.default_rng(1)
    scales = (random.random((5, 4, 6)) < 0.2).astype(np.uint8)
    scales[[0, 3]] = 0
    facts = CaseFacts(scales)
    found = [facts.vessel_voxel(number, scales) for number in range(facts.vessel_voxels)]
    assert found == [tuple(place) for place in np.argwhere(scales).tolist()]


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


def test_a_patch_reads_its_own_part_of_the_case(tmp_path, monkeypatch):
    """The lowest value and the vessels of the whole case are looked for once."""
    one_case(tmp_path, (40, 40, 40), (20, 20, 20))
    samples = samples_of(tmp_path, AUGMENTATION, patch_size=(8, 8, 8))
    looks = []
    count = np.count_nonzero
    monkeypatch.setattr(
        "ramify.data.case_facts.np.count_nonzero", lambda array: looks.append(array.shape) or count(array)
    )
    for position in range(10):
        _ = samples[SampleKey(0, position, 0)]
    assert len(looks) == 40


@pytest.mark.parametrize("centre", [(3.5, 3.5, 3.5), (8.0, 8.0, 8.0), (15.5, 0.5, 8.5)])
def test_what_lies_outside_is_the_lowest_value_of_the_whole_case(centre):
    random = np.random.default_rng(2)
    image = random.normal(size=(16, 16, 16)).astype(np.float32)
    image[9, 9, 9] = -50
    labels = (image > 1).astype(np.uint8)
    for seed in range(6):
        drawn = draw_augmentation(AUGMENTATION, 3, np.random.default_rng(seed))
        window: dict[str, Any] = {"output_shape": (8, 8, 8), "centre": centre}
        expected = apply_augmentation(drawn, image, labels, labels, (1.0, 1.0, 1.0), **window)
        asked = apply_augmentation(drawn, image, labels, labels, (1.0, 1.0, 1.0), **window, outside=lambda: -50.0)
        for first, second in zip(expected, asked, strict=True):
            np.testing.assert_array_equal(first, second)
