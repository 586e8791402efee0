"""Crop, voxel size and grey values that a fingerprint asks for."""

import pytest

from ramify.planning.preparation import alternatives, plan_preparation
from ramify.planning.voxel_size import acquired_mm, choose_voxel_size, voxel_sizes
from tests.planning.made_cases import case, of

THIN, WIDE = [2.0] * 10 + [4.0] * 10, [5.0] * 20


def chosen(fingerprint, named=()):
    return {choice.key.removeprefix("preprocessing."): choice.value for choice in plan_preparation(fingerprint, named)}


def test_thin_vessels_keep_the_voxels_as_they_were_acquired():
    fingerprint = of(case((100, 512, 512), (1.6, 0.7, 0.7), THIN), case((100, 512, 512), (1.2, 0.8, 0.8), THIN))
    # Half of the length is 2 mm thick, less than three voxels of the mean side 0.93 mm: nothing coarser will do.
    assert chosen(fingerprint)["grid.spacing_mm"] == (1.4, 0.75, 0.75)


def test_where_all_cases_have_one_voxel_size_nothing_is_resampled():
    assert chosen(of(*[case((100, 512, 512), (1.6, 0.7, 0.7), THIN)] * 2))["grid.spacing_mm"] is None


def test_wide_vessels_allow_coarser_voxels_fine_axes_first():
    # Of 5 mm: three voxels of up to 1.67 mm. Twice the finest side is 1.2 mm cubes, three times 1.8 mm.
    fingerprint = of(case((200, 300, 300), (1.0, 0.6, 0.6), WIDE))
    sizes = voxel_sizes(fingerprint)
    assert [size.spacing_mm for size in sizes[:4]] == [(1, 0.6, 0.6), (1, 0.75, 0.75), (1, 0.9, 0.9), (1.2, 1.2, 1.2)]
    assert choose_voxel_size(sizes).spacing_mm == (1.2, 1.2, 1.2)


def test_a_tail_of_vessels_that_would_vanish_forbids_coarser_voxels():
    # One in twenty of them is 0.8 mm thick: gone from voxels of 0.6 mm, and of all coarser ones.
    fingerprint = of(case((200, 300, 300), (0.5, 0.5, 0.5), [5.0] * 19 + [0.8]))
    assert choose_voxel_size(voxel_sizes(fingerprint)).spacing_mm == (0.5, 0.5, 0.5)


def test_of_thick_slices_of_several_thicknesses_a_fine_one_is_taken():
    thick = [case((40, 300, 300), (side, 0.7, 0.7), WIDE) for side in (2.0, 5.0, 5.0, 5.0, 5.0)]
    assert acquired_mm(of(*thick)) == (pytest.approx(3.2), 0.7, 0.7)
    assert acquired_mm(of(*thick[1:])) == (5, 0.7, 0.7)


def test_the_box_of_an_organ_is_cut_out_where_it_spares_voxels():
    small = case((100, 512, 512), (1.0, 1.0, 1.0), THIN, box=(80, 250, 250))
    assert chosen(of(small))["grid.crop"] == "organ"
    assert chosen(of(case((100, 100), (1.0, 1.0), THIN, box=(95, 98))))["grid.crop"] == "volume"
    assert chosen(of(small, case((100, 512, 512), (1.0, 1.0, 1.0), THIN, organ=False)))["grid.crop"] == "volume"


def test_the_window_of_a_ct_holds_vessels_and_what_is_around_them():
    # Vessels 80 to 220 HU, the organ -40 to 180: their 0.5th and 99.5th percentiles, out to whole tens.
    found = chosen(of(case((9, 9, 9), (1.0, 1.0, 1.0), THIN)))
    assert (found["intensity.method"], found["intensity.window"]) == ("window", (-40, 220))
    # Without an organ as much room below and above as the vessels' own 138.6 HU.
    alone = chosen(of(case((9, 9, 9), (1.0, 1.0, 1.0), THIN, organ=False)))
    assert alone["intensity.window"] == (-60, 360)


def test_grey_values_without_a_unit_are_scaled_by_each_image():
    found = chosen(of(case((9, 9), (1.0, 1.0), THIN, lowest=0.0)))
    assert found["intensity.method"] == "percentile"
    assert "intensity.window" not in found
    # A CT of a region without air is told by its channel's name.
    assert chosen(of(case((9, 9), (1.0, 1.0), THIN, lowest=0.0, channel="CTA")))["intensity.method"] == "window"
    assert chosen(of(case((9, 9), (1.0, 1.0), THIN, lowest=0.0, channel="actin")))["intensity.method"] == "percentile"


def test_what_is_named_stays():
    fingerprint = of(case((9, 9, 9), (1.0, 1.0, 1.0), THIN))
    grid = {"preprocessing.grid.crop", "preprocessing.grid.size"}
    assert set(chosen(fingerprint, grid)) == {"intensity.method", "intensity.window"}
    assert set(chosen(fingerprint, {"preprocessing.intensity.window"})) == {"grid.crop", "grid.spacing_mm"}


def test_the_alternatives_say_what_share_of_the_vessels_is_too_thin():
    # In voxels of 2 mm, 1.5 of them are 3 mm: half of the length is thinner, and all of it than three of them.
    lines = alternatives(of(case((9, 9, 9), (1.0, 1.0, 1.0), THIN)), spacing_mm=(2.0, 2.0, 2.0))
    assert lines[0] == "voxels:   2 x 2 x 2 mm: 50.0 % of vessel length is thinner than 1.5 voxels, 100 % than 3"
    assert lines[1].startswith("voxels:   1 x 1 x 1 mm: 0.0 % of vessel length")
