import pytest

from ramify.drawing.scale_words import radius_ranges, scale_names


@pytest.mark.parametrize(
    ("count", "names"),
    [(1, ["all vessels"]), (2, ["scale 1", "scale 2"]), (3, ["small", "medium", "large"])],
)
def test_names_of_scales(count, names):
    assert scale_names(count) == names


def test_ranges_leave_no_radius_out():
    assert radius_ranges([1.5, 3.25], 3) == ["r ≤ 1.50 mm", "1.50 < r ≤ 3.25 mm", "r > 3.25 mm"]
    assert radius_ranges([0.00213, 0.1], 3)[1] == "0.0021 < r ≤ 0.10 mm", "of vessels that are micrometres wide"
    assert radius_ranges([], 1) == ["all radii"]
    assert radius_ranges([], 3) == ["no vessel"] * 3
