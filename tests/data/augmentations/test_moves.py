"""Zoom and elastic deformation: in millimetres, in the one sampling with rotation and shift."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.interpolate import BSpline

from ramify.data.affine_sampling import sample_affine
from ramify.data.augmentation import apply_augmentation, draw_augmentation
from ramify.data.augmentations.drawn import Augmentation
from ramify.data.augmentations.elastic_field import ElasticField, shift_row
from ramify.data.augmentations.settings import AugmentationSettings

STILL = {"probability": 0, "flip_probability": 0, "gamma": (1, 1)}


def settings_of(**sections):
    return AugmentationSettings.model_validate({**STILL, **sections})


def shifts_of(field, shape, spacing_mm):
    """Of every voxel of a window along z, y and x in its voxels, (3, *shape)."""
    lattice, full = field.lattice(shape, spacing_mm), (1,) * (3 - len(shape)) + shape
    shifts = np.zeros((3, *full))
    for k in range(full[0]):
        for j in range(full[1]):
            shift_row(lattice, k, j, shifts[:, k, j])
    return shifts.reshape(3, *shape)


def sampled(augmentation, image, spacing_mm):
    labels = image.astype(np.uint8)
    centre = tuple((n - 1) / 2 for n in image.shape)
    window = apply_augmentation(
        augmentation, image[None], labels, labels, spacing_mm, output_shape=image.shape, centre=centre
    )
    return window.image[0], window.labels


def test_twice_as_large_is_twice_as_far_from_the_middle():
    image = np.zeros((9, 9), np.float32)
    image[4, 5] = image[3, 4] = 1
    out, labels = sampled(Augmentation(2 * np.eye(2), np.zeros(2)), image, (1.0, 1.0))
    assert out[4, 6] == out[2, 4] == 1
    assert out[4, 5] == pytest.approx(0.5)
    # Half a voxel of the volume is a voxel of the window: each label stands two by two.
    assert labels.sum() == 8


@pytest.mark.parametrize("per_axis", [False, True])
def test_a_zoom_is_drawn_in_its_range_and_from_its_share(per_axis):
    settings = settings_of(scaling={"probability": 0.3, "zoom": (0.5, 2), "per_axis": per_axis})
    random = np.random.default_rng(0)
    zooms = np.array([np.diag(draw_augmentation(settings, 3, random).matrix_mm) for _ in range(500)])
    changed = (zooms != 1).any(axis=1)
    assert 0.2 < changed.mean() < 0.4
    assert zooms.min() >= 0.5
    assert zooms.max() <= 2
    # Log-uniform: as often above 1 as below.
    assert 0.35 < (zooms[changed, 0] > 1).mean() < 0.65
    assert (np.ptp(zooms[changed], axis=1) > 0).all() == per_axis


def test_a_zoom_lies_along_the_patient_and_turns_with_it():
    settings = settings_of(scaling={"probability": 1, "per_axis": True}, probability=1, rotation_degrees=40)
    drawn = draw_augmentation(settings, 3, np.random.default_rng(0))
    # Columns are where the patient's axes come to: perpendicular, and as long as the zoom.
    squares = drawn.matrix_mm.T @ drawn.matrix_mm
    np.testing.assert_allclose(squares, np.diag(np.diag(squares)), atol=1e-12)
    assert len(set(np.round(np.diag(squares), 6))) == 3


@pytest.mark.parametrize("shape", [(5, 7, 9), (6, 9)])
def test_shifts_are_scipys_cubic_spline_of_the_control_points(shape):
    spacing = (2.0, 1.0, 0.7)[-len(shape) :]
    field = ElasticField(magnitude_mm=3.0, correlation_mm=4.0, seed=1)
    found = shifts_of(field, shape, spacing)
    points = field.lattice(shape, spacing).shifts
    lead = 3 - len(shape)
    np.testing.assert_array_equal(found[:lead], 0)
    expected = points[lead:]
    for axis, (n, voxel) in enumerate(zip(shape, spacing, strict=True)):
        count = expected.shape[1 + lead + axis]
        spline = BSpline(np.arange(count + 4), np.moveaxis(expected, 1 + lead + axis, 0), 3)
        expected = np.moveaxis(spline(3 + np.arange(n) * voxel / 4.0), 0, 1 + lead + axis)
    expected = expected[:, 0] if lead else expected
    np.testing.assert_allclose(found[lead:], expected, atol=1e-12)


def test_a_bent_image_takes_each_voxel_from_where_it_was_shifted_to():
    """Of an image that is linear along each axis, linear sampling is exact."""
    shape, spacing = (9, 10, 11), (2.0, 1.0, 0.5)
    field = ElasticField(magnitude_mm=0.9, correlation_mm=5.0, seed=2)
    shifts = shifts_of(field, shape, spacing)
    places = np.indices(shape) + shifts
    inside = np.all([(p >= 0) & (p <= n - 1) for p, n in zip(places, shape, strict=True)], axis=0)
    for axis in range(3):
        ramp = np.indices(shape)[axis].astype(np.float32)
        out, labels = sampled(Augmentation(np.eye(3), np.zeros(3), elastic=field), ramp, spacing)
        np.testing.assert_allclose(out[inside], places[axis][inside], atol=1e-5)
        np.testing.assert_array_equal(labels[inside], np.floor(places[axis][inside] + 0.5))
    assert inside.mean() > 0.5


def test_everything_that_is_sampled_bends_alike_and_before_it_is_turned():
    random = np.random.default_rng(0)
    image = random.integers(0, 5, (2, 8, 9, 10)).astype(np.float32)
    labels, classes = (image[channel].astype(np.uint8) for channel in range(2))
    bent = ElasticField(0.8, 4.0, 5).lattice((6, 6, 6), (1.0, 1.0, 1.0))
    matrix = np.array([[0, 1.0, 0], [-1.0, 0, 0], [0, 0, 1.0]])
    offset = np.array([0.3, 7.0, 1.2])
    found, moved, tube, moved_classes = sample_affine(
        image, labels, labels, matrix, offset, (6, 6, 6), fill=[0.0, 0.0], classes=classes, bent=bent
    )
    shifts = shifts_of(ElasticField(0.8, 4.0, 5), (6, 6, 6), (1.0, 1.0, 1.0))
    places = np.einsum("ab,bzyx->azyx", matrix, np.indices((6, 6, 6)) + shifts) + offset.reshape(3, 1, 1, 1)
    nearest = np.floor(places + 0.5).astype(int)
    inside = np.all([(p >= 0) & (p < n) for p, n in zip(nearest, labels.shape, strict=True)], axis=0)
    for its, plain in ((moved, labels), (tube, labels), (moved_classes, classes)):
        expected = plain[tuple(np.clip(p, 0, n - 1) for p, n in zip(nearest, labels.shape, strict=True))]
        np.testing.assert_array_equal(its, np.where(inside, expected, 0))
    second = sample_affine(image[1:], labels, labels, matrix, offset, (6, 6, 6), fill=[0.0], bent=bent)[0]
    np.testing.assert_array_equal(found[1:], second)


def test_a_shift_has_the_size_it_is_said_to_have_on_any_grid():
    for shape, spacing, share in (((24, 24, 24), (1.0, 1.0, 1.0), 0.19), ((64, 64), (0.5, 2.0), 0.28)):
        fields = [shifts_of(ElasticField(3.0, 8.0, seed), shape, spacing)[-len(shape) :] for seed in range(40)]
        in_mm = np.array(fields) * np.reshape(spacing, (-1, *[1] * len(shape)))
        assert np.abs(in_mm).max() <= 3
        np.testing.assert_allclose(in_mm.std() / 3, share, atol=0.02)


def test_nothing_folds_at_the_largest_shift_allowed():
    spacing = (1.0, 1.0, 1.0)
    for seed in range(20):
        shifts = shifts_of(ElasticField(0.4 * 5, 5.0, seed), (16, 16, 16), spacing)
        slopes = np.array([[np.diff(s, axis=axis)[:15, :15, :15] for axis in range(3)] for s in shifts])
        jacobian = np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(3)
        assert np.linalg.det(jacobian).min() > 0
    with pytest.raises(ValidationError, match=r"magnitude_mm 4 may fold tissue over itself; keep it within 0\.4"):
        settings_of(elastic={"probability": 1, "magnitude_mm": (0, 4), "correlation_mm": 5})


def test_a_sample_kept_as_it_lies_is_not_bent():
    drawn = draw_augmentation(
        settings_of(elastic={"probability": 1}, noise={"probability": 1}), 2, np.random.default_rng(0)
    )
    assert drawn.elastic
    assert drawn.in_place().elastic == drawn.elastic
    assert drawn.as_it_lies().elastic is None
    assert drawn.as_it_lies().grey_changes == drawn.grey_changes


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"scaling": {"zoom": (0, 1)}}, "two positive numbers, the smaller first"),
        ({"noise": {"sd": (0.2, 0.1)}}, "two numbers, none negative, the smaller first"),
        ({"low_resolution": {"factor": (0.5, 2)}}, "factor 2 would be a finer grid"),
        ({"blur": {"sigma": (0, 1)}}, "blur.sigma"),
    ],
)
def test_settings_that_cannot_be_are_refused(section, message):
    with pytest.raises(ValidationError, match=message):
        settings_of(**section)
