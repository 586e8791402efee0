import numpy as np

from ramify.drawing.projections import views_of
from ramify.drawing.shading import paint_labels


def test_the_nearest_label_is_seen_and_the_farthest_is_darker():
    axial = next(view for view in views_of(np.eye(3).tolist()) if view.title.startswith("axial"))
    labels = np.zeros((3, 1, 3), dtype=np.int16)
    # Seen from below: the first slice is near.
    labels[0, 0, 0] = 1
    labels[2, 0, 0] = 2
    labels[2, 0, 1] = 2
    picture = paint_labels(labels, axial, [(200, 0, 0), (0, 100, 0)], (1, 2, 3))
    np.testing.assert_allclose(picture[0, 0], (200, 0, 0))
    np.testing.assert_allclose(picture[0, 1], (0, 42, 0))
    np.testing.assert_allclose(picture[0, 2], (1, 2, 3))


def test_an_image_is_its_own_view_over_a_picture():
    labels = np.array([[0, 1]])
    ground = np.array([[[7.0, 8.0, 9.0], [7.0, 8.0, 9.0]]])
    view = views_of(np.eye(2).tolist())[0]
    np.testing.assert_allclose(paint_labels(labels, view, [(10, 20, 30)], ground), [[(7, 8, 9), (10, 20, 30)]])
