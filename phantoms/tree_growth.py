"""Constrained constructive optimisation: trees that fill a region, one cheapest terminal after another.

After Schreiner and Buxbaum 1993, and Karch et al. 1999 for regions that are not convex: a new terminal is joined to
the vessel where the tree's volume grows least, the joint lies where that volume is smallest, and radii follow Murray's
law. Several trees grow in turn and keep clear of one another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ramify.phantoms.settings import most_terminals
from ramify.phantoms.tree_kernels import Forest, add_terminal, plant_root
from ramify.phantoms.vessel_graph import VesselGraph

# A draw of points from which one terminal is chosen, and how often one may fail before the tree is given up.
_BATCH = 24
_MOST_DRAWS = 600


class NoRoomError(ValueError):
    """The trees asked for find no room in the region; another draw may."""


@dataclass(frozen=True)
class Region:
    """Where vessels may run: the depth below the surface, on a lattice of its own over the volume.

    Attributes:
        depth_mm: (*S) float64, distance to the region's surface inside it, 0 outside.
        step_mm: (ndim,) lattice spacing; point i lies at `(i + 0.5) * step_mm` from the volume's corner.
    """

    depth_mm: NDArray[np.float64]
    step_mm: NDArray[np.float64]

    @cached_property
    def inside(self) -> NDArray[np.int64]:
        """Flat indices of the lattice points inside."""
        return np.flatnonzero(self.depth_mm > 0)


@dataclass(frozen=True)
class TreePlan:
    """What one tree is to become.

    Attributes:
        name: of the tree.
        root_mm: (ndim,) where its trunk starts; inside the region.
        root_radius_mm: radius of the trunk.
        min_radius_mm: no terminal is thinner.
        terminals: how many ends.
    """

    name: str
    root_mm: NDArray[np.float64]
    root_radius_mm: float
    min_radius_mm: float
    terminals: int


def terminal_flows(plan: TreePlan, exponent: float, spread: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Share of the trunk's flow that every terminal drains, so that none is thinner than the plan allows.

    By Murray's law flow goes with `radius ** exponent`. Every terminal gets the flow of the thinnest vessel; what is
    left is dealt out by log-normal weights.

    Args:
        plan: radii and number of terminals.
        exponent: Murray's exponent.
        spread: standard deviation of the weights' logarithm; 0 makes all terminals alike.
        rng: source of the weights.

    Returns:
        (terminals,) float64, positive, sum 1.

    Raises:
        ValueError: that many terminals of the thinnest radius need a thicker trunk.
    """
    least = (plan.min_radius_mm / plan.root_radius_mm) ** exponent
    most = most_terminals(plan.root_radius_mm, plan.min_radius_mm, exponent)
    if plan.terminals > most:
        raise ValueError(
            f"{plan.name}: {plan.terminals} terminals of at least {plan.min_radius_mm:g} mm do not fit a trunk of "
            f"{plan.root_radius_mm:g} mm (at most {most} by Murray's law with exponent {exponent:g}); "
            "ask for fewer terminals, a thinner min_radius_mm or a thicker root"
        )
    weights = np.exp(spread * rng.standard_normal(plan.terminals))
    flows: NDArray[np.float64] = least + max(0.0, 1 - plan.terminals * least) * weights / weights.sum()
    return flows


def grow_trees(
    region: Region,
    plans: Sequence[TreePlan],
    rng: np.random.Generator,
    exponent: float = 3.0,
    flow_spread: float = 0.8,
    clearance_mm: float = 1.0,
) -> VesselGraph:
    """Trees that fill the region together and keep clear of one another.

    Minimises the volume `sum of pi r^2 l` at every step under `r_parent^g = r_left^g + r_right^g` (Murray 1926, g = 3).

    Args:
        region: where vessels may run.
        plans: one a tree.
        rng: source of every random choice.
        exponent: Murray's exponent g.
        flow_spread: how unlike the terminals' flows are, see `terminal_flows`.
        clearance_mm: least distance between walls of different trees.

    Returns:
        The graph; edges point away from the roots, `trees` indexes the plans.

    Raises:
        ValueError: the terminals do not fit the trunk.
        NoRoomError: the trees do not fit the region.
    """
    flows = [terminal_flows(plan, exponent, flow_spread, rng) for plan in plans]
    forest = _plant(region, plans, flows, exponent, clearance_mm, rng)
    for number in range(1, max(plan.terminals for plan in plans)):
        for tree, plan in enumerate(plans):
            if number < plan.terminals:
                _add(forest, region, plan, tree, number, float(flows[tree][number]), rng)
    return _graph_of(forest, region.depth_mm.ndim, plans)


