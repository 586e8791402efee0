"""What is off draws nothing: the samples of a seed are those there were before it came."""

import hashlib

import numpy as np
import pytest

from ramify.data.augmentation import apply_augmentation, draw_augmentation
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.random_streams import Purpose, stream

DIGEST = "c1f97f741d8db195ec193ad490b5f88c0021ce622e131365dbb0f938573f1571"
ON = {
    "scaling": {"probability": 1},
    "elastic": {"probability": 1},
    "noise": {"probability": 1},
    "blur": {"probability": 1},
    "brightness": {"probability": 1},
    "contrast": {"probability": 1},
    "low_resolution": {"probability": 1},
    "inverted_gamma": {"probability": 1},
}


def as_it_was(settings, ndim, random):
    """Rotation, flips, shift and exponent by the numbers of the generator alone, as they were first written."""
    limit = np.deg2rad(settings.rotation_degrees) if random.random() < settings.probability else 0.0
    reach = settings.translation_mm if limit else 0.0
    matrix = np.eye(ndim)
    for first in range(ndim):
        for second in range(first + 1, ndim):
            turn, angle = np.eye(ndim), random.uniform(-limit, limit)
            turn[first, first] = turn[second, second] = np.cos(angle)
            turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
            matrix = turn @ matrix
    matrix = matrix * np.where(random.random(ndim) < settings.flip_probability, -1.0, 1.0)
    shift = random.uniform(-reach, reach, ndim)
    return matrix, shift, float(np.exp(random.uniform(*np.log(settings.gamma))))


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_default_settings_draw_what_they_drew(ndim):
    settings = AugmentationSettings()
    for position in range(30):
        ours, plain = (stream(7, Purpose.SAMPLE, 2, position) for _ in range(2))
        drawn, (matrix, shift, exponent) = draw_augmentation(settings, ndim, ours), as_it_was(settings, ndim, plain)
        np.testing.assert_array_equal(drawn.matrix_mm, matrix)
        np.testing.assert_array_equal(drawn.translation_mm, shift)
        (grey,) = drawn.grey_changes
        assert (grey.channel, grey.change.exponent, grey.change.keeps, grey.change.inverted) == (
            None,
            exponent,
            "range",
            False,
        )
        assert drawn.elastic is None
        assert ours.random() == plain.random(), "the place of the patch comes next"


def test_gamma_gives_the_bits_it_gave():
    image = np.random.default_rng(0).normal(size=(1, 40, 50, 60)).astype(np.float32)
    drawn = draw_augmentation(AugmentationSettings(probability=0, flip_probability=0), 3, np.random.default_rng(1))
    labels = np.zeros(image.shape[1:], np.uint8)
    window = {"output_shape": labels.shape, "centre": (19.5, 24.5, 29.5)}
    found = apply_augmentation(drawn, image, labels, labels, (1.0, 1.0, 1.0), **window).image[0]
    low, high = float(image.min()), float(image.max())
    exponent = np.float32(drawn.grey_changes[0].change.exponent)
    expected = np.power((image[0] - low) / (high - low), exponent) * (high - low) + low
    np.testing.assert_array_equal(found, expected)


def test_sampling_gives_the_bits_it_gave():
    """Quarter turns and halves of voxels, so that every processor rounds alike; the digest is of commit b7ab7fa."""
    image = np.random.default_rng(3).integers(0, 1000, (2, 9, 10, 11)).astype(np.float32)
    labels = np.random.default_rng(4).integers(0, 4, (9, 10, 11)).astype(np.uint8)
    drawn = draw_augmentation(
        AugmentationSettings(probability=0, flip_probability=1, gamma=(1, 1)), 3, np.random.default_rng(5)
    )
    window = {"output_shape": (8, 9, 7), "centre": (4.25, 3.5, 5.75)}
    found = apply_augmentation(drawn, image, labels, labels, (2.0, 1.0, 0.5), **window)
    digest = hashlib.sha256(found.image.tobytes() + found.labels.tobytes() + found.tube.tobytes()).hexdigest()
    assert digest == DIGEST


@pytest.mark.parametrize("kind", ON)
def test_one_that_is_on_leaves_the_others_and_the_place_of_the_patch(kind):
    first, second = np.random.default_rng(3), np.random.default_rng(3)
    others = {name: its for name, its in ON.items() if name != kind}
    without = draw_augmentation(AugmentationSettings.model_validate(others), 3, first)
    with_it = draw_augmentation(AugmentationSettings.model_validate(ON), 3, second)
    assert first.random() == second.random()
    assert [change for change in with_it.grey_changes if change in without.grey_changes] == list(without.grey_changes)
    one_more = kind not in ("scaling", "elastic")
    assert len(with_it.grey_changes) == len(without.grey_changes) + one_more
    assert (with_it.elastic == without.elastic) is (kind != "elastic")
    np.testing.assert_array_equal(with_it.translation_mm, without.translation_mm)
    assert np.allclose(with_it.matrix_mm, without.matrix_mm) is (kind != "scaling")


def test_everything_replays_bit_for_bit():
    settings = AugmentationSettings.model_validate(ON)
    image = np.random.default_rng(0).normal(size=(2, 10, 12, 14)).astype(np.float32)
    labels = (image[0] > 1).astype(np.uint8)
    window = {"output_shape": (8, 8, 8), "centre": (5.0, 6.0, 7.0)}

    def sample(seed):
        drawn = draw_augmentation(settings, 3, np.random.default_rng(seed), channels=2)
        return apply_augmentation(drawn, image, labels, labels, (2.0, 1.0, 1.0), **window)

    first, again, other = sample(1), sample(1), sample(2)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert not np.allclose(first.image, other.image)
