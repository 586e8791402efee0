"""Class maps in samples: they move with the labels, left and right change places, and nothing is centred on nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ramify.data.augmentation import apply_augmentation, draw_augmentation
from ramify.data.augmentations.drawn import Augmentation
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.augmentations.swaps import swapped_classes
from ramify.data.case_store import write_case
from ramify.data.loading import SampleKey, TrainingBatches, TrainingSamples
from ramify.data.loading_settings import LoadingSettings
from ramify.tasks.class_table import IGNORED, ClassTable

SIDES = {"classes": {"left": 1, "right": 2, "trunk": 3}}
FLIPS = AugmentationSettings(probability=0, flip_probability=0.5, gamma=(1, 1))
LEFT, RIGHT, TRUNK = 1, 2, 3


def sided_case(folder: Path, shape=(12, 24), name="case", table: dict[str, Any] = SIDES) -> np.ndarray:
    """A vessel on each side, the left one along larger x and brighter, and a trunk between them."""
    classes = np.zeros(shape, np.uint8)
    middle = (slice(4, 6),) * (len(shape) - 1)
    classes[(*middle, slice(2, 8))], classes[(*middle, slice(16, 22))] = RIGHT, LEFT
    classes[(*middle, slice(11, 13))] = TRUNK
    scales = np.isin(classes, ClassTable.model_validate(table).vessels).astype(np.uint8)
    arrays: dict[str, np.ndarray] = {
        "image": classes.astype(np.float32)[None],
        "scales": scales,
        "classes": classes,
        "tubed_skeleton": scales,
    }
    record: dict[str, Any] = {
        "spacing_mm": [1.0] * len(shape),
        "scales": {"thresholds_mm": []},
        "shape": list(shape),
        "classes": table,
    }
    write_case(folder, name, arrays, record)
    return classes


def samples_of(folder: Path, augmentation: AugmentationSettings | None = FLIPS, **loading: Any) -> TrainingSamples:
    return TrainingSamples(folder, ["case"], LoadingSettings(batch_size=1, **loading), augmentation, 1, 0)


def sides_of(class_map: torch.Tensor) -> tuple[float, float]:
    """Where along the last axis the left and the right vessel lie in a sample."""
    left, right = (float(torch.nonzero(class_map == number)[:, -1].float().mean()) for number in (LEFT, RIGHT))
    return left, right


@pytest.mark.parametrize("shape", [(12, 24), (12, 12, 24)])
def test_left_stays_left_and_right_stays_right(tmp_path, shape):
    """The patient's left is along larger x, in a mirrored patient, too."""
    sided_case(tmp_path, shape)
    swaps = FLIPS.model_copy(update={"flip_swaps": {"left": "right"}})
    samples = samples_of(tmp_path, swaps)
    flipped = 0
    for position in range(20):
        sample = samples[SampleKey(0, position, 0)]
        left, right = sides_of(sample.class_map)
        assert left > right
        # What was drawn as the left one is brighter by its image: mirrored, it is the right one.
        (brightness,) = sample.image[0][sample.class_map == LEFT].unique().tolist()
        flipped += brightness == RIGHT
        assert (sample.image[0][sample.class_map == TRUNK] == TRUNK).all()
    assert 0 < flipped < 20


def test_without_swaps_left_and_right_are_mixed(tmp_path):
    sided_case(tmp_path)
    samples = samples_of(tmp_path)
    order = {np.greater(*sides_of(samples[SampleKey(0, position, 0)].class_map)) for position in range(20)}
    assert order == {True, False}


@pytest.mark.parametrize(
    ("swaps", "message"),
    [
        ({"left": "centre"}, r"augmentation\.flip_swaps: no class 'centre'; there are left, right, trunk"),
        ({"4": "left"}, r"no class '4'"),
        ({"left": "right", "trunk": "left"}, r"left is swapped with right and trunk; give it one of them"),
        ({"left": "1"}, r"left is swapped with itself"),
    ],
)
def test_swaps_that_cannot_be_are_refused(tmp_path, swaps, message):
    sided_case(tmp_path)
    with pytest.raises(ValueError, match=message):
        samples_of(tmp_path, FLIPS.model_copy(update={"flip_swaps": swaps}))


