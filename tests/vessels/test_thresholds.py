"""What parts the scales: ties, the region that counts, and for how much each branch does."""

import warnings

import numpy as np
import pytest

from ramify.vessels.estimators import ESTIMATORS, grow_tree
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings
from ramify.vessels.scales import ScaleWarning, decompose_scales
from ramify.vessels.thresholds import counts_of_branches, weighted_quantiles
from tests.vessels.vessel_masks import CUBES, tree


@pytest.fixture(autouse=True)
def quiet_ties():
    """Ties are no matter of most tests here; those that look at the warning catch it themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScaleWarning)
        yield


def same(one, other) -> bool:
    return (
        np.array_equal(one.scale_map, other.scale_map)
        and np.array_equal(one.branches, other.branches)
        and np.array_equal(one.skeleton, other.skeleton)
        and np.array_equal(one.radii_mm, other.radii_mm)
        and one.thresholds_mm == other.thresholds_mm
    )


class TestTies:
    def test_thresholds_that_part_vessels_of_one_size_are_warned_of(self):
        mask = np.zeros((60, 60, 60), dtype=bool)
        y, x = np.indices(mask.shape[1:])
        for k, radius in enumerate((4.0, 4.02, 4.04)):
            mask |= (y - 15 * (k + 1) + 0.2 * k) ** 2 + (x - 30 + 0.1 * k) ** 2 <= radius**2
        with pytest.warns(ScaleWarning, match="hardly apart, .* mm: vessels of one size are in scales 1 to 3"):
            result = decompose_scales(mask, CUBES)
        assert np.ptp(result.radii_mm) < 0.1

    def test_middle_scale_is_empty_where_its_thresholds_are_one(self):
        mask = np.zeros((40, 30), dtype=bool)
        mask[2:38:4, 3:27] = True
        mask[2:6, 3:27] = True
        with pytest.warns(ScaleWarning, match=r"both 0\.5 mm"):
            result = decompose_scales(mask, (1.0, 1.0))
        assert result.thresholds_mm[0] == result.thresholds_mm[1]
        assert sorted(np.unique(result.scale_map)) == [0, 1, 3]
        assert any("both 0.5 mm" in note for note in result.notes)
        assert result.notes[0].endswith("scale 2 is empty")
        assert "scale 2 has no branch" not in result.notes

    def test_large_scale_is_empty_where_its_threshold_is_the_largest_radius(self):
        # One thin ribbon, then three of one width: nothing is thicker than the third quartile.
        mask = np.zeros((60, 40), dtype=bool)
        mask[2:4, 3:37] = mask[10:18, 3:37] = mask[25:33, 3:37] = mask[40:48, 3:37] = True
        with pytest.warns(ScaleWarning, match=r"quantile 0\.75 .* is the largest of them, 4 mm, as \d\d% .* scale 3"):
            result = decompose_scales(mask, (1.0, 1.0))
        assert sorted(np.unique(result.scale_map)) == [0, 1, 2]
        # Once is enough.
        assert [note[-16:] for note in result.notes] == ["scale 3 is empty"]

    def test_single_branch_is_small_and_the_rest_is_noted(self):
        mask = np.zeros((30, 5, 5), dtype=bool)
        mask[3:27, 2, 2] = True
        with warnings.catch_warnings(record=True, action="always") as caught:
            result = decompose_scales(mask, CUBES)
        (told,) = caught
        assert str(told.message) == (
            "quantiles 0.25 and 0.75 of the branch radii are both the largest of them, "
            f"{result.radii_mm[0]:g} mm, as 100% of the vessels have it: these are in scale 1, scales 2 and 3 are empty"
        )
        assert np.array_equal(result.scale_map, mask.astype(np.uint8))
        assert result.notes == (str(told.message),)

    def test_quantiles_that_are_one_radius_are_one_line(self):
        # Three bars of one width, a thinner and a wider one.
        mask = np.zeros((60, 40), dtype=bool)
        mask[2:4, 3:37] = mask[8:13, 3:37] = mask[18:23, 3:37] = mask[28:33, 3:37] = mask[40:50, 3:37] = True
        with warnings.catch_warnings(record=True, action="always") as caught:
            decompose_scales(mask, (1.0, 1.0), ScaleSettings(quantiles=(0.1, 0.3, 0.4, 0.5)))
        (told,) = caught
        assert "quantiles 0.3, 0.4 and 0.5 of the branch radii are all 2.5 mm" in str(told.message)
        assert str(told.message).endswith("these are in scale 2, scales 3 and 4 are empty")

    def test_nothing_to_note_is_no_note(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert decompose_scales(tree(), CUBES).notes == ()


class TestRegion:
    """Thresholds from what lies in a region, maps of the whole mask."""

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_the_whole_volume_is_no_region(self, estimator):
        mask, chosen = tree(), ScaleSettings(estimator=estimator)
        everywhere = decompose_scales(mask, CUBES, chosen, np.ones_like(mask))
        assert same(everywhere, decompose_scales(mask, CUBES, chosen))

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    @pytest.mark.parametrize("ndim", [2, 3])
    def test_vessels_outside_count_for_nothing_and_have_a_scale(self, estimator, ndim):
        # Bars side by side; the region holds the three widest, whose middle one is medium.
        bars = ((3, 4), (3, 12), (5, 20), (7, 32), (9, 48))
        mask = np.zeros((60, 60, 13)[:ndim], dtype=bool)
        for width, start in bars:
            mask[(slice(start, start + width), slice(4, 56), slice(2, 2 + width))[:ndim]] = True
        region = np.zeros_like(mask)
        region[18:] = True
        chosen, spacing = ScaleSettings(estimator=estimator), (1.0,) * ndim
        result = decompose_scales(mask, spacing, chosen, region)
        alone = decompose_scales(mask & region, spacing, chosen)
        assert result.thresholds_mm == pytest.approx(alone.thresholds_mm, rel=0.01)
        across = result.scale_map[(slice(None), 30, 3)[:ndim]]
        assert [int(across[start + 1]) for _, start in bars] == [1, 1, 1, 2, 3]
        assert np.array_equal(result.scale_map > 0, mask)

    def test_a_branch_counts_by_what_of_it_lies_inside(self):
        # A wide bar of which a tenth lies inside, beside a thin one: half of what is inside is thin.
        mask = np.zeros((40, 206), dtype=bool)
        mask[3:5, 3:23] = True
        mask[10:20, 3:203] = True
        region = np.zeros_like(mask)
        region[:, :23] = True
        halves = ScaleSettings(quantiles=(0.5,))
        assert decompose_scales(mask, (1.0, 1.0), halves, region).scale_map[15, 100] == 2

    def test_a_single_branch_of_which_a_part_lies_inside_sets_every_threshold(self):
        mask = np.zeros((11, 40), dtype=bool)
        mask[4:7, 3:37] = True
        region = np.arange(40) < 20
        with pytest.warns(ScaleWarning, match="are both"):
            result = decompose_scales(mask, (1.0, 1.0), region=np.broadcast_to(region, mask.shape))
        assert result.thresholds_mm == (result.radii_mm[0],) * 2

    @pytest.mark.parametrize(
        ("region", "message"),
        [
            (np.zeros((4, 4), dtype=bool), "no vessel voxel lies inside"),
            (np.ones((4, 5), dtype=bool), r"expected the vessel mask's shape \(4, 4\), got \(4, 5\)"),
            (np.ones((4, 4)), "region: expected a boolean array, got dtype float64"),
        ],
    )
    def test_a_region_that_cannot_be_is_refused_in_one_line(self, region, message):
        with pytest.raises(ValueError, match=message) as refusal:
            decompose_scales(np.ones((4, 4), dtype=bool), (1.0, 1.0), DEFAULT_SCALES, region)
        assert "\n" not in str(refusal.value)


class TestWeighing:
    """What counts towards the quantiles."""

    def test_length_counts_where_it_is_clear_of_the_ends(self):
        # By hand: bars 4 and 10 wide, 60 and 40 long. Thinning leaves half a width at each end, the distance to the
        # wall there is half a width again: about 52 and 20 are clear, and the median is the thin one's.
        mask = np.zeros((40, 70), dtype=bool)
        mask[3:7, 5:65] = True
        mask[20:30, 5:45] = True
        tree = grow_tree(mask, (1.0, 1.0), without_spurs=True)
        assert counts_of_branches(tree, "length") == pytest.approx([52, 20], abs=3)
        assert counts_of_branches(tree, "branches").tolist() == [1, 1]

    def test_what_lies_within_a_thicker_vessel_counts_for_nothing(self):
        # Two side vessels leave a trunk 12 wide 8 apart: the stub between them is shorter than it is wide.
        mask = np.zeros((60, 120), dtype=bool)
        mask[24:36, 2:118] = True
        mask[33:58, 50:52] = mask[33:58, 58:60] = True
        tree = grow_tree(mask, (1.0, 1.0), without_spurs=True)
        between = np.all(tree.graph.ends >= 0, axis=1)
        assert np.count_nonzero(between) == 1
        assert counts_of_branches(tree, "length")[between] == 0
        assert np.all(counts_of_branches(tree, "length")[~between] > 10)
        result = decompose_scales(mask, (1.0, 1.0))
        assert result.scale_map[30, 55] == result.scale_map[30, 20] > result.scale_map[50, 50]
        assert result.radii_mm[result.branches[30, 55] - 1] == pytest.approx(6, abs=0.2)

    def test_a_mask_of_crumbs_counts_their_whole_extent(self):
        mask = np.zeros((9, 40), dtype=bool)
        mask[1, 1:3] = mask[1, 10] = mask[4, 20:23] = True
        tree = grow_tree(mask, (1.0, 1.0), without_spurs=True)
        assert sorted(counts_of_branches(tree, "length")) == [1, 2, 3]

    @pytest.mark.parametrize("quantiles", [(0.5,), (0.1, 0.25, 0.9)])
    def test_whole_counts_are_so_many_values(self, quantiles):
        values, counts = np.array([3.0, 1.0, 2.0, 9.0]), np.array([1, 1, 1, 0])
        assert weighted_quantiles(values, counts, quantiles) == pytest.approx(np.quantile(values[:3], quantiles))
        # Twice everything: the middle of each pair moves nothing.
        assert weighted_quantiles(values, 2.0 * counts, quantiles) == pytest.approx(np.quantile(values[:3], quantiles))

    def test_a_heavy_value_fills_its_share_of_the_quantiles(self):
        # Places of the values, from 0 to 1: (0, 0.5 + 8 / 2, ...) less half the first over their range.
        values, counts = np.array([1.0, 2.0, 3.0]), np.array([1.0, 8.0, 1.0])
        assert weighted_quantiles(values, counts, (0.25, 0.5, 0.75)) == pytest.approx([1.5, 2, 2.5])
