"""Anatomies: livers with their vessels, lesions and neighbours as labels, without an image.

A CT of an anatomy is cheap to paint (`ramify.appearance`), the anatomy itself is not: so it is kept, and every sample
of a training sees it otherwise.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ramify.phantoms.anatomy_settings import AnatomySettings
from ramify.phantoms.bending import bent, with_trunks
from ramify.phantoms.fissures import fissures
from ramify.phantoms.organ_shape import OrganShape, draw_organ, growing_region, organ_level, organ_point_mm
from ramify.phantoms.phantom import HEPATIC, PORTAL
from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.settings import most_terminals
from ramify.phantoms.surroundings import draw_surroundings, tissues_around
from ramify.phantoms.tissues import FIRST_LESION, Tissue
from ramify.phantoms.tree_growth import NoRoomError, TreePlan, grow_trees
from ramify.phantoms.tumours import draw_tumours, tumour_share
from ramify.phantoms.vessel_graph import VesselGraph

SYSTEMS = (PORTAL, HEPATIC)
"""The vessels of an anatomy, in the order of its shares."""
# In units of half the volume, z y x: where the portal vein enters and where it comes from; where the hepatic veins
# leave, from the right one to the left, and the vena cava that they lead to.
_HILUM, _BEFORE_HILUM = (-0.20, 0.36, 0.12), (-0.75, 0.62, 0.40)
_DOME, _CAVA = ((0.50, 0.52, -0.14), (0.58, 0.40, 0.04), (0.52, 0.44, 0.18)), (0.72, 0.80, 0.16)
_JITTER = 0.06
_MOST_ORGANS = 12
_FLOW_SPREAD = 1.0
_SURFACE = 0.03
"""How deep what counts as the liver's surface reaches, in the units of its level."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A liver as labels; the centre of voxel i lies at `(i + 0.5) * spacing_mm`.

    Attributes:
        tissues: numbers of `Tissue`, or of a lesion, uint8 (*S): what a voxel is made of, where it is not vessel.
        shares: how much of a voxel the vessels of each of `SYSTEMS` fill, in 255ths, uint8 (2, *S); also outside.
        organ: bool (*S), vessels, lesions and fissures in it included.
        vessels: by the names of SYSTEMS, bool (*S): what a reader would draw of them inside the organ, without overlap.
        spacing_mm: voxel size.
        graph: centrelines and radii behind the shares.

    Examples:
        >>> from ramify.phantoms import Anatomy, AnatomySettings, grow_anatomy
        >>> sizes = {"depth_mm": (90, 90), "height_mm": (100, 100), "width_mm": (110, 110), "portal_radius_mm": (4, 4)}
        >>> anatomy = grow_anatomy(AnatomySettings(spacing_mm=5.0, terminals=(20, 20), **sizes), seed=1)
        >>> isinstance(anatomy, Anatomy), bool((anatomy.vessels["portalvein"] & ~anatomy.organ).any())
        (True, False)
    """

    tissues: NDArray[np.uint8]
    shares: NDArray[np.uint8]
    organ: NDArray[np.bool_]
    vessels: dict[str, NDArray[np.bool_]]
    spacing_mm: tuple[float, ...]
    graph: VesselGraph

    @property
    def lesions(self) -> NDArray[np.bool_]:
        """Where they are, bool (*S); no vessel runs in them."""
        return self.tissues >= FIRST_LESION


def grow_anatomy(settings: AnatomySettings, seed: int) -> Anatomy:
    """An anatomy at random; the same seed gives the same bytes.

    Raises:
        ValueError: a negative seed, or trees that find no room in any of the livers that were drawn.

    Examples:
        >>> from ramify.phantoms import AnatomySettings, grow_anatomy
        >>> sizes = {"depth_mm": (90, 90), "height_mm": (100, 100), "width_mm": (110, 110), "portal_radius_mm": (4, 4)}
        >>> anatomy = grow_anatomy(AnatomySettings(spacing_mm=3.0, terminals=(20, 20), **sizes), seed=1)
        >>> anatomy.shares.shape, sorted(anatomy.vessels)
        ((2, 30, 33, 37), ['portalvein', 'venoussystem'])
    """
    if seed < 0:
        raise ValueError(f"seed: expected 0 or more, got {seed}")
    failure = NoRoomError("no liver was drawn")
    for attempt in range(_MOST_ORGANS):
        rng = np.random.default_rng([seed, attempt])
        extent = np.array([rng.uniform(*side) for side in (settings.depth_mm, settings.height_mm, settings.width_mm)])
        size = np.round(extent / settings.spacing_mm).astype(int)
        shape = draw_organ(size * settings.spacing_mm, rng)
        try:
            graph = _grow_vessels(shape, settings, rng)
        except NoRoomError as error:
            failure = error
            continue
        return _as_labels(shape, graph, tuple(size.tolist()), settings, rng)
    raise failure


def _grow_vessels(shape: OrganShape, settings: AnatomySettings, rng: np.random.Generator) -> VesselGraph:
    """Portal tree and hepatic veins of one liver, winding, with their trunks outside."""
    region = growing_region(shape)
    exponent, least = rng.uniform(*settings.murray_exponent), rng.uniform(*settings.least_radius_mm)
    terminals = rng.integers(settings.terminals[0], settings.terminals[1] + 1, 2)
    veins = settings.hepatic_veins
    wanted = [(PORTAL, _HILUM, settings.portal_radius_mm, int(terminals[0]))]
    dome = [_DOME[(1 + number) % len(_DOME)] for number in range(veins)]
    wanted += [(HEPATIC, place, settings.hepatic_radius_mm, max(1, int(terminals[1]) // veins)) for place in dome]
    plans = []
    for name, place, radii, ends in wanted:
        radius = float(rng.uniform(*radii))
        near = np.array(place) + rng.uniform(-_JITTER, _JITTER, 3)
        root = organ_point_mm(shape, near.tolist(), radius + float(region.step_mm.max()), region)
        # A thin trunk feeds fewer ends.
        ends = max(1, min(ends, int(0.6 * most_terminals(radius, least, exponent))))
        plans.append(TreePlan(name, root, radius, float(least), ends))
    graph = grow_trees(region, plans, rng, exponent, _FLOW_SPREAD, rng.uniform(*settings.clearance_mm))
    outside = [(np.array(_BEFORE_HILUM if name == PORTAL else _CAVA) + 1) * shape.extent_mm / 2 for name, *_ in wanted]
    graph = with_trunks(graph, outside)
    graph = bent(graph, rng.uniform(*settings.bend_mm), rng.uniform(*settings.wave_mm), rng)
    systems = np.array([SYSTEMS.index(name) for name in graph.tree_names], np.int32)
    return replace(graph, trees=systems[graph.trees], tree_names=SYSTEMS)


def _as_labels(
    shape: OrganShape, graph: VesselGraph, size: tuple[int, ...], settings: AnatomySettings, rng: np.random.Generator
) -> Anatomy:
    """What the vessels and all around them are on a grid."""
    spacing = (settings.spacing_mm,) * 3
    level = organ_level(shape, size)
    organ = level < 0
    tissues = tissues_around(draw_surroundings(True, rng), level)
    tissues[organ] = Tissue.LIVER
    sheets = int(rng.integers(settings.fissures[0], settings.fissures[1] + 1))
    surface = organ & (level > -_SURFACE)
    tissues[fissures(sheets, settings.fissure_mm, organ, surface, spacing, rng)] = Tissue.FAT
    count = int(rng.integers(settings.lesions[0], settings.lesions[1] + 1))
    # Only their shape is used: how dense each is belongs to its appearance.
    for number, lesion in enumerate(draw_tumours(count, settings.lesion_radius_mm, (0.0, 0.0), shape, graph, rng)):
        share, window = tumour_share(lesion, size, spacing)
        its = (share >= 0.5) & organ[window]
        tissues[window][its] = FIRST_LESION + number
    # A tumour takes the place of the vessels that ran where it is.
    left = tissues < FIRST_LESION
    shares = np.stack([rasterise(graph.tree(name), size, spacing) for name in SYSTEMS]) * left
    drawn = np.stack([rasterise(_drawn(graph.tree(name), settings), size, spacing) for name in SYSTEMS]) * left
    owner, inside = drawn.argmax(axis=0), organ & (drawn.max(axis=0) >= 0.5)
    return Anatomy(
        tissues=tissues,
        shares=np.round(255 * shares).astype(np.uint8),
        organ=organ,
        vessels={name: inside & (owner == number) for number, name in enumerate(SYSTEMS)},
        spacing_mm=spacing,
        graph=graph,
    )


def _drawn(graph: VesselGraph, settings: AnatomySettings) -> VesselGraph:
    """What of the vessels a reader draws, as thick as they draw it."""
    seen = graph.radii_mm >= settings.drawn_from_mm
    radii = np.maximum(graph.radii_mm[seen] + settings.drawn_margin_mm, settings.drawn_as_mm)
    return replace(graph, edges=graph.edges[seen], radii_mm=radii, trees=graph.trees[seen])
