"""Augmentation moves anatomy in millimetres, image and labels together, and replays from a seed."""

import numpy as np
import pytest

from ramify.data.augmentation import AUGMENTATIONS, apply_augmentation, draw_augmentation
from ramify.data.augmentations.drawn import Augmentation, Draw, GreyChange
from ramify.data.augmentations.gamma import Gamma
from ramify.data.augmentations.settings import AugmentationSettings

SETTINGS = AugmentationSettings(
    probability=1, rotation_degrees=40, translation_mm=3, flip_probability=0.5, gamma=(0.7, 1.4)
)


def centre_of(shape):
    return tuple((n - 1) / 2 for n in shape)


def moved(augmentation, image, labels, spacing_mm, **window):
    """Image and labels after an augmentation; whatever it is, the tubed skeleton moves as the labels do."""
    out, out_labels, out_tube, _ = apply_augmentation(
        augmentation, image[None], labels, labels.copy(), spacing_mm, **window
    )
    np.testing.assert_array_equal(out_tube, out_labels)
    return out[0], out_labels


def turned(degrees: float, ndim: int = 3) -> Augmentation:
    """Rotation in the plane of the first two axes."""
    angle = np.deg2rad(degrees)
    matrix = np.eye(ndim)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return Augmentation(matrix, np.zeros(ndim))


@pytest.mark.parametrize("shape", [(5, 6, 7), (6, 7)])
def test_identity_returns_the_same_values(shape):
    random = np.random.default_rng(0)
    image = random.normal(size=shape).astype(np.float32)
    labels = random.integers(0, 4, shape).astype(np.uint8)
    out, out_labels = moved(
        Augmentation.identity(len(shape)),
        image,
        labels,
        (2.0, 1.0, 0.7)[-len(shape) :],
        output_shape=shape,
        centre=centre_of(shape),
    )
    np.testing.assert_array_equal(out, image)
    np.testing.assert_array_equal(out_labels, labels)


def test_a_quarter_turn_is_rot90():
    random = np.random.default_rng(1)
    image = random.normal(size=(9, 9, 4)).astype(np.float32)
    labels = random.integers(0, 4, image.shape).astype(np.uint8)
    out, out_labels = moved(
        turned(90), image, labels, (1.0, 1.0, 1.0), output_shape=image.shape, centre=centre_of(image.shape)
    )
    np.testing.assert_array_equal(out_labels, np.rot90(labels, k=1, axes=(0, 1)))
    np.testing.assert_allclose(out, np.rot90(image, k=1, axes=(0, 1)), atol=1e-5)


def test_a_translation_moves_by_millimetres():
    image = np.zeros((10, 10, 10), np.float32)
    image[4, 4, 4] = 1
    shifted = Augmentation(np.eye(3), np.array([4.0, 2.0, -1.0]))
    out, out_labels = moved(
        shifted, image, image.astype(np.uint8), (2.0, 1.0, 0.5), output_shape=image.shape, centre=centre_of(image.shape)
    )
    assert np.argwhere(out_labels).tolist() == [[6, 6, 2]]
    assert out[6, 6, 2] == pytest.approx(1)


def test_an_anisotropic_ball_stays_round():
    spacing = np.array([3.0, 1.0, 1.0])
    shape = (21, 61, 61)
    offsets = (np.indices(shape).T - (np.array(shape) - 1) / 2) * spacing
    ball = (np.linalg.norm(offsets, axis=-1).T <= 20).astype(np.float32)
    out, _ = moved(turned(45), ball, ball.astype(np.uint8), tuple(spacing), output_shape=shape, centre=centre_of(shape))
    # In the solid ball each axis holds a fifth of r²; voxel-space rotation would trade the 3 mm axis for the 1 mm one.
    where = (np.argwhere(out > 0.5) - (np.array(shape) - 1) / 2) * spacing
    np.testing.assert_allclose(np.sqrt((where**2).mean(axis=0) * 5), 20, rtol=0.03)


def test_flips_mirror_image_and_labels_alike():
    random = np.random.default_rng(2)
    image = random.integers(0, 4, (4, 5, 6)).astype(np.float32)
    flipped = Augmentation(np.diag([1.0, -1.0, -1.0]), np.zeros(3))
    out, out_labels = moved(
        flipped, image, image.astype(np.uint8), (1.0, 2.0, 3.0), output_shape=(4, 5, 6), centre=centre_of((4, 5, 6))
    )
    np.testing.assert_array_equal(out, image[:, ::-1, ::-1])
    np.testing.assert_array_equal(out_labels, image[:, ::-1, ::-1])


