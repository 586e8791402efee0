import numpy as np
import pytest

from ramify.data.volume import Volume, check_same_geometry, checked_spacing

TURNED = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))  # array y grows along world -x, array x along world y


def volume(shape=(4, 5, 6), spacing_mm=(2.0, 0.5, 1.0), **place):
    return Volume(np.zeros(shape, np.float32), spacing_mm, **place)


def test_place_defaults_to_the_origin_along_the_axes():
    plain = volume()
    assert plain.origin_mm == (0.0, 0.0, 0.0)
    assert plain.direction == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    assert plain.world_mm([[1, 2, 3]]).tolist() == [[2.0, 1.0, 3.0]]


def test_world_position_turns_scales_and_shifts():
    turned = volume(origin_mm=(10.0, 20.0, 30.0), direction=TURNED)
    # index (1, 2, 3) lies 2 mm along z, 1 mm along -x and 3 mm along y from the origin
    assert turned.world_mm([[1, 2, 3]]).tolist() == [[12.0, 23.0, 29.0]]


def test_corners_of_a_plane():
    plane = Volume(np.zeros((3, 2)), (0.5, 2.0), (1.0, 1.0))
    assert plane.corners_mm().tolist() == [[1, 1], [1, 3], [2, 1], [2, 3]]


@pytest.mark.parametrize(
    ("shape", "spacing_mm", "place", "says"),
    [
        ((4,), (1.0,), {}, "2 or 3 dimensions, got 1"),
        ((2, 4, 5, 6), (1.0,) * 4, {}, "2 or 3 dimensions, got 4"),
        ((4, 0, 6), (1.0,) * 3, {}, "holds no voxel"),
        ((4, 5, 6), (1.0, 0.0, 1.0), {}, r"> 0 mm along every axis, got \(1, 0, 1\)"),
        ((4, 5, 6), (1.0, -1.0, 1.0), {}, "> 0 mm"),
        ((4, 5, 6), (1.0, float("nan"), 1.0), {}, "> 0 mm"),
        ((4, 5, 6), (1.0, 1.0), {}, "spacing of 3 numbers"),
        ((4, 5, 6), (1.0,) * 3, {"origin_mm": (1.0, 2.0)}, "origin of 3"),
        ((4, 5, 6), (1.0,) * 3, {"direction": ((1.0, 0.0), (0.0, 1.0))}, "3 x 3 direction"),
        ((4, 5, 6), (1.0,) * 3, {"direction": ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))}, "right angles"),
    ],
)
def test_what_does_not_fit_together_is_refused(shape, spacing_mm, place, says):
    with pytest.raises(ValueError, match=says) as caught:
        volume(shape, spacing_mm, **place)
    assert "\n" not in str(caught.value)


def test_another_array_takes_the_place_if_its_shape_fits():
    turned = volume(origin_mm=(1.0, 2.0, 3.0), direction=TURNED)
    other = turned.with_array(np.ones((4, 5, 6), bool))
    assert (other.spacing_mm, other.origin_mm, other.direction) == (turned.spacing_mm, turned.origin_mm, TURNED)
    with pytest.raises(ValueError, match=r"shape \(4, 5, 6\).*got \(4, 5, 5\)"):
        turned.with_array(np.ones((4, 5, 5)))


def test_equal_grids_and_float32_headers_pass():
    single = tuple(float(np.float32(side)) for side in (1.6, 0.743, 0.743))
    check_same_geometry(volume((119, 512, 512), (1.6, 0.743, 0.743)), volume((119, 512, 512), single), "CT", "mask")


@pytest.mark.parametrize(("shift_mm", "fits"), [(0.049, True), (0.051, False), (291.0, False)])
def test_a_shift_is_allowed_up_to_a_tenth_of_the_finest_side(shift_mm, fits):
    a, b = volume(), volume(origin_mm=(0.0, 0.0, shift_mm))
    if fits:
        check_same_geometry(a, b, "CT", "mask")
    else:
        with pytest.raises(ValueError, match=f"{shift_mm:.4g} mm apart, 0.05 mm allowed"):
            check_same_geometry(a, b, "CT", "mask")


def test_thick_voxels_do_not_excuse_more_than_a_tenth_of_a_millimetre():
    with pytest.raises(ValueError, match=r"0\.1 mm allowed"):
        check_same_geometry(volume((2, 2), (5.0, 5.0)), volume((2, 2), (5.0, 5.0), origin_mm=(0.2, 0.0)), "CT", "mask")


def test_a_flip_that_leaves_the_origin_is_seen():
    flipped = volume(direction=((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    with pytest.raises(ValueError, match="corners lie up to 12 mm apart"):
        check_same_geometry(volume(), flipped, "CT", "mask")


def test_the_error_shows_both_grids_and_the_remedy_on_one_line():
    with pytest.raises(ValueError, match="shapes differ") as caught:
        check_same_geometry(volume(), volume((4, 5, 7), (1.0, 1.0, 3.0)), "CT", "vessel mask")
    for part in (
        "CT has shape 4 x 5 x 6, spacing (2, 0.5, 1) mm",
        "vessel mask has shape 4 x 5 x 7, spacing (1, 1, 3)",
    ):
        assert part in str(caught.value)
    assert "--resample-masks" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_and_a_plane_do_not_meet():
    with pytest.raises(ValueError, match="shapes differ"):
        check_same_geometry(volume(), Volume(np.zeros((5, 6)), (1.0, 1.0)), "CT", "mask")


def test_checked_spacing_names_its_owner():
    assert checked_spacing([1, 2], 2) == (1.0, 2.0)
    with pytest.raises(ValueError, match=r"scan\.nii: spacing"):
        checked_spacing([1, 0], 2, "scan.nii")
