from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.scales import scale_measures, score_scales
from ramify.vessels.scale_settings import ScaleSettings
from tests.metrics.drawn_masks import mask_pairs


def tubes(*half_widths: int, gap: int = 20, first: int = 2, last: int = 37) -> np.ndarray:
    """Square tubes along the last axis, side by side, 2 w + 1 voxels wide."""
    mask = np.zeros((gap, gap * len(half_widths), 40), dtype=bool)
    for number, half in enumerate(half_widths):
        middle = gap * number + gap // 2
        mask[gap // 2 - half : gap // 2 + half + 1, middle - half : middle + half + 1, first : last + 1] = True
    return mask


def scored(
    prediction: np.ndarray,
    target: np.ndarray,
    spacing_mm: Sequence[float] | None = None,
    quantiles: tuple[float, ...] = (0.5,),
) -> dict[str, float | None]:
    spacing = spacing_mm or (1.0,) * target.ndim
    setting = ScaleSettings(quantiles=quantiles, fill_cavities_mm3=0.0, weigh="branches")
    analyses = [MaskAnalysis(mask, spacing, scale_settings=setting) for mask in (prediction, target)]
    return dict(score_scales(analyses[0], analyses[1]))


# A thin, a middling and a thick vessel.
THREE = tubes(1, 2, 4)


def only(number: int) -> np.ndarray:
    """The tube of that number in THREE."""
    mask = np.zeros_like(THREE)
    mask[:, 20 * number : 20 * number + 20] = THREE[:, 20 * number : 20 * number + 20]
    return mask


def test_names_for_any_number_of_scales():
    assert [measure.name for measure in scale_measures(1)] == [
        "scale_1_sensitivity",
        "scale_1_dice",
        "scale_1_tsens",
        "scale_1_length_recall",
        "scale_1_radius_error",
        "scale_1_radius_error_mm",
        "stray_share",
    ]
    for quantiles in ((), (0.5,), (0.25, 0.75), (0.2, 0.4, 0.6, 0.8)):
        scores = scored(THREE, THREE, quantiles=quantiles)
        assert list(scores) == [measure.name for measure in scale_measures(len(quantiles) + 1)]


def test_a_perfect_prediction():
    scores = scored(THREE, THREE, quantiles=(0.25, 0.75))
    for name, value in scores.items():
        assert value == (0.0 if "error" in name or name == "stray_share" else 1.0)


def test_each_scale_is_the_vessels_of_its_size():
    for missed in range(3):
        scores = scored(THREE & ~only(missed), THREE, quantiles=(0.25, 0.75))
        for scale in range(3):
            found = 0.0 if scale == missed else 1.0
            for measure in ("sensitivity", "dice", "tsens", "length_recall"):
                assert scores[f"scale_{scale + 1}_{measure}"] == found
            assert scores[f"scale_{scale + 1}_radius_error"] == 1.0 - found


def test_a_missed_scale_has_its_radius_as_error():
    scores = scored(THREE & ~only(2), THREE, (0.5, 0.5, 0.5), quantiles=(0.25, 0.75))
    # Nine voxels of half a millimetre: the wall is 2.25 mm from the axis, the next background voxel 2.5 mm.
    assert scores["scale_3_radius_error_mm"] == pytest.approx(2.4, abs=0.15)


def test_half_of_a_vessel():
    half = only(2).copy()
    half[:, :, 20:] = False
    scores = scored(only(0) | half, only(0) | only(2))
    assert scores["scale_1_sensitivity"] == scores["scale_1_dice"] == 1.0
    assert scores["scale_2_sensitivity"] == pytest.approx(18 / 36)
    assert scores["scale_2_dice"] == pytest.approx(2 * 18 / (18 + 36))
    # The centreline of the whole runs from about 6 to 33; of the half it ends some four voxels before the cut, and is
    # matched for another radius.
    assert scores["scale_2_tsens"] == pytest.approx((20 - 6) / 28, abs=0.04)
    assert scores["scale_2_length_recall"] == pytest.approx((20 - 6) / 27, abs=0.08)


def test_a_thicker_prediction_lowers_dice_of_its_scale_alone():
    thick = tubes(1, 5)
    target = tubes(1, 4)
    scores = scored(thick, target)
    assert scores["scale_1_dice"] == scores["scale_2_sensitivity"] == 1.0
    assert scores["scale_2_dice"] == pytest.approx(2 * 81 / (81 + 121))
    assert scores["scale_2_radius_error_mm"] == pytest.approx(1.0, abs=0.02)
    assert scores["scale_2_radius_error"] == pytest.approx(1.0 / 4.6, abs=0.03)
    assert scores["scale_1_radius_error_mm"] == scores["stray_share"] == 0.0


def test_a_predicted_voxel_belongs_to_the_nearest_vessel_within_its_thickness():
    target = tubes(1, 4)
    # Tubes around columns 10 (9 to 11) and 30 (26 to 34), as thick as round ones of 3.4 and 10.2 voxels.
    for column, territory in ((14, 1), (15, None), (18, None), (19, 2), (35, 2)):
        prediction = target.copy()
        prediction[10, column, 20] = True
        scores = scored(prediction, target)
        for scale, size in ((1, 9 * 36), (2, 81 * 36)):
            extra = int(territory == scale)
            assert scores[f"scale_{scale}_dice"] == pytest.approx(2 * size / (2 * size + extra))
        assert scores["stray_share"] == pytest.approx((territory is None) / (90 * 36 + 1))


def test_a_voxel_as_near_to_both_is_the_smaller_scales():
    target = np.zeros((12, 30), dtype=bool)
    target[1:3] = True
    target[6:10] = True
    prediction = target.copy()
    prediction[4, 15] = True
    for axis in (None, 0, 1):
        pair = [mask if axis is None else np.flip(mask, axis) for mask in (prediction, target)]
        scores = scored(*pair)
        assert scores["scale_1_dice"] == pytest.approx(120 / 121)
        assert scores["scale_2_dice"] == 1.0


def test_a_vessel_swallowed_by_a_blob_is_covered_but_not_matched():
    target = tubes(1, 4)
    blob = np.zeros_like(target)
    blob[4:17, 9:22, :] = True
    scores = scored(blob, target)
    assert scores["scale_1_sensitivity"] == scores["scale_1_tsens"] == 1.0
    assert scores["scale_1_length_recall"] == 0.0
    assert scores["scale_1_radius_error"] == 1.0


def test_coarse_slices_count_as_one_voxel():
    target = np.zeros((7, 9, 30), dtype=bool)
    target[3, 3:6, 2:28] = True
    aside = np.roll(target, 1, axis=0)
    # One slice is 5 mm, far more than the vessel is thick, but no more than a voxel.
    scores = scored(aside, target, (5.0, 0.5, 0.5), quantiles=())
    assert scores["scale_1_length_recall"] == 1.0
    assert scores["stray_share"] == 0.0
    assert scored(np.roll(target, 2, axis=0), target, (5.0, 0.5, 0.5), quantiles=())["stray_share"] == 1.0


def test_scales_without_vessels_have_no_values():
    equal = tubes(2, 2, 2)
    scores = scored(equal, equal, quantiles=(0.25, 0.75))
    absent = {name for name, value in scores.items() if value is None}
    assert absent == {name for name in scores if name.startswith(("scale_2", "scale_3"))}
    assert scores["scale_1_dice"] == 1.0


def test_empty_masks():
    empty = np.zeros_like(THREE)
    names = [measure.name for measure in scale_measures(2)]
    assert scored(empty, empty) == {**dict.fromkeys(names), "stray_share": 0.0}
    assert scored(THREE, empty) == {**dict.fromkeys(names), "stray_share": 1.0}
    missed = scored(empty, THREE)
    assert missed["stray_share"] == missed["scale_1_dice"] == missed["scale_2_length_recall"] == 0.0
    assert missed["scale_1_radius_error"] == missed["scale_2_radius_error"] == 1.0


def test_a_vessel_thinned_to_a_point_counts_by_its_points():
    target = tubes(3)
    target[2, 2, 2] = True
    scores = scored(tubes(3), target)
    assert scores["scale_1_length_recall"] == scores["scale_1_tsens"] == 0.0
    assert scored(target, target)["scale_1_length_recall"] == 1.0


@settings(deadline=None, max_examples=60)
@given(mask_pairs(), st.sampled_from([(), (0.5,), (0.25, 0.75)]))
def test_scales_add_up_to_the_whole(pair: tuple[np.ndarray, np.ndarray], quantiles: tuple[float, ...]):
    prediction, target = pair
    spacing = (0.5, 2.0, 1.5)[: target.ndim]
    scores = scored(prediction, target, spacing, quantiles)
    for name, value in scores.items():
        assert value is None or (value >= 0 and (value <= 1 or "radius_error" in name))
    if not target.any():
        return
    analysis = MaskAnalysis(
        target, spacing, scale_settings=ScaleSettings(quantiles=quantiles, fill_cavities_mm3=0.0, weigh="branches")
    )
    labels, skeleton = analysis.decomposition.scale_map, analysis.skeleton
    whole = {"sensitivity": (analysis.inside, prediction), "tsens": (skeleton, prediction)}
    for name, (counted, other) in whole.items():
        size = np.bincount(labels[counted], minlength=len(quantiles) + 2)[1:]
        shares = [scores[f"scale_{scale + 1}_{name}"] for scale in range(len(size))]
        assert [share is None for share in shares] == (size == 0).tolist()
        total = sum(share * voxels for share, voxels in zip(shares, size) if share is not None)
        assert total == pytest.approx(np.count_nonzero(counted & other[analysis.box]))
    twice = scored(prediction, target, tuple(2 * side for side in spacing), quantiles)
    for name, value in scores.items():
        if value is None:
            assert twice[name] is None
        else:
            assert twice[name] == pytest.approx(value * (2 if name.endswith("_mm") else 1), rel=1e-9)
