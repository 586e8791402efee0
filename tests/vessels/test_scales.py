import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.vessel_graph import VesselGraph
from ramify.vessels.branches import branch_medians, trace_branches
from ramify.vessels.distance import surface
from ramify.vessels.estimators import ESTIMATORS, Estimator, grow_tree
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings
from ramify.vessels.scales import ScaleWarning, decompose_scales
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.territory import owners_with_junctions
from ramify.vessels.thresholds import counts_of_branches, weighted_quantiles

CUBES = (1.0, 1.0, 1.0)


def drawn(tubes, size, spacing) -> np.ndarray:
    """Voxels at least half inside straight tubes, each (start, end, radius) in mm."""
    nodes = np.array([end for start, stop, _ in tubes for end in (start, stop)], dtype=float)
    edges = np.arange(2 * len(tubes), dtype=np.int32).reshape(-1, 2)
    radii = np.array([radius for _, _, radius in tubes], dtype=float)
    graph = VesselGraph(nodes, edges, radii, np.zeros(len(tubes), dtype=np.int32), ("tubes",))
    return rasterise(graph, size, spacing) >= 0.5


# A trunk with five side branches, each of another radius. The trunk runs obliquely: Lee's thinning eats straight ends
# of even width.
TREE = [((3, 22, 20), (93, 28, 26), 5.0)] + [
    ((16 + 13 * place, 23 + place, 21 + place), (22 + 13 * place, 25 + 22 * side, 30), radius)
    for place, (radius, side) in enumerate([(0.8, 1), (1.2, -1), (1.7, 1), (2.3, -1), (3.0, 1)])
]


def tree(spacing=CUBES) -> np.ndarray:
    return drawn(TREE, tuple(int(extent / step) for extent, step in zip((96, 50, 50), spacing, strict=True)), spacing)


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


class TestScales:
    def test_three_tubes_are_three_scales(self):
        radii = (1.0, 2.5, 5.0)
        tubes = [((4, 12 + 20 * i, 10), (56, 10 + 20 * i, 14), radius) for i, radius in enumerate(radii)]
        result = decompose_scales(drawn(tubes, (60, 66, 26), CUBES), CUBES, ScaleSettings(weigh="branches"))
        assert result.radii_mm == pytest.approx(radii, rel=0.08)
        assert result.thresholds_mm == tuple(np.quantile(result.radii_mm, (0.25, 0.75)))
        for scale in (1, 2, 3):
            centre = np.argwhere(result.scale_map == scale).mean(axis=0)
            assert centre[1] == pytest.approx(11 + 20 * (scale - 1), abs=2)

    @pytest.mark.parametrize("spacing", [CUBES, (2.0, 1.0, 1.0)])
    def test_branches_of_a_tree_have_their_radii(self, spacing):
        result = decompose_scales(tree(spacing), spacing)
        for start, end, radius in TREE[2:]:
            outer = np.array(start) + 0.75 * (np.array(end) - start)
            branch = result.branches[tuple(np.floor(outer / spacing).astype(int))]
            assert result.radii_mm[branch - 1] == pytest.approx(radius, rel=0.15)

    def test_thresholds_part_small_medium_and_large(self):
        result = decompose_scales(tree(), CUBES)
        low, high = result.thresholds_mm
        radius = np.append(np.nan, result.radii_mm)[result.branches]
        assert np.array_equal(result.scale_map == 1, radius <= low)
        assert np.array_equal(result.scale_map == 2, (radius > low) & (radius <= high))
        assert np.array_equal(result.scale_map == 3, radius > high)

    def test_scales_of_a_plane(self):
        ribbons = np.zeros((60, 60), dtype=bool)
        ribbons[5:7, 3:57] = ribbons[20:26, 3:57] = ribbons[40:52, 3:57] = True
        result = decompose_scales(ribbons, (0.5, 0.5))
        assert result.radii_mm == pytest.approx([0.5, 1.5, 3.0], rel=0.05)
        assert [result.scale_map[row, 30] for row in (5, 22, 45)] == [1, 2, 3]

    @pytest.mark.parametrize("quantiles", [(), (0.5,), (0.2, 0.4, 0.6, 0.8)])
    def test_any_number_of_scales(self, quantiles):
        result = decompose_scales(tree(), CUBES, ScaleSettings(quantiles=quantiles))
        assert len(result.thresholds_mm) == len(quantiles)
        assert set(np.unique(result.scale_map[tree()])) <= set(range(1, len(quantiles) + 2))
        if not quantiles:
            assert np.array_equal(result.scale_map, tree().astype(np.uint8))

    @settings(max_examples=40, deadline=None)
    @given(
        st.sampled_from([(11, 12), (7, 8, 6)]).flatmap(lambda shape: arrays(bool, shape)),
        st.sampled_from(list(ESTIMATORS)),
    )
    def test_scales_and_branches_part_the_mask(self, mask, estimator):
        mask[0] = True
        result = decompose_scales(mask, (2.0, 1.0, 1.0)[: mask.ndim], ScaleSettings(estimator=estimator))
        assert (result.scale_map.dtype, result.branches.dtype) == (np.uint8, np.int32)
        assert result.radii_mm.dtype == np.float64
        assert np.array_equal(result.scale_map > 0, mask)
        assert np.array_equal(result.branches > 0, mask)
        assert np.all(mask[result.skeleton])
        assert np.isfinite(result.radii_mm).all()
        if estimator != "paper":
            assert result.radii_mm.min() > 0
        assert result.branches.max() <= len(result.radii_mm)
        assert len(np.unique(np.stack([result.branches, result.scale_map])[:, mask], axis=1).T) == len(
            np.unique(result.branches[mask])
        )