def test_swaps_by_name_and_number_and_both_ways_are_one():
    table = ClassTable.model_validate(SIDES)
    numbers = AugmentationSettings.model_validate({"flip_swaps": {1: 2}}).flip_swaps
    for swaps in ({"left": "right"}, {"right": "left"}, {"left": "right", "right": "left"}, numbers):
        assert swapped_classes(swaps, table)[:4].tolist() == [0, 2, 1, 3]
        assert swapped_classes(swaps, table)[IGNORED] == IGNORED
    assert swapped_classes({}, table) is None


def test_only_the_last_axis_is_left_and_right():
    labels = np.array([[1, 0], [0, 2]], np.uint8)
    swapped = np.array([0, 2, 1], np.uint8)
    for mirrored in ((False, False), (True, False), (False, True), (True, True)):
        matrix = np.diag(np.where(mirrored, -1.0, 1.0))
        drawn = Augmentation(matrix, np.zeros(2), mirrored=mirrored)
        window: dict[str, Any] = {"output_shape": (2, 2), "centre": (0.5, 0.5)}
        of_classes = {"class_map": labels, "swapped": swapped}
        found = apply_augmentation(drawn, labels[None], labels, labels, (1.0, 1.0), **window, **of_classes)
        expected = labels[tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)]
        np.testing.assert_array_equal(found.labels, expected)
        np.testing.assert_array_equal(found.class_map, swapped[expected] if mirrored[1] else expected)


@pytest.mark.parametrize("shape", [(9, 11), (6, 7, 8)])
def test_the_class_map_moves_as_the_labels_do(shape):
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, shape).astype(np.uint8)
    settings = AugmentationSettings(probability=1, rotation_degrees=40, translation_mm=3)
    for _ in range(5):
        drawn = draw_augmentation(settings, len(shape), random)
        window: dict[str, Any] = {
            "output_shape": tuple(n + 3 for n in shape),
            "centre": tuple((n - 1) / 2 for n in shape),
            "class_map": labels + 5,
            "outside_class": 5,
        }
        found = apply_augmentation(drawn, labels[None], labels, labels, (1.0,) * len(shape), **window)
        np.testing.assert_array_equal(found.class_map, found.labels + 5)


def test_outside_the_volume_is_unknown_only_where_the_labels_know_of_unknown_voxels(tmp_path):
    for number, table in enumerate((SIDES, {**SIDES, "ignore": 9})):
        (tmp_path / str(number)).mkdir()
        classes = sided_case(tmp_path / str(number), table=table)
        samples = TrainingSamples(tmp_path / str(number), ["case"], LoadingSettings(batch_size=1), None, 16, 0)
        sample = samples[SampleKey(0, 0, 0)]
        inside = (slice(2, 14), slice(4, 28))
        np.testing.assert_array_equal(sample.class_map[inside], classes)
        outside = torch.ones_like(sample.class_map, dtype=torch.bool)
        outside[inside] = False
        assert sample.class_map[outside].unique().tolist() == [IGNORED if number else 0]
        assert not sample.scale_map[outside].any()


def test_a_batch_has_a_class_map_where_there_are_classes(tmp_path):
    sided_case(tmp_path)
    batch = next(TrainingBatches(samples_of(tmp_path, None), 0).of_epoch(0))
    assert batch["class_map"].dtype == torch.int64
    assert batch["class_map"].shape == (1, 12, 24)
    (tmp_path / "plain").mkdir()
    scales = np.ones((4, 4), np.uint8)
    record = {"spacing_mm": [1.0, 1.0], "scales": {"thresholds_mm": []}, "shape": [4, 4]}
    arrays = {"image": np.zeros((1, 4, 4), np.float32), "scales": scales, "tubed_skeleton": scales}
    write_case(tmp_path / "plain", "case", arrays, record)
    assert next(TrainingBatches(samples_of(tmp_path / "plain", None), 0).of_epoch(0))["class_map"] is None


def test_patches_are_shared_by_the_classes(tmp_path):
    sided_case(tmp_path)
    patches: dict[str, Any] = {"patch_size": (2, 2), "vessel_patches": 1.0}
    samples = samples_of(tmp_path, None, **patches, class_shares={"trunk": 3.0, "1": 1.0})
    centres = [int(samples[SampleKey(0, position, 0)].class_map[1, 1]) for position in range(400)]
    counts = np.bincount(centres, minlength=4)
    assert counts[[0, RIGHT]].sum() == 0
    assert abs(counts[TRUNK] - 300) < 5 * np.sqrt(400 / 4)