def _padded(values: NDArray[np.float64], fill: float) -> NDArray[np.float64]:
    """A vector of 2 or 3 numbers with its missing first ones filled in."""
    return np.concatenate([np.full(3 - len(values), fill), np.asarray(values, np.float64)])


def _plant(
    region: Region,
    plans: Sequence[TreePlan],
    flows: Sequence[NDArray[np.float64]],
    exponent: float,
    clearance_mm: float,
    rng: np.random.Generator,
) -> Forest:
    """Room for all trees, and each one's first vessel: from its root to the deepest of a few points that fit."""
    segments = sum(2 * plan.terminals - 1 for plan in plans)
    step = _padded(region.step_mm, 1.0)
    forest = Forest(
        counts=np.zeros(2, np.int64),
        nodes=np.zeros((segments + len(plans), 3)),
        start=np.zeros(segments, np.int64),
        end=np.zeros(segments, np.int64),
        parent=np.full(segments, -1, np.int64),
        tree=np.zeros(segments, np.int64),
        flow=np.zeros(segments),
        room=np.zeros(segments),
        gap=np.full((segments, segments), np.inf, np.float32),
        tree_flow=np.ones(len(plans)),
        root_radius=np.array([plan.root_radius_mm for plan in plans]),
        depth=region.depth_mm.reshape((1,) * (3 - region.depth_mm.ndim) + region.depth_mm.shape),
        step=step,
        exponent=exponent,
        clearance=clearance_mm,
        # The lattice knows the surface to about half its step.
        margin=0.5 * float(region.step_mm.max()),
    )
    for tree, plan in enumerate(plans):
        root = tuple(_padded(plan.root_mm, 0.5).tolist())
        for draw in range(_MOST_DRAWS):
            points = _draw(region, rng)
            # Where nothing deep can be reached past the other trees, anything will do.
            deep = points[np.argsort(-_depths(region, points), kind="stable")[: 1 + draw // 8]]
            if any(plant_root(forest, root, tuple(point), tree, float(flows[tree][0])) for point in deep.tolist()):
                break
        else:
            raise NoRoomError(
                f"{plan.name}: no first vessel of the tree fits the region from its root; use a thinner root_radius_mm"
            )
    return forest


def _draw(region: Region, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points spread evenly over the region, (P, 3) mm."""
    picked = region.inside[rng.integers(len(region.inside), size=_BATCH)]
    chosen = np.stack(np.unravel_index(picked, region.depth_mm.shape), axis=1)
    points = (chosen + rng.random(chosen.shape)) * region.step_mm
    return np.pad(points, ((0, 0), (3 - points.shape[1], 0)), constant_values=0.5)


def _depths(region: Region, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depth at the lattice points that the points came from."""
    index = (points[:, 3 - region.depth_mm.ndim :] / region.step_mm).astype(np.int64)
    depths: NDArray[np.float64] = region.depth_mm[tuple(index.T)]
    return depths


def _add(
    forest: Forest,
    region: Region,
    plan: TreePlan,
    tree: int,
    number: int,
    flow: float,
    rng: np.random.Generator,
) -> None:
    """One more terminal: points ever nearer to the tree are drawn until one can be joined."""
    extent = float(len(region.inside) * np.prod(region.step_mm))
    least_distance = 0.7 * (extent / (number + 1)) ** (1 / region.depth_mm.ndim)
    for _ in range(_MOST_DRAWS):
        if add_terminal(forest, _draw(region, rng), tree, flow, least_distance):
            return
        least_distance *= 0.93
    raise NoRoomError(
        f"{plan.name}: terminal {number + 1} of {plan.terminals} finds no room in the region; "
        "ask for fewer terminals, thinner vessels or a larger volume"
    )


def _graph_of(forest: Forest, ndim: int, plans: Sequence[TreePlan]) -> VesselGraph:
    """The finished forest, its flows summed afresh so that Murray's law holds to rounding."""
    flow = np.where(np.isin(forest.end, forest.start), 0.0, forest.flow)
    for segment in np.flatnonzero(flow > 0):
        above, carried = forest.parent[segment], flow[segment]
        while above >= 0:
            flow[above] += carried
            above = forest.parent[above]
    radii = forest.root_radius[forest.tree] * flow ** (1 / forest.exponent)
    return VesselGraph(
        nodes_mm=forest.nodes[:, 3 - ndim :].copy(),
        edges=np.stack([forest.start, forest.end], axis=1).astype(np.int32),
        radii_mm=radii,
        trees=forest.tree.astype(np.int32),
        tree_names=tuple(plan.name for plan in plans),
    )