class TestInvariance:
    @pytest.mark.parametrize("estimator", ESTIMATORS)
    @pytest.mark.parametrize("spacing", [CUBES, (1.6, 0.57, 0.57)])
    def test_place_in_the_array_is_no_matter(self, estimator, spacing):
        noise = np.random.default_rng(3).random((22, 20, 24)) < 0.25
        mask = np.pad(noise, 1)
        whole = decompose_scales(mask, spacing, ScaleSettings(estimator=estimator))
        for before, after in ((0, 5), (1, 0), (13, 4)):
            moved = decompose_scales(np.pad(mask, (before, after)), spacing, ScaleSettings(estimator=estimator))
            inside = (slice(before, before + mask.shape[0]), *(slice(before, before + n) for n in mask.shape[1:]))
            assert np.array_equal(moved.scale_map[inside], whole.scale_map)
            assert np.array_equal(moved.branches[inside], whole.branches)
            assert np.array_equal(moved.radii_mm, whole.radii_mm)
            assert moved.thresholds_mm == whole.thresholds_mm

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_equal_vessels_are_equal_wherever_they_lie(self, estimator):
        spacing = (0.7, 0.7, 0.7)
        piece = drawn([((2, 3, 3), (13, 6, 8), 1.3)], (22, 16, 16), spacing)
        row = np.concatenate([np.pad(piece, ((shift, 3), (0, 0), (0, 0))) for shift in (1, 2, 7, 4)])
        radii = decompose_scales(row, spacing, ScaleSettings(estimator=estimator)).radii_mm
        assert len(np.unique(radii)) == len(np.unique(radii[: len(radii) // 4]))

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_twice_the_spacing_is_twice_the_radius(self, estimator):
        spacing = np.array((1.6, 0.57, 0.57))
        mask = tree((1.6, 0.57, 0.57))
        once = decompose_scales(mask, spacing.tolist(), ScaleSettings(estimator=estimator))
        twice = decompose_scales(mask, (2 * spacing).tolist(), ScaleSettings(estimator=estimator))
        assert np.array_equal(once.scale_map, twice.scale_map)
        assert np.array_equal(once.branches, twice.branches)
        assert np.array_equal(2 * once.radii_mm, twice.radii_mm)
        assert twice.thresholds_mm == tuple(2 * threshold for threshold in once.thresholds_mm)

    @pytest.mark.parametrize("estimator", ["distance", "volume"])
    def test_flips_and_axis_swaps_change_nothing(self, estimator):
        mask, spacing = tree((2.0, 1.0, 1.0)), (2.0, 1.0, 1.0)
        whole = decompose_scales(mask, spacing, ScaleSettings(estimator=estimator))
        for axes in itertools.permutations(range(3)):
            backwards = tuple(slice(None, None, -1 if axis % 2 else 1) for axis in axes)
            turned = mask.transpose(axes)[backwards]
            result = decompose_scales(turned, [spacing[axis] for axis in axes], ScaleSettings(estimator=estimator))
            assert np.array_equal(result.scale_map, whole.scale_map.transpose(axes)[backwards])
            assert np.array_equal(result.branches, whole.branches.transpose(axes)[backwards])
            assert np.array_equal(result.radii_mm, whole.radii_mm)

    def test_flips_change_little_with_the_paper_estimator(self):
        # Thinning takes its directions in turn, so the skeleton of a mirrored mask is not the mirrored skeleton.
        mask = tree()
        whole = decompose_scales(mask, CUBES, ScaleSettings(estimator="paper"))
        for axis in range(3):
            mirrored = decompose_scales(np.flip(mask, axis), CUBES, ScaleSettings(estimator="paper"))
            assert np.mean(np.flip(mirrored.scale_map, axis)[mask] != whole.scale_map[mask]) < 0.1


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
        assert "scale 2 has no branch" in result.notes

    def test_large_scale_is_empty_where_its_threshold_is_the_largest_radius(self):
        # One thin ribbon, then three of one width: nothing is thicker than the third quartile.
        mask = np.zeros((60, 40), dtype=bool)
        mask[2:4, 3:37] = mask[10:18, 3:37] = mask[25:33, 3:37] = mask[40:48, 3:37] = True
        with pytest.warns(ScaleWarning, match=r"quantile 0\.75 .* is the largest of them, 4 mm, as \d\d% .* scale 3"):
            result = decompose_scales(mask, (1.0, 1.0))
        assert sorted(np.unique(result.scale_map)) == [0, 1, 2]
        assert "scale 3 has no branch" in result.notes

    def test_single_branch_is_small_and_the_rest_is_noted(self):
        mask = np.zeros((30, 5, 5), dtype=bool)
        mask[3:27, 2, 2] = True
        result = decompose_scales(mask, CUBES)
        assert np.array_equal(result.scale_map, mask.astype(np.uint8))
        assert {"scale 2 has no branch", "scale 3 has no branch"} <= set(result.notes)

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


class TestPieces:
    def test_crumbs_do_not_pull_the_thresholds(self):
        mask = tree()
        littered = mask.copy()
        littered[2::6, 1, 1] = True
        clean = decompose_scales(mask, CUBES)
        weighed = decompose_scales(littered, CUBES)
        counted = decompose_scales(littered, CUBES, ScaleSettings(weigh="branches"))
        assert counted.thresholds_mm[0] == pytest.approx(np.sqrt(1 / np.pi), abs=1e-5)
        # Not to the last digit: with the crumbs the mask is laid down otherwise, and thinned in other directions.
        assert weighed.thresholds_mm == pytest.approx(clean.thresholds_mm, rel=0.1)

    @pytest.mark.parametrize("height", [2, 3])
    def test_a_bulge_is_no_branch_unless_asked_for(self, height):
        mask = np.zeros((60, 23, 23), dtype=bool)
        mask[3:57, 5:18, 5:18] = True
        mask[25:34, 18 : 18 + height, 9:18] = True
        assert len(decompose_scales(mask, CUBES).radii_mm) == 1
        assert len(decompose_scales(mask, CUBES, ScaleSettings(prune_spurs=False)).radii_mm) >= 3


class TestEdgeCases:
    @pytest.mark.parametrize("estimator", ESTIMATORS)
    @pytest.mark.parametrize("shape", [(9, 9), (8, 9, 10), (1, 1, 1), (5, 1)])
    def test_full_mask(self, shape, estimator):
        result = decompose_scales(np.ones(shape, dtype=bool), (1.0,) * len(shape), ScaleSettings(estimator=estimator))
        assert result.scale_map.all()
        assert len(result.radii_mm) >= 1

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_single_voxel(self, estimator):
        mask = np.zeros((5, 6, 7), dtype=bool)
        mask[4, 0, 3] = True
        result = decompose_scales(mask, (2.0, 1.0, 1.0), ScaleSettings(estimator=estimator))
        assert np.array_equal(result.branches, mask.astype(np.int32))
        assert np.array_equal(result.skeleton, mask)

    def test_lone_voxel_is_not_as_thick_as_its_neighbour(self):
        mask = np.zeros((40, 30, 30), dtype=bool)
        mask[2:38, 10:20, 10:20] = True
        mask[20, 5, 5] = True
        result = decompose_scales(mask, CUBES)
        assert result.radii_mm[result.branches[20, 5, 5] - 1] == pytest.approx(np.sqrt(1 / np.pi), abs=1e-5)

    def test_inputs_stay_as_they_were(self):
        mask = tree()
        before = mask.copy()
        decompose_scales(mask, CUBES)
        assert np.array_equal(mask, before)


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"mask": np.zeros((4, 4), dtype=bool)}, "empty mask"),
            ({"mask": np.ones((4, 4))}, "boolean array, got dtype float64"),
            ({"mask": [[True]]}, "boolean array, got list"),
            ({"mask": np.ones(4, dtype=bool), "spacing_mm": (1.0,)}, "2 or 3 dimensions"),
            ({"spacing_mm": (1.0, 1.0, 1.0)}, "spacing"),
            ({"spacing_mm": (1.0, 0.0)}, "positive spacing_mm"),
            ({"spacing_mm": (1.0, np.nan)}, "positive spacing_mm"),
        ],
    )
    def test_one_line_says_what_is_wrong(self, arguments, message):
        given_arguments = {"mask": np.ones((4, 4), dtype=bool), "spacing_mm": (1.0, 1.0), **arguments}
        with pytest.raises(ValueError, match=message) as refusal:
            decompose_scales(**given_arguments)
        assert "\n" not in str(refusal.value)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"quantiles": (0.75, 0.25)}, "rising"),
            ({"quantiles": (0.5, 0.5)}, "rising"),
            ({"quantiles": (0.0, 0.5)}, "greater than 0"),
            ({"quantiles": (0.5, 1.0)}, "less than 1"),
            ({"estimator": "volum"}, "'paper', 'distance' or 'volume'"),
            ({"surface_neighbours": 0}, "greater than or equal to 1"),
            ({"quantile": (0.5,)}, "not permitted"),
            ({"weigh": "volume"}, "'branches' or 'length'"),
            ({"weigh_fragments": False}, "weigh: branches in place of false"),
        ],
    )
    def test_settings_out_of_range(self, wrong, message):
        with pytest.raises(ValidationError, match=message):
            ScaleSettings(**wrong)