def test_outside_the_volume_is_background():
    image = np.full((4, 4), 5.0, np.float32)
    image[0, 0] = 2.0
    labels = np.ones((4, 4), np.uint8)
    out, out_labels = moved(Augmentation.identity(2), image, labels, (1.0, 1.0), output_shape=(8, 8), centre=(1.5, 1.5))
    assert out_labels.sum() == 16
    assert (out[out_labels == 0] == 2.0).all()
    np.testing.assert_array_equal(out[2:6, 2:6], image)


def test_a_window_is_centred_where_asked():
    image = np.arange(100, dtype=np.float32).reshape(10, 10)
    out, _ = moved(
        Augmentation.identity(2), image, image.astype(np.uint8), (1.0, 1.0), output_shape=(3, 3), centre=(6.0, 2.0)
    )
    np.testing.assert_array_equal(out, image[5:8, 1:4])


def test_gamma_keeps_the_range_and_bends_the_middle():
    image = np.linspace(-1, 3, 16, dtype=np.float32).reshape(4, 4)
    bent = Augmentation(np.eye(2), np.zeros(2), (GreyChange(Gamma(2.0)),))
    out, _ = moved(bent, image, np.zeros((4, 4), np.uint8), (1.0, 1.0), output_shape=(4, 4), centre=(1.5, 1.5))
    np.testing.assert_allclose(out, ((image + 1) / 4) ** 2 * 4 - 1, atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 6, 7), (6, 7)])
def test_channels_are_sampled_alike_and_bent_each_in_its_own_range(shape):
    random = np.random.default_rng(3)
    image = (random.normal(size=(3, *shape)) * np.array([1, 10, 100]).reshape(3, *[1] * len(shape))).astype(np.float32)
    labels = random.integers(0, 4, shape).astype(np.uint8)
    drawn = draw_augmentation(SETTINGS, len(shape), random)
    window = {"output_shape": tuple(n + 2 for n in shape), "centre": centre_of(shape)}
    together, *_ = apply_augmentation(drawn, image, labels, labels, (1.0,) * len(shape), **window)
    assert drawn.grey_changes
    assert together.shape == (3, *window["output_shape"])
    for channel, alone in zip(together, image, strict=True):
        np.testing.assert_array_equal(channel, moved(drawn, alone, labels, (1.0,) * len(shape), **window)[0])


@pytest.mark.parametrize("ndim", [2, 3])
def test_draws_replay_and_differ(ndim):
    first, again, other = (draw_augmentation(SETTINGS, ndim, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.matrix_mm, again.matrix_mm)
    assert first.grey_changes == again.grey_changes
    assert not np.allclose(first.matrix_mm, other.matrix_mm)
    np.testing.assert_allclose(first.matrix_mm @ first.matrix_mm.T, np.eye(ndim), atol=1e-12)
    (correction,) = first.grey_changes
    assert isinstance(correction.change, Gamma)
    assert 0.7 <= correction.change.exponent <= 1.4
    assert np.abs(first.translation_mm).max() <= 3


def test_zeros_switch_everything_off():
    off = AugmentationSettings(rotation_degrees=0, translation_mm=0, flip_probability=0, gamma=(1, 1))
    drawn = draw_augmentation(off, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.matrix_mm, np.eye(3))
    np.testing.assert_array_equal(drawn.translation_mm, 0)
    assert drawn.grey_changes == ()


def test_a_share_of_the_samples_keeps_its_place():
    settings = SETTINGS.model_copy(update={"probability": 0.3, "flip_probability": 0.0})
    drawn = [draw_augmentation(settings, 3, np.random.default_rng(seed)) for seed in range(300)]
    still = [not d.translation_mm.any() and np.array_equal(d.matrix_mm, np.eye(3)) for d in drawn]
    assert 0.6 < np.mean(still) < 0.8


def test_a_new_augmentation_is_one_line_in_the_table_and_changes_none_of_the_others(monkeypatch):
    def brighter(drawn: Augmentation, draw: Draw) -> Augmentation:
        share = np.float32(draw.branches.stream("brighter").uniform(0.1, 0.2))

        def add(channel, spacing_mm):
            channel += share

        return drawn.with_grey([GreyChange(add)])

    before = draw_augmentation(SETTINGS, 2, np.random.default_rng(5))
    monkeypatch.setattr("ramify.data.augmentation.AUGMENTATIONS", (*AUGMENTATIONS, brighter))
    after = draw_augmentation(SETTINGS, 2, np.random.default_rng(5))
    np.testing.assert_array_equal(after.matrix_mm, before.matrix_mm)
    np.testing.assert_array_equal(after.translation_mm, before.translation_mm)
    assert after.grey_changes[:1] == before.grey_changes
    image, window = np.zeros((4, 4), np.float32), {"output_shape": (4, 4), "centre": (1.5, 1.5)}
    out, _ = moved(after, image, np.zeros((4, 4), np.uint8), (1.0, 1.0), **window)
    assert 0.1 <= out.min() == out.max() <= 0.2
