"""Branches drawn as lines by hand: how well they go on as one another, whose parents fit best, where trees begin."""

from collections.abc import Sequence

import numpy as np
import pytest

from ramify.analysis.branch_curves import BranchCurves
from ramify.analysis.growth import Root, first_grown, grow
from ramify.analysis.misfit import misfit
from ramify.analysis.roots import find_roots
from ramify.vessels.curve_graph import CentrelineGraph

Line = Sequence[tuple[float, float]]


def drawn(lines: Sequence[Line], radii_mm: Sequence[float]) -> BranchCurves:
    """Branches along lines, each of one radius; where ends are in one place there is one node."""
    ends, at_end = np.unique([place for line in lines for place in (line[0], line[-1])], axis=0, return_inverse=True)
    paths = []
    for line in lines:
        corners = np.array(line, dtype=float)
        gone = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
        along = np.linspace(0, gone[-1], 81)
        paths.append(np.stack([np.interp(along, gone, axis) for axis in corners.T], axis=1))
    points, radii = np.concatenate(paths), np.array(radii_mm, dtype=float)
    curves = CentrelineGraph(
        points_mm=points,
        voxels=np.rint(points).astype(np.int64),
        starts=81 * np.arange(len(lines) + 1),
        ends=at_end.reshape(-1, 2),
        nodes_mm=ends,
        degrees=np.bincount(at_end.ravel()),
        branches=np.arange(1, len(lines) + 1),
    )
    return BranchCurves(curves, curves.ends, ends, np.repeat(radii, 81), radii)


def node_at(paths: BranchCurves, *place: float) -> int:
    return int(np.argmin(np.linalg.norm(paths.nodes_mm - place, axis=1)))


class TestMisfit:
    def test_straight_on_is_none(self):
        paths = drawn([[(0, 0), (20, 0)], [(20, 0), (40, 0)]], [2, 2])
        assert misfit(paths, 0, 1, 1, 0) == pytest.approx(0, abs=1e-9)

    def test_a_turn_and_a_thicker_child(self):
        # Round a right angle, into a vessel twice as thick; the other way nothing gets thicker.
        paths = drawn([[(0, 0), (20, 0)], [(20, 0), (20, 20)]], [1.5, 3])
        assert misfit(paths, 0, 1, 1, 0) == pytest.approx(0.5 + 2 * np.log(2))
        assert misfit(paths, 1, 0, 0, 1) == pytest.approx(0.5)

    def test_axes_beside_each_other_miss_by_the_sum_of_the_radii(self):
        # Two vessels of radius 2 side by side; thinning draws both to the place where they touch.
        touch = (20, 2)
        paths = drawn(
            [
                [(0, 0), (19.5, 0), touch],
                [touch, (20.5, 0), (40, 0)],
                [(0, 4), (19.5, 4), touch],
                [touch, (20.5, 4), (40, 4)],
            ],
            [2, 2, 2, 2],
        )
        assert misfit(paths, 0, 1, 1, 0) == pytest.approx(0, abs=0.05)
        assert misfit(paths, 0, 1, 3, 0) == pytest.approx(1, abs=0.1)


class TestSettling:
    """A vessel that runs straight on, and a trunk whose branch, thinner on the way, comes to touch it from above.

    It leaves its trunk at somewhat more than a right angle, and the other vessel at somewhat less.
    """

    @staticmethod
    def touching(upper: float, lower: float) -> BranchCurves:
        touch, half, top = (20, 0), (20.5, 20), (21, 40)
        lines: list[Line] = [[(0, 0), touch], [touch, (40, 0)], [(0, 40), top], [top, half], [half, touch]]
        return drawn(lines, [3, 2.5, 3.2, upper, lower])

    @pytest.mark.parametrize(("upper", "entered_first"), [(2.2, [2, 0]), (1.6, [4, 0])])
    def test_what_was_entered_across_the_contact_comes_from_its_trunk(self, upper, entered_first):
        paths = self.touching(upper, 1.5)
        roots = [Root(node_at(paths, 0, 0), 0), Root(node_at(paths, 0, 40), 1)]
        forest = first_grown(paths, roots)
        assert forest.parents[3:] == entered_first
        before = forest.cost()
        forest.settle()
        assert forest.parents == [-1, 0, -1, 2, 3]
        assert forest.cost() < before - 0.05
        growth = grow(paths, roots)
        assert growth.parents.tolist() == [-1, 0, -1, 2, 3]
        assert growth.system.tolist() == [0, 0, 1, 1, 1]
        assert growth.cuts.tolist() == [4]
        assert growth.near.tolist() == [0, 0, 0, 0, 0]

    def test_both_trunks_are_found(self):
        paths = self.touching(1.6, 1.5)
        first, second = find_roots(paths, np.ones(len(paths.nodes_mm)), [], 2, 0.0)
        # The thicker one is the first.
        assert (first.node, second.node) == (node_at(paths, 0, 40), node_at(paths, 0, 0))

    def test_of_two_trees_apart_each_has_its_trunk(self):
        fork = [[(0, 0), (20, 0)], [(20, 0), (40, 12)], [(20, 0), (40, -12)]]
        above = [[(x, y + 60) for x, y in line] for line in fork]
        paths = drawn([*fork, *above], [3, 2.4, 2.3, 2, 1.6, 1.5])
        roots = find_roots(paths, np.ones(len(paths.nodes_mm)), [], 2, 0.0)
        assert [root.node for root in roots] == [node_at(paths, 0, 0), node_at(paths, 0, 60)]