class TestEstimators:
    def test_quartiles_of_the_paper_are_those_of_its_equations(self):
        # Eq. 1 to 3 as they are printed, over the branches of the skeleton.
        mask, spacing = tree((2.0, 1.0, 1.0)), np.array((2.0, 1.0, 1.0))
        graph = trace_branches(skeletonize(mask, spacing.tolist()))
        omega = np.argwhere(surface(mask)) * spacing
        radii = np.array([
            np.median([
                np.sort(np.linalg.norm(omega - gamma * spacing, axis=1))[:8].max()
                for gamma in graph.voxels[graph.owner == branch]
            ])
            for branch in range(graph.n_branches)
        ])  # fmt: skip
        result = decompose_scales(mask, spacing.tolist(), ScaleSettings(estimator="paper"))
        assert result.radii_mm == pytest.approx(radii, abs=1e-5)
        assert result.thresholds_mm == pytest.approx(np.quantile(radii, (0.25, 0.75)), abs=1e-5)
        owner = owners_with_junctions(graph, result.radii_mm)
        for voxel in np.argwhere(mask)[::7]:
            gaps = np.linalg.norm((graph.voxels - voxel) * spacing, axis=1)
            nearest = owner[gaps <= gaps.min() + 1e-6]
            assert result.branches[tuple(voxel)] - 1 in nearest

    def test_paper_is_the_paper_to_the_letter(self):
        mask = tree()
        by_name = decompose_scales(mask, CUBES, ScaleSettings(estimator="paper"))
        in_full = ScaleSettings(estimator="paper", prune_spurs=False, weigh="branches", surface_neighbours=8)
        assert same(by_name, decompose_scales(mask, CUBES, in_full))

    @pytest.mark.parametrize("estimator", ["distance", "volume"])
    def test_others_prune_and_weigh_unless_told_otherwise(self, estimator):
        littered = tree()
        littered[2::6, 1, 1] = True
        noise = np.random.default_rng(5).random((16, 17, 18)) < 0.2
        for key, mask, ours, other in (("prune_spurs", noise, True, False), ("weigh", littered, "length", "branches")):
            by_name = decompose_scales(mask, CUBES, ScaleSettings(estimator=estimator))
            yes, no = (ScaleSettings(estimator=estimator, **{key: chosen}) for chosen in (ours, other))
            assert same(by_name, decompose_scales(mask, CUBES, yes))
            assert not same(by_name, decompose_scales(mask, CUBES, no))

    def test_one_line_in_the_table_makes_an_estimator(self, monkeypatch):
        def half_the_wall(tree, settings):
            depth = tree.wall.distance_mm(tree.graph.voxels * np.array(tree.spacing_mm))
            return branch_medians(depth / 2, tree.graph.owner, tree.graph.n_branches)

        monkeypatch.setitem(ESTIMATORS, "half", Estimator(half_the_wall))
        chosen = ScaleSettings.model_construct(**{**dict(ScaleSettings()), "estimator": "half"})
        result = decompose_scales(tree(), CUBES, chosen)
        assert (result.estimator, len(result.thresholds_mm)) == ("half", 2)
        assert result.radii_mm.max() == pytest.approx(TREE[0][2] / 2, rel=0.15)

    def test_settings_take_the_names_of_the_table(self):
        for name in ESTIMATORS:
            assert ScaleSettings(estimator=name).estimator == name


def test_real_masks_have_three_scales(real_data):
    from ramify.data.files import read_mask

    vessels = read_mask(real_data / "ircadb_masks" / "3Dircadb-1_vessel.nii.gz")
    result = decompose_scales(vessels.array, vessels.spacing_mm)
    assert np.array_equal(result.scale_map > 0, vessels.array)
    assert result.notes == ()
