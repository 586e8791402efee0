import numpy as np
import pytest

from ramify.metrics.masks import check_mask, check_pair, check_spacing


@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        (
            np.zeros((2, 2), np.float32),
            np.zeros((2, 2), bool),
            "prediction: expected a boolean array, got dtype float32",
        ),
        (np.zeros((2, 2), bool), np.zeros((2, 2), np.uint8), "target: expected a boolean array, got dtype uint8"),
        ([[True]], np.zeros((1, 1), bool), "prediction: expected a boolean array, got list"),
        (np.zeros((2, 3), bool), np.zeros((3, 2), bool), r"prediction has shape \(2, 3\), target has shape \(3, 2\)"),
        (np.zeros((0, 3), bool), np.zeros((0, 3), bool), "expected at least one voxel"),
    ],
)
def test_bad_pairs_are_refused_in_one_line(prediction, target, message):
    with pytest.raises(ValueError, match=message) as refusal:
        check_pair(prediction, target)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), (1.0, -2.0), (1.0, float("nan")), (1.0, float("inf"))])
def test_bad_spacings_are_refused(spacing):
    with pytest.raises(ValueError, match="spacing_mm: expected 2 positive numbers"):
        check_spacing(spacing, 2)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((2, 2), np.uint8), "liver: expected a boolean array, got dtype uint8"),
        (np.zeros(3, bool), r"liver: expected 2 or 3 dimensions and at least one voxel, got shape \(3,\)"),
        (np.zeros((2, 2, 2, 2), bool), "liver: expected 2 or 3 dimensions"),
        (np.zeros((3, 0), bool), "at least one voxel"),
    ],
)
def test_bad_masks_are_refused_by_name(mask, message):
    with pytest.raises(ValueError, match=message):
        check_mask(mask, "liver")
