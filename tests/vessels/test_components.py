"""Connected components held against scipy's labelling, number for number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from ramify.vessels.components import label_components


def test_corners_connect_and_gaps_do_not() -> None:
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1]], dtype=bool)
    labels, count = label_components(mask)
    np.testing.assert_array_equal(labels, [[1, 0, 0, 2], [0, 1, 0, 2]])
    assert count == 2


def test_arms_that_meet_late_are_one_component() -> None:
    mask = np.array([[1, 0, 1, 0, 1], [1, 0, 1, 0, 1], [1, 1, 1, 1, 1]], dtype=bool)
    for plane in (mask, mask[:, ::-1], mask[::-1], mask.T):
        labels, count = label_components(plane)
        assert count == 1
        np.testing.assert_array_equal(labels, plane)


@settings(max_examples=200, deadline=None)
@given(
    shape=hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=14),
    seed=st.integers(0, 2**32 - 1),
    density=st.floats(0.02, 0.9),
)
def test_labels_equal_scipys(shape: tuple[int, ...], seed: int, density: float) -> None:
    mask = np.random.default_rng(seed).random(shape) < density
    labels, count = label_components(mask)
    expected, expected_count = ndimage.label(mask, np.ones((3,) * mask.ndim))
    assert count == expected_count
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, expected)


def test_thousands_of_components_are_counted() -> None:
    mask = np.zeros((21, 61, 61), dtype=bool)
    mask[::2, ::2, ::2] = True
    labels, count = label_components(mask)
    assert count == 11 * 31 * 31
    np.testing.assert_array_equal(labels[mask], np.arange(1, count + 1))


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5), (0, 3, 3)])
def test_empty_mask_has_no_components(shape: tuple[int, ...]) -> None:
    labels, count = label_components(np.zeros(shape, dtype=bool))
    assert labels.shape == shape
    assert count == 0
    assert not labels.any()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((2, 2)), "expected a boolean array, got dtype float64"),
        (np.ones(3, dtype=bool), r"expected 2 or 3 dimensions, got shape \(3,\)"),
        (np.ones((1, 1, 2, 2), dtype=bool), r"expected 2 or 3 dimensions, got shape \(1, 1, 2, 2\)"),
    ],
)
def test_what_is_no_mask_is_refused(mask: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        label_components(mask)
