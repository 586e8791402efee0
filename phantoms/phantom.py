"""Phantoms: a liver-shaped organ with two interleaved trees, known to the last radius, in a CT-like image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.phantoms.ct_image import paint_image
from ramify.phantoms.organ_shape import OrganShape, draw_organ, growing_region, organ_level, organ_point_mm
from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.settings import PhantomSettings
from ramify.phantoms.tree_growth import NoRoomError, TreePlan, grow_trees
from ramify.phantoms.vessel_graph import VesselGraph

PORTAL, HEPATIC = "portalvein", "venoussystem"
TUMOURS = "tumours"

# Where the trunks enter, in units of half the volume (z, y, x): the portal vein at the hilum, below and behind; the
# hepatic veins under the dome. In a plane the two need to stand further apart.
_HILUM = (-0.20, 0.40, 0.12)
_DOME = (0.60, 0.50, 0.02)
_PLANE_DOME = (0.0, 0.70, -0.30)
_ROOT_JITTER = 0.06
# Some organs have no room where the trees happen to grow; this many are drawn before giving up.
_MOST_ORGANS = 8


@dataclass(frozen=True, eq=False)
class Phantom:
    """A phantom: the image, its masks, and the exact trees behind them.

    Attributes:
        image: (*S) float32, HU.
        organ: (*S) bool.
        vessels: (*S) bool, voxels at least half of which one of the trees fills.
        structures: bool masks by name: "portalvein" and "venoussystem", which make up `vessels`, and "tumours".
        spacing_mm: voxel size.
        graph: the trees; the centre of voxel i lies at `(i + 0.5) * spacing_mm`.
    """

    image: NDArray[np.float32]
    organ: NDArray[np.bool_]
    vessels: NDArray[np.bool_]
    structures: dict[str, NDArray[np.bool_]]
    spacing_mm: tuple[float, ...]
    graph: VesselGraph


def grow_phantom(settings: PhantomSettings, seed: int) -> Phantom:
    """A phantom at random: organ, trees, tumours and image, each from its own stream of the seed.

    Args:
        settings: size, trees, image.
        seed: 0 or more; the same seed gives the same bytes, and on a finer grid the same organ, trees and tumours.

    Raises:
        ValueError: a negative seed, or trees that find no room in the organ.

    Examples:
        >>> from ramify.phantoms import PhantomSettings, grow_phantom
        >>> settings = PhantomSettings(size=(64, 64), spacing_mm=(3.0, 3.0))
        >>> phantom = grow_phantom(settings, seed=1)
        >>> phantom.image.shape, phantom.image.dtype.name, sorted(phantom.structures)
        ((64, 64), 'float32', ['portalvein', 'tumours', 'venoussystem'])
        >>> bool((phantom.vessels == grow_phantom(settings, seed=1).vessels).all())
        True
    """
    if seed < 0:
        raise ValueError(f"seed: expected 0 or more, got {seed}")
    shape, graph = grow_vessels(settings, seed)
    organ = organ_level(shape, settings.size) < 0
    shares = {name: rasterise(graph.tree(name), settings.size, settings.spacing_mm) for name in graph.tree_names}
    # A wall that the margin of the lattice did not quite keep inside ends where the organ does.
    structures = {name: (share >= 0.5) & organ for name, share in shares.items()}
    vessels = np.logical_or.reduce(list(structures.values()))
    image, tumours = paint_image(settings.image, shape, graph, shares, settings.spacing_mm, seed)
    structures[TUMOURS] = tumours & organ & ~vessels
    return Phantom(image, organ, vessels, structures, settings.spacing_mm, graph)


def grow_vessels(settings: PhantomSettings, seed: int) -> tuple[OrganShape, VesselGraph]:
    """The organ and the trees of a phantom alone: all that does not depend on the grid.

    Raises:
        ValueError: trees that find no room in the organ.

    Examples:
        >>> from ramify.phantoms import PhantomSettings, grow_vessels
        >>> organ, graph = grow_vessels(PhantomSettings(size=(64, 64), spacing_mm=(3.0, 3.0)), seed=1)
        >>> graph.tree_names, graph.ndim
        (('portalvein', 'venoussystem'), 2)
    """
    failure = NoRoomError("no organ was drawn")
    for attempt in range(_MOST_ORGANS):
        rng = np.random.default_rng([seed, 0, attempt])
        shape = draw_organ(settings.extent_mm, rng)
        try:
            return shape, _grow_in(shape, settings, rng)
        except NoRoomError as error:
            failure = error
    raise failure


def _grow_in(shape: OrganShape, settings: PhantomSettings, rng: np.random.Generator) -> VesselGraph:
    """The two trees of one organ."""
    region = growing_region(shape)
    radius = settings.root_radius_mm
    least_depth = radius + float(region.step_mm.max())
    places = {PORTAL: _HILUM, HEPATIC: _DOME if len(settings.size) == 3 else _PLANE_DOME}
    plans = []
    for name, place in places.items():
        near = np.array(place) + rng.uniform(-_ROOT_JITTER, _ROOT_JITTER, 3)
        root = organ_point_mm(shape, near.tolist(), least_depth, region)
        plans.append(TreePlan(name, root, radius, settings.min_radius_mm, settings.trees.terminals))
    trees = settings.trees
    return grow_trees(region, plans, rng, trees.murray_exponent, trees.flow_spread, trees.clearance_mm)
