"""The loader's samples: every channel is drawn for, and a key gives its sample whatever was read before it."""

import numpy as np
import pytest
import torch

from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.case_store import write_case
from ramify.data.loading import SampleKey, TrainingSamples
from ramify.data.loading_settings import LoadingSettings

STILL = {"probability": 0, "flip_probability": 0, "gamma": (1, 1)}
ALL = ("scaling", "elastic", "noise", "blur", "brightness", "contrast", "low_resolution", "inverted_gamma")


@pytest.fixture
def samples_with(tmp_path):
    def samples(shape, **sections):
        scales = np.zeros(shape, np.uint8)
        scales[tuple(slice(n // 2 - 1, n // 2 + 2) for n in shape)] = 1
        image = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
        record = {"spacing_mm": [2.0, 1.0, 1.0][-len(shape) :], "shape": list(shape), "channels": ["ct", "pet"]}
        record["scales"] = {"thresholds_mm": []}
        if not (tmp_path / "case").exists():
            write_case(tmp_path, "case", {"image": image, "scales": scales, "tubed_skeleton": scales}, record)
        settings = AugmentationSettings.model_validate({**STILL, **sections})
        loading = LoadingSettings(batch_size=1, patch_size=(8,) * len(shape), vessel_patches=1.0)
        return TrainingSamples(tmp_path, ["case"], loading, settings, 1, 0)

    return samples


@pytest.mark.parametrize("shape", [(12, 16, 14), (16, 20)])
def test_every_channel_gets_its_own_and_the_labels_stay(samples_with, shape):
    key = SampleKey(0, 0, 0)
    plain, noisy = samples_with(shape)[key], samples_with(shape, noise={"probability": 1})[key]
    first, second = (noisy.image - plain.image).flatten(1)
    assert first.std() > 0
    assert second.std() > 0
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.6
    assert torch.equal(noisy.scale_map, plain.scale_map)


@pytest.mark.parametrize("shape", [(12, 16, 14), (16, 20)])
def test_a_sample_with_all_kinds_is_its_keys_alone(samples_with, shape):
    every = {kind: {"probability": 0.7} for kind in ALL} | {"probability": 0.7, "gamma": (0.5, 2)}
    forwards, backwards = samples_with(shape, **every), samples_with(shape, **every)
    keys = [SampleKey(1, position, 0) for position in range(12)]
    found = [forwards[key] for key in keys]
    for one, key in zip(reversed(found), reversed(keys), strict=True):
        other = backwards[key]
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.scale_map, other.scale_map)
        assert one.image.isfinite().all()
        assert one.scale_map.any(), "it is there for a vessel"
