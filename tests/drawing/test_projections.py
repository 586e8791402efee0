"""A volume seen the right way up, however its array lies."""

import numpy as np
import pytest

from ramify.drawing.projections import frontmost, project_maximum, views_of

STRAIGHT = np.eye(3)


def landmarks():
    """A (z, y, x) volume with towards-head = 1, towards-back = 2, towards-left = 3 at the ends of the axes."""
    volume = np.zeros((5, 7, 9), int)
    volume[4, 3, 4] = 1
    volume[2, 6, 4] = 2
    volume[2, 3, 8] = 3
    return volume


def place(picture, label):
    return tuple(int(index[0]) for index in np.nonzero(picture == label))


def test_head_up_back_down_and_left_at_the_right():
    axial, coronal, sagittal = views_of(STRAIGHT)
    label, _ = frontmost(landmarks(), axial)
    assert label.shape == (7, 9)
    assert place(label, 2) == (6, 4)
    assert place(label, 3) == (3, 8)
    assert axial.edge_letters == ("R", "L", "A", "P")
    label, _ = frontmost(landmarks(), coronal)
    assert label.shape == (5, 9)
    assert place(label, 1) == (0, 4)
    assert place(label, 3) == (2, 8)
    assert coronal.edge_letters == ("R", "L", "S", "I")
    label, _ = frontmost(landmarks(), sagittal)
    assert label.shape == (5, 7)
    assert place(label, 1) == (0, 3)
    assert place(label, 2) == (2, 6)
    assert sagittal.edge_letters == ("A", "P", "S", "I")


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_the_pictures_do_not_depend_on_how_the_array_lies(axes, flips):
    turned = np.flip(landmarks().transpose(axes), flips)
    # Column j of the direction is where array axis j points.
    direction = np.zeros((3, 3))
    for axis, component in enumerate(axes):
        direction[component, axis] = -1 if axis in flips else 1
    for view, straight in zip(views_of(direction), views_of(STRAIGHT)):
        np.testing.assert_array_equal(frontmost(turned, view)[0], frontmost(landmarks(), straight)[0])
        assert view.edge_letters == straight.edge_letters
        spacing = np.array([2.0, 1.0, 0.5])
        assert view.height(turned.shape, spacing[list(axes)]) == straight.height((5, 7, 9), spacing)
        assert view.width(turned.shape, spacing[list(axes)]) == straight.width((5, 7, 9), spacing)


def test_an_oblique_scan_still_has_three_views():
    angle = np.radians(45)
    direction = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    views = views_of(direction)
    assert sorted(view.axis for view in views) == [0, 1, 2]


@pytest.mark.parametrize(
    ("view_index", "near", "far"),
    # From below: the lower slice; from the front: the smaller y; from the left: the larger x.
    [(0, (1, 2, 2), (3, 2, 2)), (1, (2, 1, 2), (2, 3, 2)), (2, (2, 2, 3), (2, 2, 1))],
)
def test_the_vessel_nearest_to_the_viewer_is_seen(view_index, near, far):
    labels = np.zeros((5, 5, 5), int)
    labels[near], labels[far] = 1, 3
    label, depth = frontmost(labels, views_of(STRAIGHT)[view_index])
    assert label[2, 2] == 1
    assert depth[2, 2] == 0
    assert np.count_nonzero(label) == 1


def test_depth_runs_from_the_nearest_to_the_farthest_vessel():
    labels = np.zeros((10, 1, 3), int)
    labels[2, 0, 0] = labels[4, 0, 1] = labels[6, 0, 2] = 1
    _, depth = frontmost(labels, views_of(STRAIGHT)[0])
    np.testing.assert_allclose(depth[0], [0, 0.5, 1])


def test_no_vessel_is_an_empty_picture():
    label, depth = frontmost(np.zeros((3, 4, 5), np.uint8), views_of(STRAIGHT)[1])
    assert not label.any()
    assert not depth.any()


def test_the_projection_is_the_largest_value_inside_the_organ():
    image = np.arange(8.0).reshape(2, 2, 2)
    organ = np.ones(image.shape, bool)
    organ[1, 0, 0] = organ[:, 1, 1] = False
    np.testing.assert_array_equal(project_maximum(image, organ, views_of(STRAIGHT)[0]), [[0, 5], [6, np.nan]])


def test_in_two_dimensions_the_image_is_the_view():
    (view,) = views_of(np.eye(2))
    labels = np.array([[0, 1, 2], [3, 0, 0]])
    label, depth = frontmost(labels, view)
    np.testing.assert_array_equal(label, labels)
    assert not depth.any()
    np.testing.assert_array_equal(project_maximum(labels, labels > 0, view), [[np.nan, 1, 2], [3, np.nan, np.nan]])
