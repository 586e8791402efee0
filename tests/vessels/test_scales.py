import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ramify.vessels.branches import branch_medians, trace_branches
from ramify.vessels.distance import surface
from ramify.vessels.estimators import ESTIMATORS, Estimator
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import ScaleWarning, decompose_scales, with_shared_thresholds
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.territory import owners_with_junctions
from tests.vessels.vessel_masks import CUBES, TREE, drawn, tree


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
            ({"spacing_mm": 1.0}, r"a number for each of the mask's 2 axes, got 1\.0; such as \(1\.0, 1\.0\)"),
            ({"spacing_mm": "ab"}, "a number for each of the mask's 2 axes, got 'ab'"),
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
            ({"quantile": (0.5,)}, "unknown key; did you mean quantiles"),
            ({"weigh": "volume"}, "'branches' or 'length'"),
            ({"weigh_fragments": False}, "weigh: branches in place of false"),
        ],
    )
    def test_settings_out_of_range(self, wrong, message):
        with pytest.raises(ValueError, match=rf"^ScaleSettings: {next(iter(wrong))}[^\n]*{message}[^\n]*$"):
            ScaleSettings(**wrong)

    @pytest.mark.parametrize("given", [{"quantiles": (0.5,)}, (0.5,), None])
    def test_settings_of_another_kind(self, given):
        with pytest.raises(ValueError, match=f"settings: expected ScaleSettings, got {type(given).__name__}; such as"):
            decompose_scales(tree(), CUBES, given)


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


def test_thresholds_that_several_masks_share_are_those_of_all_their_branches():
    thin, thick = np.zeros((2, 30, 40, 60), bool)
    thin[4:6, 4:6, 5:55] = thin[4:7, 14:17, 5:55] = True
    thick[4:12, 24:32, 5:55] = thick[20:25, 10:15, 5:55] = True
    settings = ScaleSettings(quantiles=(0.5,))
    masks = {"thin": thin, "thick": thick}
    parts = {name: decompose_scales(mask, (1.0, 1.0, 1.0), settings) for name, mask in masks.items()}
    shared, _ = with_shared_thresholds(parts, settings)
    together = decompose_scales(thin | thick, (1.0, 1.0, 1.0), settings)
    assert list(shared) == list(masks)
    assert shared["thin"].thresholds_mm == shared["thick"].thresholds_mm
    # Each mask lies in its own box, and radii depend a little on how it lies.
    assert shared["thin"].thresholds_mm == pytest.approx(together.thresholds_mm, rel=0.01)
    for name, mask in masks.items():
        np.testing.assert_array_equal(shared[name].scale_map, np.where(mask, together.scale_map, 0))
        np.testing.assert_array_equal(shared[name].branches, parts[name].branches)
    assert shared["thin"].notes == ("scale 2 has no branch",)
    # Of one alone they are its own, and of several that do not share any.
    assert with_shared_thresholds({"thick": parts["thick"]}, settings) == ({"thick": parts["thick"]}, ())
    assert with_shared_thresholds(parts, settings.model_copy(update={"shared_thresholds": False})) == (parts, ())