def test_a_class_of_context_may_have_patches_of_its_own(tmp_path):
    table = {"classes": {"left": 1, "right": 2, "trunk": {"values": 3, "role": "context"}}}
    sided_case(tmp_path, table=table)
    samples = samples_of(tmp_path, None, patch_size=(2, 2), vessel_patches=1.0, class_shares={"trunk": 1.0})
    assert all(int(samples[SampleKey(0, position, 0)].class_map[1, 1]) == TRUNK for position in range(20))


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"centre": 1.0}, r"loading\.class_shares: no class 'centre'; there are left, right, trunk"),
        ({"left": 1.0, "1": 2.0}, r"class left is named twice"),
    ],
)
def test_shares_of_classes_that_there_are_not_are_refused(tmp_path, shares, message):
    sided_case(tmp_path)
    with pytest.raises(ValueError, match=message):
        samples_of(tmp_path, patch_size=(4, 4), class_shares=shares)


@pytest.mark.parametrize(
    ("loading", "message"),
    [
        ({"class_shares": {"left": 0.0}, "patch_size": (4, 4)}, "class_shares: expected finite numbers"),
        ({"class_shares": {"left": -1.0}, "patch_size": (4, 4)}, "class_shares: expected finite numbers"),
        ({"class_shares": {}, "patch_size": (4, 4)}, "not all of them 0"),
    ],
)
def test_shares_of_nothing_are_refused(loading, message):
    with pytest.raises(ValidationError, match=message):
        LoadingSettings(**loading)


def test_whole_volumes_are_centred_on_nothing(tmp_path):
    sided_case(tmp_path)
    with pytest.raises(ValueError, match=r"loading\.class_shares: whole volumes are centred on no vessel"):
        samples_of(tmp_path, patch_size=None, class_shares={"left": 1.0})


def test_cases_of_other_classes_are_refused(tmp_path):
    sided_case(tmp_path)
    # The same names and values, but numbered otherwise.
    sided_case(tmp_path, name="other", table={"classes": {"right": 2, "left": 1, "trunk": 3}})
    with pytest.raises(ValueError, match="cases case and other have different classes"):
        TrainingSamples(tmp_path, ["case", "other"], LoadingSettings(batch_size=1), None, 1, 0)


def write_classes(folder: Path, classes: np.ndarray) -> None:
    """A 2D case of a class map in which not everything is known; vessels are of one scale."""
    scales = (classes == 1).astype(np.uint8)
    image = np.zeros((1, *classes.shape), np.float32)
    record: dict[str, Any] = {
        "spacing_mm": [1.0, 1.0],
        "scales": {"thresholds_mm": []},
        "shape": list(classes.shape),
        "classes": {**SIDES, "ignore": 9},
    }
    write_case(folder, "case", {"image": image, "scales": scales, "classes": classes, "tubed_skeleton": scales}, record)


def mostly_unknown(folder: Path) -> None:
    """A case of which one corner was labelled, without a vessel."""
    classes = np.full((32, 32), IGNORED, np.uint8)
    classes[:10, :10] = 0
    write_classes(folder, classes)


def test_a_patch_of_unknown_voxels_alone_is_drawn_again(tmp_path):
    mostly_unknown(tmp_path)
    samples = samples_of(tmp_path, None, patch_size=(4, 4))
    found = [samples[SampleKey(0, position, 0)] for position in range(100)]
    useful = np.mean([bool((sample.class_map != IGNORED).any()) for sample in found])
    # One window in eight shows the corner; of four tries, four in ten do.
    chance = (10 / 29) ** 2
    assert abs(useful - (1 - (1 - chance) ** 4)) < 0.15
    assert useful > 2 * chance
    again = samples_of(tmp_path, None, patch_size=(4, 4))
    for position, sample in enumerate(found[:20]):
        assert torch.equal(again[SampleKey(0, position, 0)].class_map, sample.class_map)


def test_no_patch_is_centred_on_an_unknown_voxel(tmp_path):
    classes = np.zeros((16, 16), np.uint8)
    classes[4:6] = 1
    classes[4:6, 4:12] = IGNORED
    write_classes(tmp_path, classes)
    samples = samples_of(tmp_path, None, patch_size=(4, 4), vessel_patches=1.0)
    assert all(int(samples[SampleKey(0, position, 0)].class_map[2, 2]) == 1 for position in range(60))
