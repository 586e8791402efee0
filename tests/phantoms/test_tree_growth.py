"""Grown trees obey Murray, stay in their region, fill it, and keep apart."""

import numpy as np
import pytest
from scipy import ndimage, optimize

from ramify.phantoms.segment_geometry import cheapest_joint, segment_distance
from ramify.phantoms.tree_growth import NoRoomError, Region, TreePlan, grow_trees, terminal_flows
from ramify.phantoms.vessel_graph import VesselGraph


def ball(ndim: int, radius_mm: float = 40.0, points: int = 40) -> Region:
    """A ball (or disc) that fills its volume."""
    step = np.full(ndim, 2 * radius_mm / points)
    places = np.moveaxis((np.indices((points,) * ndim) + 0.5) * step[0], 0, -1)
    return Region(np.maximum(radius_mm - np.linalg.norm(places - radius_mm, axis=-1), 0), step)


def plans(ndim: int, terminals: int, radius_mm: float, min_radius_mm: float) -> list[TreePlan]:
    """Two trees that enter a ball from opposite sides."""
    low, high = np.full(ndim, 40.0), np.full(ndim, 40.0)
    low[-1], high[-1] = 8.0, 72.0
    return [TreePlan(name, root, radius_mm, min_radius_mm, terminals) for name, root in (("in", low), ("out", high))]


@pytest.fixture(scope="module", params=[(3, 30, 3.0), (2, 14, 1.6)], ids=["3D", "2D"])
def grown(request) -> tuple[Region, VesselGraph, int]:
    ndim, terminals, radius_mm = request.param
    region = ball(ndim)
    smallest = 0.8 * radius_mm / terminals ** (1 / 3)
    graph = grow_trees(region, plans(ndim, terminals, radius_mm, smallest), np.random.default_rng(1), clearance_mm=0.7)
    return region, graph, terminals


def test_murray_holds_at_every_fork(grown):
    _, graph, _ = grown
    parents = graph.parents()
    for edge in range(len(graph.edges)):
        children = graph.radii_mm[parents == edge]
        assert len(children) in (0, 2)
        if len(children):
            assert (children**3).sum() == pytest.approx(graph.radii_mm[edge] ** 3, rel=1e-6)


def test_trees_are_connected_and_have_no_cycle(grown):
    _, graph, terminals = grown
    for name in graph.tree_names:
        tree = graph.tree(name)
        # Every edge leads to a node of its own and all come from one root: connected, without a cycle.
        assert len(tree.nodes_mm) == len(tree.edges) + 1
        assert len(np.unique(tree.edges[:, 1])) == len(tree.edges)
        assert len(tree.roots()) == 1
        reached = {int(tree.roots()[0])}
        for edge in tree.outward():
            assert int(tree.edges[edge, 0]) in reached
            reached.add(int(tree.edges[edge, 1]))
        assert len(reached) == len(tree.nodes_mm)
        assert len(tree.terminals()) == terminals
        assert len(tree.edges) == 2 * terminals - 1


def test_trunk_has_the_radius_asked_for_and_no_vessel_is_too_thin(grown):
    _, graph, terminals = grown
    trunks = graph.radii_mm[graph.parents() < 0]
    assert trunks == pytest.approx([trunks.max()] * 2)
    assert graph.radii_mm.max() == pytest.approx(trunks.max())
    assert graph.radii_mm.min() >= 0.8 * trunks.max() / terminals ** (1 / 3) * (1 - 1e-9)


