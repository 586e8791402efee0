import numpy as np
import pytest
from hypothesis import given

from metrics.masks import Mask, check_pair, check_spacing, joint_box
from tests.metrics.drawn_masks import drawn, mask_pairs


def test_joint_box_is_one_voxel_wider_than_both_masks():
    prediction, target = np.zeros((2, 9, 9), dtype=bool)
    prediction[2, 3] = True
    target[4, 6] = True
    assert joint_box(prediction, target) == (slice(1, 6), slice(2, 8))


def test_joint_box_stops_at_the_border():
    mask = drawn("""
        #..
        ...
        ..#
    """)
    assert joint_box(mask, mask) == (slice(0, 3), slice(0, 3))


def test_joint_box_of_empty_masks_is_empty():
    empty = np.zeros((3, 4, 5), dtype=bool)
    assert empty[joint_box(empty, empty)].size == 0


@given(mask_pairs())
def test_joint_box_holds_every_voxel(pair: tuple[Mask, Mask]):
    box = joint_box(*pair)
    assert [np.count_nonzero(mask[box]) for mask in pair] == [np.count_nonzero(mask) for mask in pair]


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
