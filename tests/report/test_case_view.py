import pickle

import numpy as np
import pytest

from ramify.data.volume import Volume
from ramify.report.case_view import share_of_scales, view_case
from ramify.report.settings import ReportSettings
from tests.report.drawn_cases import analysed, fork, fork_2d, oblique, without_left_arm


def test_scales_share_what_is_found():
    truth = fork()
    target, prediction = analysed(truth), analysed(without_left_arm(truth))
    shares = share_of_scales(prediction, target)
    assert sum(share.voxels for share in shares) == truth.sum()
    assert sum(share.branches for share in shares) == len(target.decomposition.radii_mm)
    found = sum(share.voxels * share.sensitivity for share in shares if share.sensitivity is not None)
    assert found == pytest.approx((truth & prediction.mask).sum())
    assert shares[-1].sensitivity == 1.0
    assert shares[0].radii.startswith("r ≤ ")
    assert shares[-1].radii.startswith("r > ")


def test_shares_are_those_of_the_measures():
    from ramify.metrics.scales import score_scales

    truth = fork()
    target, prediction = analysed(truth), analysed(without_left_arm(truth))
    scores = score_scales(prediction, target)
    for number, share in enumerate(share_of_scales(prediction, target), start=1):
        assert share.sensitivity == scores[f"scale_{number}_sensitivity"]


def test_a_view_is_small_and_travels():
    truth = fork()
    view = view_case(analysed(without_left_arm(truth)), analysed(truth), oblique(truth))
    content = pickle.dumps(view)
    assert len(content) < 100_000
    assert pickle.loads(content) == view
    assert view.geometry == "13 × 40 × 31 voxels of 2 × 0.75 × 1.25 mm"
    assert len(view.pictures) == 3
    assert view.scene is not None
    assert view.truth_radii_mm == tuple(analysed(truth).decomposition.radii_mm.tolist())


def test_no_surface_where_none_is_wanted_or_there_can_be_none():
    truth = fork()
    flat = ReportSettings(surfaces=0)
    assert view_case(analysed(truth), analysed(truth), oblique(truth), flat).scene is None
    plane = fork_2d()
    pair = analysed(plane, (1.0, 1.0)), analysed(plane, (1.0, 1.0))
    view = view_case(*pair, Volume(plane, (1.0, 1.0)))
    assert view.scene is None
    assert len(view.pictures) == 1


def test_empty_masks_have_no_radii():
    truth = fork()
    nothing = np.zeros_like(truth)
    missed = view_case(analysed(nothing), analysed(truth), oblique(truth))
    assert missed.prediction_radii_mm == ()
    assert [share.sensitivity for share in missed.scales] == [0.0 if share.voxels else None for share in missed.scales]
    both = view_case(analysed(nothing), analysed(nothing), oblique(truth))
    assert (both.scales, both.pictures, both.scene, both.notes) == ((), (), None, ())
    with pytest.raises(ValueError, match="report: expected masks of shape"):
        view_case(analysed(nothing), analysed(truth[1:]), oblique(truth))
