"""Numbers over the cases of a data set."""

import numpy as np
import pytest

from ramify.planning.fingerprint import POINTS, Calibres, Fingerprint, mean_side
from tests.planning.made_cases import case, of


def test_calibres_count_by_length():
    # A quarter of the length is 1 mm thick, the rest 4 mm.
    calibres = Calibres.of(np.array([4.0, 1.0]), np.array([30.0, 10.0]))
    assert calibres.length_mm == 40
    assert len(calibres.diameters_mm) == POINTS
    assert calibres.share_thinner(1.0) == 0
    assert calibres.share_thinner(2.0) == 0.25
    assert calibres.share_thinner(5.0) == 1


def test_a_case_counts_by_the_length_of_its_vessels():
    short = case((9, 9), (1.0, 1.0), [1.0])
    long = case((9, 9), (1.0, 1.0), [4.0] * 3)
    assert of(short, long).share_thinner(2.0) == 0.25
    assert of(short, long).diameters_mm([0.2, 0.3]) == [1.0, 4.0]


def test_no_vessel_is_thinner_than_anything():
    empty = case((9, 9), (1.0, 1.0), [])
    assert of(empty).share_thinner(2.0) == 0
    assert of(empty).diameters_mm([0.5]) == []
    assert of(empty).summary()["vessels"]["diameter_mm"] == {}


def test_a_voxel_is_measured_by_the_cube_as_large():
    assert mean_side((8.0, 1.0, 1.0)) == pytest.approx(2.0)
    assert mean_side((4.0, 1.0)) == pytest.approx(2.0)


def test_the_summary_has_medians_and_calibres_in_voxels():
    first, second = case((10, 20, 20), (2.0, 1.0, 1.0), [3.0]), case((20, 20, 20), (4.0, 1.0, 1.0), [3.0])
    summary = of(first, second).summary()
    assert summary["spacing_mm"] == {"median": [3, 1, 1], "least": [2, 1, 1], "most": [4, 1, 1]}
    assert summary["shape"]["median"] == [15, 20, 20]
    assert summary["vessels"]["diameter_voxels"]["0.5"] == pytest.approx(3 / 3 ** (1 / 3), rel=1e-5)
    assert summary["greys"]["image"]["vessels"]["mean"] == 150


def test_what_is_written_is_read_again():
    fingerprint = of(case((10, 20), (2.0, 1.0), [3.0, 5.0]))
    assert Fingerprint(cases=fingerprint.as_json()["cases"]) == fingerprint


def test_planes_and_volumes_have_no_fingerprint_together():
    with pytest.raises(ValueError, match="all of 2 or all of 3 axes"):
        of(case((9, 9), (1.0, 1.0), [1.0]), case((9, 9, 9), (1.0, 1.0, 1.0), [1.0]))
