"""How often each axis of a patch is halved."""

import pytest

from ramify.planning.pooling import halvings_of


@pytest.mark.parametrize(
    ("size", "spacing_mm", "expected"),
    [
        ((64, 64, 64), (1, 1, 1), (4, 4, 4)),  # 4 voxels are left
        ((128, 128, 128), (1, 1, 1), (5, 5, 5)),
        ((512, 512), (1, 1), (5, 5)),  # five levels at most
        ((63, 64, 64), (1, 1, 1), (3, 4, 4)),  # the seventh of 63 halvings by three would leave 3
        ((40, 300, 300), (5, 0.7, 0.7), (3, 5, 5)),  # 0.7, 1.4, 2.8 mm in the plane before slices of 5 mm are joined
        ((64, 128, 128), (1.6, 0.743, 0.743), (4, 5, 5)),  # 1.6 mm is more than twice 0.743 mm
        ((64, 128, 128), (1.4, 0.743, 0.743), (4, 5, 5)),  # less than twice, but 64 voxels have no fifth halving
        ((7, 64, 64), (1, 1, 1), (0, 4, 4)),
    ],
)
def test_sides_are_halved_until_all_are_about_as_long(size, spacing_mm, expected):
    assert halvings_of(size, spacing_mm) == expected


def test_a_size_that_stays_is_halved_while_it_is_even():
    assert halvings_of((48, 60, 50), (1, 1, 1), exactly=True) == (3, 2, 1)


def test_levels_that_are_asked_for_are_taken():
    assert halvings_of((16, 16, 16), (1, 1, 1), levels=4) == (4, 4, 4)
    assert halvings_of((16, 16, 16), (4, 1, 1), levels=3) == (1, 3, 3)
