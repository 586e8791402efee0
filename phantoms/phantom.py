"""Phantoms: a liver-shaped organ with two interleaved trees, known to the last radius, in a CT-like image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ramify.phantoms.ct_image import PhantomImageSettings, paint_image
from ramify.phantoms.organ_shape import OrganShape, draw_organ, growing_region, organ_level, organ_point_mm
from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.tree_growth import NoRoomError, TreePlan, grow_trees, most_terminals
from ramify.phantoms.vessel_graph import VesselGraph
from ramify.settings_errors import PythonSettings

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


class TreeSettings(PythonSettings, frozen=True, extra="forbid"):
    """Shape of the two vessel trees."""

    terminals: int = Field(default=40, ge=1, le=1000)
    """Ends of each of the two trees."""
    murray_exponent: float = Field(default=3.0, ge=2.0, le=4.0)
    """g in radius^g of a vessel = sum of radius^g of the two it forks into."""
    root_radius_mm: float | None = Field(default=None, gt=0, le=50)
    """Radius of the trunks; none: 4.5 % of the volume's mean side, in a plane 1.8 %."""
    min_radius_mm: float | None = Field(default=None, gt=0, le=50)
    """No vessel is thinner; none: 85 % of what the terminals would have if they were all alike."""
    flow_spread: float = Field(default=1.0, ge=0, le=3)
    """How unlike the terminals are: standard deviation of the logarithm of the flow beyond the thinnest vessel's."""
    clearance_mm: float = Field(default=1.5, ge=0, le=50)
    """Least distance between the walls of the two trees."""


class PhantomSettings(PythonSettings, frozen=True, extra="forbid"):
    """One phantom; with a seed it is determined to the last byte."""

    size: tuple[int, ...] = Field(default=(64, 64, 64), min_length=2, max_length=3)
    """Voxels along each axis (z y x, or y x for a plane)."""
    spacing_mm: tuple[float, ...] = Field(default=(2.0, 2.0, 2.0), min_length=2, max_length=3)
    """Voxel size, same axes. Organ and trees depend on size times spacing alone, not on the grid."""
    trees: TreeSettings = TreeSettings()
    """The vessels."""
    image: PhantomImageSettings = PhantomImageSettings()
    """The image."""

    @model_validator(mode="after")
    def _fits_together(self) -> "PhantomSettings":
        if len(self.size) != len(self.spacing_mm):
            raise ValueError(f"size {self.size} and spacing_mm {self.spacing_mm}: expected as many numbers in both")
        if min(self.size) < 16:
            raise ValueError(f"size {self.size}: expected at least 16 voxels along every axis")
        if not all(np.isfinite(step) and step > 0 for step in self.spacing_mm):
            raise ValueError(f"spacing_mm {self.spacing_mm}: expected positive numbers")
        most = most_terminals(self.root_radius_mm, self.min_radius_mm, self.trees.murray_exponent)
        if self.trees.terminals > most:
            raise ValueError(
                f"trees: {self.trees.terminals} terminals of at least {self.min_radius_mm:g} mm do not fit a trunk of "
                f"{self.root_radius_mm:g} mm (at most {most}); use fewer, a thinner min_radius_mm or a thicker "
                "root_radius_mm"
            )
        return self

    @property
    def extent_mm(self) -> NDArray[np.float64]:
        """Size of the volume."""
        extent: NDArray[np.float64] = np.array(self.size) * np.array(self.spacing_mm)
        return extent

    @property
    def root_radius_mm(self) -> float:
        """Radius of the trunks, given or from the volume."""
        share = 0.045 if len(self.size) == 3 else 0.018
        return self.trees.root_radius_mm or share * float(self.extent_mm.mean())

    @property
    def min_radius_mm(self) -> float:
        """Radius of the thinnest vessels, given or from the terminals."""
        alike = self.root_radius_mm / self.trees.terminals ** (1 / self.trees.murray_exponent)
        return self.trees.min_radius_mm or 0.85 * alike


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
