"""Values and labels at other places, one axis at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ramify.preprocessing.interpolation import centres, interpolate, interpolate_labels, resample


def test_doubling_puts_new_centres_at_a_quarter_and_three_quarters():
    # Edges aligned: the new centres lie at -0.25, 0.25, 0.75, 1.25 old voxels.
    np.testing.assert_allclose(resample(np.array([0.0, 1.0]), [4]), [0, 0.25, 0.75, 1])


def test_halving_takes_the_mean_of_each_pair():
    values = np.array([0.0, 2.0, 10.0, 20.0])
    np.testing.assert_allclose(resample(values, [2]), [1, 15])
    np.testing.assert_allclose(resample(values, [2], average=True), [1, 15])


def test_shrinking_threefold_samples_the_centre_or_averages_the_area():
    values = np.array([0.0, 3.0, 6.0, 9.0, 30.0, 0.0])
    np.testing.assert_allclose(resample(values, [2]), [3, 30])
    np.testing.assert_allclose(resample(values, [2], average=True), [3, 13])


def test_averaging_keeps_the_mean_when_the_factor_is_no_integer():
    values = np.arange(35.0).reshape(5, 7) ** 2
    np.testing.assert_allclose(resample(values, [3, 4], average=True).mean(), values.mean(), rtol=1e-6)


def test_a_linear_ramp_stays_on_its_line():
    old, new = 12, 17
    ramp = 3.0 * (np.arange(old) + 0.5)
    expected = 3.0 * (np.arange(new) + 0.5) * old / new
    # The outermost half voxel has no neighbour to interpolate with.
    np.testing.assert_allclose(resample(ramp, [new])[1:-1], expected[1:-1], rtol=1e-5)


def test_one_voxel_fills_any_shape():
    np.testing.assert_array_equal(resample(np.full((1, 1), 7.0), [3, 2]), np.full((3, 2), 7.0))


def test_the_same_shape_is_the_same_values_in_new_memory():
    values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    result = resample(values, values.shape)
    np.testing.assert_array_equal(result, values)
    assert not np.shares_memory(result, values)


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.lists(st.integers(1, 9), min_size=3, max_size=3),
    st.booleans(),
)
def test_values_stay_within_their_range_and_flips_commute(old, new, average):
    values = np.random.default_rng(len(old)).uniform(-1, 1, old)
    shape = new[: len(old)]
    result = resample(values, shape, average)
    assert result.shape == tuple(shape)
    assert result.dtype == np.float32
    assert result.min() >= values.min() - 1e-6
    assert result.max() <= values.max() + 1e-6
    flipped = resample(values[::-1], shape, average)[::-1]
    np.testing.assert_allclose(result, flipped, atol=1e-6)


def test_places_beyond_an_axis_go_on_in_its_steps():
    np.testing.assert_allclose(centres(4, 2), [0.5, 2.5])
    np.testing.assert_allclose(centres(4, 2, before=1, after=2), [-1.5, 0.5, 2.5, 4.5, 6.5])


def test_values_between_voxels_are_on_the_line_between_them():
    values = np.array([[0.0, 10.0, 40.0]])
    np.testing.assert_allclose(interpolate(values, [None, np.array([0.0, 0.5, 1.5, 2.0])]), [[0, 5, 25, 40]])


def test_a_label_is_that_of_the_heaviest_voxel_that_has_one():
    labels = np.array([[1, 0], [2, 3]], np.int32)
    places = [np.array([0.2, 0.6]), np.array([0.3, 0.7])]
    # Weights at (0.2, 0.3): 0.56 of label 1. (0.2, 0.7): 0.56 of none, then 0.24 of 1. (0.6, 0.3): 0.42 of 2.
    # (0.6, 0.7): 0.42 of 3.
    np.testing.assert_array_equal(interpolate_labels(labels, places, np.ones((2, 2), bool)), [[1, 1], [2, 3]])
    wanted = np.array([[False, True], [True, False]])
    np.testing.assert_array_equal(interpolate_labels(labels, places, wanted), [[0, 1], [2, 0]])


def test_no_label_is_wanted_of_an_empty_map():
    empty = np.zeros((0, 0), np.int32)
    places = [np.array([0.5]), np.array([0.5])]
    np.testing.assert_array_equal(interpolate_labels(empty, places, np.zeros((1, 1), bool)), [[0]])
