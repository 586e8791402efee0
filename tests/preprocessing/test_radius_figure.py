"""The letter-value plot of branch radii: what is drawn where."""

import numpy as np
import pytest

from ramify.drawing.figure_files import write_figure
from ramify.preprocessing.radius_figure import draw_radii


def test_boxes_lie_where_the_radii_are():
    rng = np.random.default_rng(0)
    radii = {"b": rng.uniform(5, 6, 500), "a": rng.uniform(1, 2, 500)}
    axes = draw_radii(radii).axes[0]
    for position, name in enumerate(("a", "b")):
        boxes = [box.get_bbox() for box in axes.patches if round(box.get_center()[0]) == position]
        # From the tails inwards: the last and widest holds the middle half.
        assert [box.width for box in boxes] == sorted(box.width for box in boxes)
        np.testing.assert_allclose((boxes[-1].y0, boxes[-1].y1), np.quantile(radii[name], (0.25, 0.75)), atol=0.01)
        assert radii[name].min() <= boxes[0].y0 < boxes[0].y1 <= radii[name].max()


def test_no_case_is_told():
    with pytest.raises(ValueError, match="no case to draw"):
        draw_radii({})


@pytest.mark.parametrize("count", [1, 25])
def test_any_number_of_volumes(tmp_path, count):
    write_figure(
        draw_radii({f"a long name of a case {i}": [1.0, 2.0, 3.0] for i in range(count)}), tmp_path / "many.png"
    )
    assert (tmp_path / "many.png").is_file()
