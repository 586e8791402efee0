"""Batches are drawn from (seed, epoch, position) alone, in the shape the network can take."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data.augmentation import AugmentationSettings
from data.case_store import write_case
from data.loading import LoadingSettings, TrainingBatches, TrainingSamples, label_voxels

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
        assert torch.equal(a["scales"], b["scales"])
    assert any(not torch.equal(a["scales"], b["scales"]) for a, b in zip(first, other, strict=True))


@pytest.mark.slow
def test_loader_processes_change_nothing(tmp_path):
    names = store_of(tmp_path, [(8, 8)] * 4)
    loading = LoadingSettings(batch_size=2)
    alone, with_workers = (batches_of(tmp_path, names, loading, workers=workers) for workers in (0, 1))
    for epoch in (0, 1):
        for a, b in zip(alone.of_epoch(epoch), with_workers.of_epoch(epoch), strict=True):
            assert a["case_ids"] == b["case_ids"]
            assert torch.equal(a["image"], b["image"])


def test_whole_volumes_grow_to_a_size_the_network_takes(tmp_path):
    names = store_of(tmp_path, [(7, 9, 8)])
    batch = next(batches_of(tmp_path, names, LoadingSettings(batch_size=1), augmentation=None).of_epoch(0))
    assert batch["image"].shape == (1, 1, 8, 12, 8)
    assert batch["image"].dtype == torch.float32
    assert batch["scales"].shape == (1, 8, 12, 8)
    assert batch["scales"].dtype == torch.int64
    assert sorted(batch["scales"].unique().tolist()) == [0, 1, 2]


def test_vessel_patches_are_centred_on_vessels(tmp_path):
    names = store_of(tmp_path, [(64, 64)])
    loading = LoadingSettings(batch_size=1, patch_size=(4, 4), vessel_patches=1.0, samples_per_epoch=20)
    for batch in batches_of(tmp_path, names, loading, augmentation=None).of_epoch(0):
        assert batch["scales"].max() > 0


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
        assert torch.equal(batch["scales"][0][inside], (batch["image"][0, 0][inside] > 1).long())
        assert torch.equal(batch["tubed_skeleton"], batch["scales"] > 0)
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