def sampled(graph: VesselGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points along all edges, their radius and tree."""
    along = np.linspace(0, 1, 40)[:, None, None]
    start, end = graph.nodes_mm[graph.edges[:, 0]], graph.nodes_mm[graph.edges[:, 1]]
    points = (start + along * (end - start)).reshape(-1, graph.ndim)
    return points, np.tile(graph.radii_mm, 40), np.tile(graph.trees, 40)


def test_walls_stay_in_the_region(grown):
    _, graph, _ = grown
    points, radii, _ = sampled(graph)
    depth = 40.0 - np.linalg.norm(points - 40.0, axis=1)
    assert (depth - radii).min() > 0


def test_trees_keep_their_distance(grown):
    _, graph, _ = grown
    points, radii, trees = sampled(graph)
    gaps = np.linalg.norm(points[trees == 0][:, None] - points[trees == 1], axis=2)
    walls = gaps - radii[trees == 0][:, None] - radii[trees == 1]
    assert walls.min() >= 0.7 - 1e-6


def test_each_tree_fills_the_region():
    # A terminal feeds a share of the volume; hardly any point may lie further from its tree than that share is wide.
    region, terminals = ball(3), 60
    graph = grow_trees(region, plans(3, terminals, 3.0, 0.5), np.random.default_rng(0))
    share = 4 / 3 * np.pi * 40.0**3 / terminals
    inside = (np.argwhere(region.depth_mm > 0)[::7] + 0.5) * region.step_mm
    points, _, trees = sampled(graph)
    for tree in range(2):
        nearest = np.min([np.linalg.norm(inside - p, axis=1) for p in points[trees == tree]], axis=0)
        assert np.mean(nearest < 2 * (3 * share / (4 * np.pi)) ** (1 / 3)) > 0.99


def test_same_generator_state_grows_the_same_trees():
    first, second, other = (
        grow_trees(ball(3), plans(3, 9, 3.0, 0.5), np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    for field in ("nodes_mm", "edges", "radii_mm", "trees"):
        assert getattr(first, field).tobytes() == getattr(second, field).tobytes()
    assert first.nodes_mm.tobytes() != other.nodes_mm.tobytes()


@pytest.mark.parametrize("exponent", [2.0, 2.7, 3.5])
def test_other_exponents(exponent):
    graph = grow_trees(ball(3), plans(3, 12, 3.0, 0.3), np.random.default_rng(0), exponent=exponent)
    parents = graph.parents()
    for edge in np.unique(parents[parents >= 0]):
        together = (graph.radii_mm[parents == edge] ** exponent).sum()
        assert together == pytest.approx(graph.radii_mm[edge] ** exponent, rel=1e-6)


def test_one_terminal_is_one_vessel():
    graph = grow_trees(ball(3), plans(3, 1, 3.0, 0.5), np.random.default_rng(0))
    assert graph.radii_mm.tolist() == pytest.approx([3.0, 3.0])


def test_flows_share_the_trunk_and_none_is_below_the_thinnest():
    plan = plans(3, 20, 3.0, 1.0)[0]
    flows = terminal_flows(plan, 3.0, 1.0, np.random.default_rng(0))
    assert flows.sum() == pytest.approx(1)
    assert flows.min() >= (1 / 3) ** 3
    assert terminal_flows(plan, 3.0, 0.0, np.random.default_rng(0)) == pytest.approx(np.full(20, 1 / 20))


def test_too_many_terminals_for_the_trunk():
    with pytest.raises(ValueError, match=r"in: 28 terminals of at least 1 mm .*at most 27 by Murray"):
        grow_trees(ball(3), plans(3, 28, 3.0, 1.0), np.random.default_rng(0))


def test_exactly_as_many_terminals_as_the_trunk_feeds():
    flows = terminal_flows(plans(3, 27, 3.0, 1.0)[0], 3.0, 1.0, np.random.default_rng(0))
    assert flows == pytest.approx(np.full(27, 1 / 27))


def test_a_trunk_too_thick_for_the_region_finds_no_room():
    with pytest.raises(NoRoomError, match="in: no first vessel"):
        grow_trees(ball(3), plans(3, 4, 30.0, 5.0), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "expected"),
    [
        ((0, 0, 0), (0, 0, 4), (1, -1, 2), (1, 1, 2), 1.0),  # cross one above the other
        ((0, 0, 0), (0, 0, 4), (0, -1, 2), (0, 1, 2), 0.0),  # cross
        ((0, 0, 0), (0, 0, 4), (0, 3, 1), (0, 3, 9), 3.0),  # parallel
        ((0, 0, 0), (0, 0, 4), (0, 0, 6), (0, 0, 9), 2.0),  # in line
        ((0, 0, 0), (0, 0, 4), (0, 3, 8), (0, 9, 8), 5.0),  # end to end
        ((0, 0, 0), (0, 0, 4), (2, 0, 1), (2, 0, 1), 2.0),  # a point
    ],
)
def test_segment_distance(a, b, c, d, expected):
    a, b, c, d = (tuple(float(x) for x in p) for p in (a, b, c, d))
    assert segment_distance(a, b, c, d) == pytest.approx(expected, abs=1e-12)
    assert segment_distance(d, c, b, a) == pytest.approx(expected, abs=1e-12)


def test_joint_of_equal_vessels_meets_at_120_degrees():
    # For equal weights the Fermat point of an equilateral triangle is its centre.
    corners = [(0.0, np.cos(t), np.sin(t)) for t in (0.3, 0.3 + 2 * np.pi / 3, 0.3 + 4 * np.pi / 3)]
    assert cheapest_joint(*corners, (1.0, 1.0, 1.0)) == pytest.approx((0, 0, 0), abs=1e-3)


def test_joint_is_the_cheapest_point():
    a, b, p, weights = (0.0, 0.0, 0.0), (1.0, 2.0, 20.0), (9.0, 7.0, 11.0), (1.8, 1.3, 0.9)

    def cost(joint):
        return sum(w * np.linalg.norm(np.subtract(joint, end)) for w, end in zip(weights, (a, b, p), strict=True))

    best = optimize.minimize(cost, np.mean([a, b, p], axis=0), tol=1e-12)
    assert cost(cheapest_joint(a, b, p, weights)) == pytest.approx(best.fun, rel=1e-5)


def test_region_that_is_not_convex_is_respected():
    # A horseshoe: the straight way between its arms leads outside.
    inside = np.ones((24, 40, 40), bool)
    inside[:, 14:, 14:26] = False
    step = np.full(3, 2.0)
    depth = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=2.0)[1:-1, 1:-1, 1:-1]
    root = [TreePlan("one", np.array([24.0, 60.0, 14.0]), 2.5, 0.6, 24)]

    graph = grow_trees(Region(depth, step), root, np.random.default_rng(2))

    points, _, _ = sampled(graph)
    assert inside[tuple((points / step).astype(int).T)].all()
    assert (points[:, 2] > 56).any()
