import numpy as np
import pytest
from hypothesis import example, given, settings

from ramify.metrics.centreline import centreline_overlap, cldice, score_centreline
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask
from ramify.vessels.skeleton import skeletonize
from tests.metrics.drawn_masks import drawn, mask_pairs, random_mask

LINE = drawn("""
    ............
    ............
    .##########.
    ............
    ............
""")


# Filled, its whole skeleton would lie in the hole.
SMALL_RING = drawn("""
    ###
    #.#
    #.#
    ###
""")


def test_a_broken_vessel_lowers_sensitivity_alone():
    broken = LINE.copy()
    broken[2, 4:8] = False
    overlap = centreline_overlap(broken, LINE)
    assert (overlap.tprec, overlap.tsens) == (1.0, 6 / 10)
    assert overlap.cldice == pytest.approx(2 * 0.6 / 1.6)


def test_a_false_branch_lowers_precision_alone():
    extended = drawn("""
        .........###
        ............
        .##########.
        ............
        ###.........
    """)
    overlap = centreline_overlap(extended, LINE)
    assert (overlap.tprec, overlap.tsens) == (10 / 16, 1.0)
    assert overlap.cldice == pytest.approx(2 * 10 / 16 / (1 + 10 / 16))


def test_a_spur_is_counted_on_the_predictions_skeleton():
    spurred = LINE.copy()
    spurred[3:, 5] = True
    skeleton = skeletonize(spurred)
    overlap = centreline_overlap(spurred, LINE)
    assert overlap.tprec == np.count_nonzero(skeleton & LINE) / np.count_nonzero(skeleton) < 1.0
    assert overlap.tsens == 1.0


def tube(row: int) -> Mask:
    mask = np.zeros((7, 15, 24), dtype=bool)
    mask[2:5, row - 1 : row + 2, 2:22] = True
    return mask


def test_a_shift_within_the_wall_costs_nothing_and_one_beyond_it_all():
    assert centreline_overlap(tube(6), tube(5)) == (1.0, 1.0, 1.0)
    apart = centreline_overlap(tube(7), tube(5))
    # The tubes still share a third of their voxels.
    assert np.any(tube(7) & tube(5))
    assert apart == (0.0, 0.0, 0.0)


def test_a_thinner_prediction_keeps_its_centreline():
    thin = np.zeros_like(tube(5))
    thin[3, 5, 2:22] = True
    assert cldice(thin, tube(5)) == 1.0


@pytest.mark.parametrize("coarse", [0, 1, 2])
def test_cldice_has_the_skeletons_of_the_spacing(coarse):
    spacing = tuple(3.0 if axis == coarse else 1.0 for axis in range(3))
    masks = np.zeros((2, 8, 10, 12), bool)
    masks[0, 2:4, 2:6, 1:10] = True
    masks[1, 2:4, 2:4, 1:10] = True
    prediction, target = np.moveaxis(masks, 1, 1 + coarse)
    expected = centreline_overlap(prediction, target, spacing_mm=spacing).cldice
    assert cldice(prediction, target, spacing) == expected != cldice(prediction, target)


def test_empty_masks():
    empty = np.zeros_like(LINE)
    assert centreline_overlap(empty, empty) == (1.0, 1.0, 1.0)
    assert centreline_overlap(empty, LINE) == (0.0, 0.0, 0.0)
    assert centreline_overlap(LINE, empty) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 1, 1), (2, 2, 9), (4, 4, 20)])
def test_full_masks_have_a_centreline(shape):
    # Thinning that erases a straight tube of even width would give 0 / 0 here.
    padded = np.pad(np.ones(shape, dtype=bool), 2)
    assert centreline_overlap(padded, padded) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("ndim", [2, 3])
def test_with_scikit_images_skeletons_it_is_the_published_formula(ndim: int):
    """On two hundred random pairs a dimension, their thinning called on the whole volumes."""
    their_thinning = pytest.importorskip("skimage.morphology").skeletonize
    for seed in range(200):
        shape = tuple(np.random.default_rng(seed).integers(3, 12, ndim))
        pair = random_mask(seed, shape, 0.05 * (seed % 20)), random_mask(seed + 500, shape, 0.5)
        if not (pair[0].any() and pair[1].any()):
            continue
        bones = [their_thinning(mask) > 0 for mask in pair]
        shares = [float((one & mask).sum() / one.sum()) if one.any() else 0.0 for one, mask in zip(bones, pair[::-1])]
        overlap = centreline_overlap(*pair, skeleton_method="scikit-image")
        assert (overlap.tprec, overlap.tsens) == tuple(shares)
        assert overlap.cldice == (2 * shares[0] * shares[1] / sum(shares) if any(shares) else 0.0)


@settings(deadline=None)
@given(mask_pairs())
def test_swapping_the_masks_swaps_precision_and_sensitivity(pair: tuple[Mask, Mask]):
    # As they lie: laid down in the way of the one or of the other, masks may have other skeletons.
    analyses = [MaskAnalysis(mask, (1.0,) * mask.ndim) for mask in pair]
    there, back = score_centreline(*analyses), score_centreline(*analyses[::-1])
    assert (there["tprec"], there["tsens"]) == (back["tsens"], back["tprec"])
    assert there["cldice"] == pytest.approx(back["cldice"])


@settings(deadline=None)
@given(mask_pairs())
@example((SMALL_RING, SMALL_RING))
def test_a_mask_against_itself_is_perfect(pair: tuple[Mask, Mask]):
    assert centreline_overlap(pair[0], pair[0]) == (1.0, 1.0, 1.0)
