"""Samples whose image is painted anew: labels as ever, another CT each time, and the same one when it is replayed."""

from typing import Any

import numpy as np
import pytest

from ramify.appearance.settings import AppearanceSettings
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.case_store import write_case
from ramify.data.loading import SampleKey, TrainingSamples
from ramify.data.loading_settings import LoadingSettings
from ramify.data.painted_windows import SHARES, TISSUES, WINDOW
from ramify.phantoms.tissues import Tissue
from tests.appearance.plain import PLAIN

SHAPE = (20, 22, 24)
LOADING = LoadingSettings(batch_size=1, patch_size=(8, 8, 8), vessel_patches=1.0)
STILL = AugmentationSettings(probability=0, flip_probability=0, gamma=(1, 1))


def store_of(folder, *, with_tissues: bool = True):
    """A store of one case: liver, with a bar of portal vein in it."""
    scales = np.zeros(SHAPE, np.uint8)
    scales[9:12, 9:12, 4:20] = 1
    arrays: dict[str, Any] = {"image": np.zeros((1, *SHAPE), np.float32), "scales": scales, "tubed_skeleton": scales}
    record: dict[str, Any] = {"spacing_mm": [1.0] * 3, "scales": {"thresholds_mm": []}, "shape": list(SHAPE)}
    if with_tissues:
        arrays[TISSUES] = np.full(SHAPE, Tissue.LIVER, np.uint8)
        arrays[SHARES] = np.stack([255 * scales, 0 * scales])
        record[WINDOW] = [-100.0, 300.0]
    write_case(folder, "case", arrays, record)
    return folder


def samples_of(folder, appearance: AppearanceSettings | None, augmentation: AugmentationSettings = STILL):
    return TrainingSamples(folder, ["case"], LOADING, augmentation, 1, 0, appearance)


def test_a_sample_is_replayed_and_the_next_epoch_sees_another_ct(tmp_path):
    folder = store_of(tmp_path)
    one, again = (samples_of(folder, AppearanceSettings())[SampleKey(3, 1, 0)] for _ in range(2))
    assert np.array_equal(one.image, again.image)
    other = samples_of(folder, AppearanceSettings())[SampleKey(4, 1, 0)]
    assert not np.allclose(one.image, other.image)
    assert one.image.shape == (1, 8, 8, 8)
    assert 0 <= float(one.image.min()) <= float(one.image.max()) <= 1


def test_labels_are_those_without_painting(tmp_path):
    folder = store_of(tmp_path)
    turned = AugmentationSettings(probability=1, gamma=(0.8, 1.2))
    for epoch in range(4):
        key = SampleKey(epoch, 0, 0)
        painted, plain = (samples_of(folder, one, turned)[key] for one in (AppearanceSettings(), None))
        assert np.array_equal(painted.scale_map, plain.scale_map)
        assert np.array_equal(painted.tubed_skeleton, plain.tubed_skeleton)


def test_vessels_are_as_bright_as_they_were_drawn(tmp_path):
    exact = PLAIN.model_copy(update={"portal_contrast_hu": (100, 100)})
    sample = samples_of(store_of(tmp_path), exact)[SampleKey(0, 0, 0)]
    inside = sample.scale_map.numpy() > 0
    image = sample.image.numpy()[0]
    seen = np.unique(image[~inside].round(3))
    assert image[inside] == pytest.approx(0.75, abs=1e-3)
    # Around it lies liver, or the air beyond the volume.
    assert set(seen.tolist()) <= {0.5, 0.0}
    assert inside.any()


def test_a_case_without_tissues_is_refused_before_any_work(tmp_path):
    folder = store_of(tmp_path, with_tissues=False)
    with pytest.raises(ValueError, match=r"case case: has no tissues .* make the cases with synthesise.py"):
        samples_of(folder, AppearanceSettings())
