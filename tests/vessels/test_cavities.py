"""Small cavities are filled, whatever else is open stays open."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from ramify.vessels.cavities import fill_cavities


def by_labels(mask: np.ndarray, most: int) -> np.ndarray:
    """The same by SciPy: components of the background, with a rim around, of so few voxels."""
    labels, _ = ndimage.label(np.pad(~mask, 1, constant_values=True))
    size = np.bincount(labels.ravel())
    size[[0, labels[(0,) * mask.ndim]]] = most + 1
    small = (size <= most)[labels]
    return mask | small[(slice(1, -1),) * mask.ndim]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([(9, 9), (2, 8, 8), (6, 6, 6), (3, 5, 7)]).flatmap(
        lambda shape: arrays(bool, shape, elements=st.sampled_from([True, True, True, False]))
    ),
    st.integers(0, 6),
)
def test_cavities_are_those_of_labelled_background(mask: np.ndarray, most: int) -> None:
    np.testing.assert_array_equal(fill_cavities(mask, (1.0,) * mask.ndim, most), by_labels(mask, most))


def test_size_is_measured_in_cubic_millimetres() -> None:
    mask = np.ones((7, 7, 9), bool)
    mask[3, 3, 3:6] = False  # three voxels of 0.5 mm³
    assert not fill_cavities(mask, (2.0, 0.5, 0.5), 1.4)[3, 3, 4]
    assert fill_cavities(mask, (2.0, 0.5, 0.5), 1.5).all()


def test_a_way_out_at_the_border_of_the_volume_is_no_cavity() -> None:
    mask = np.ones((5, 5, 5), bool)
    mask[2, 2, 3:] = False
    assert fill_cavities(mask, (1.0, 1.0, 1.0), 100.0) is mask


def test_a_single_slice_in_3d_is_a_plane_as_for_thinning() -> None:
    mask = np.ones((1, 5, 5), bool)
    mask[0, 2, 2] = False
    assert fill_cavities(mask, (1.0, 1.0, 1.0)).all()
    assert fill_cavities(mask[0], (1.0, 1.0)).all()


@pytest.mark.parametrize("largest", [1e12, 1e300, np.inf])
def test_however_large_a_cavity_may_be(largest: float) -> None:
    mask = np.ones((9, 9, 9), bool)
    mask[1:8, 1:8, 1:8] = False
    assert fill_cavities(mask, (1.0, 1.0, 1.0), largest).all()


@pytest.mark.parametrize("mask", [np.zeros((4, 4, 4), bool), np.ones((4, 4, 4), bool), np.zeros((0, 3), bool)])
def test_nothing_to_fill(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(fill_cavities(mask, (1.0,) * mask.ndim, 8.0), mask)


def test_the_given_mask_stays() -> None:
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    given_mask = mask.copy()
    assert fill_cavities(mask, (1.0, 1.0), 8.0).all()
    np.testing.assert_array_equal(mask, given_mask)


@pytest.mark.parametrize("largest", [-1.0, np.nan])
def test_a_volume_that_is_none_is_refused(largest: float) -> None:
    with pytest.raises(ValueError, match="expected 0 or more"):
        fill_cavities(np.ones((3, 3), bool), (1.0, 1.0), largest)
