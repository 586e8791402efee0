"""A phantom's image: what a portal-venous CT would show of its organ, trees and tumours, in HU.

It is the phantom's own, made once. Anatomies have none: `ramify.appearance` paints theirs, anew for each sample of a
training.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ramify.phantoms.organ_shape import OrganShape, organ_level
from ramify.phantoms.rasterisation import owning_edges
from ramify.phantoms.settings import PhantomImageSettings
from ramify.phantoms.smooth_fields import ct_noise, draw_waves, plane_waves
from ramify.phantoms.surroundings import draw_surroundings, paint_surroundings
from ramify.phantoms.tumours import draw_tumours, tumour_share
from ramify.phantoms.vessel_graph import VesselGraph

# Streams of the seed, one for each part of the image, so that a change to one leaves the others as they are.
_CONTRAST, _TUMOURS, _TEXTURE, _SURROUNDINGS, _NOISE = range(1, 6)
_TEXTURE_WAVES, _PERFUSION_WAVES = 160, 40


def paint_image(
    settings: PhantomImageSettings,
    shape: OrganShape,
    graph: VesselGraph,
    shares: Mapping[str, NDArray[np.float32]],
    spacing_mm: Sequence[float],
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The image of a phantom, and the mask of its tumours.

    Tissues are mixed by their share of each voxel (partial volume), blurred by the scanner and overlaid with noise.

    Args:
        settings: intensities.
        shape: the organ.
        graph: the trees.
        shares: vessel share of every voxel, (*S) in [0, 1], by tree.
        spacing_mm: voxel size.
        seed: the phantom's.

    Returns:
        (*S) float32 HU; (*S) bool tumours, vessels in them included.
    """
    size = next(iter(shares.values())).shape
    level = organ_level(shape, size)
    organ = _organ_share(level, spacing_mm)
    image = paint_surroundings(
        draw_surroundings(settings.surroundings, np.random.default_rng([seed, _SURROUNDINGS])), level, spacing_mm
    )
    liver = _parenchyma(settings, size, spacing_mm, seed)
    image += organ * (liver - image)
    tumours = np.zeros(size, bool)
    rng = np.random.default_rng([seed, _TUMOURS])
    blobs = settings.tumours, settings.tumour_radius_mm, settings.tumour_contrast_hu
    for tumour in draw_tumours(*blobs, shape, graph, rng):
        share, window = tumour_share(tumour, size, spacing_mm)
        image[window] += share * organ[window] * tumour.contrast_hu
        tumours[window] |= share >= 0.5
    vessel = np.minimum(sum(shares.values()), 1.0)
    contrast = _contrast_map(settings, graph, vessel > 0, spacing_mm, seed)
    image += vessel * (liver + contrast - image)
    image = ndimage.gaussian_filter(image, [settings.blur_mm / step for step in spacing_mm], mode="nearest")
    image += settings.noise_hu * ct_noise(
        size, spacing_mm, settings.noise_correlation_mm, np.random.default_rng([seed, _NOISE])
    )
    return image.astype(np.float32), tumours


def _organ_share(level: NDArray[np.float32], spacing_mm: Sequence[float]) -> NDArray[np.float32]:
    """Share of every voxel inside the organ: a ramp one voxel wide across the surface."""
    slopes = np.gradient(level)
    change = np.sqrt(sum(slope * slope for slope in slopes))
    share: NDArray[np.float32] = np.clip(0.5 - level / np.maximum(change, 1e-6), 0, 1).astype(np.float32)
    return share


def _parenchyma(
    settings: PhantomImageSettings, size: Sequence[int], spacing_mm: Sequence[float], seed: int
) -> NDArray[np.float32]:
    """HU of the parenchyma, (*S)."""
    rng = np.random.default_rng([seed, _TEXTURE])
    fine = draw_waves(_TEXTURE_WAVES, settings.texture_mm, rng)
    slow = draw_waves(_PERFUSION_WAVES, settings.perfusion_mm, rng)
    fine[:, 4] *= settings.texture_hu
    slow[:, 4] *= settings.perfusion_hu
    mean = settings.liver_hu + settings.liver_spread_hu * float(rng.standard_normal())
    return np.float32(mean) + plane_waves(np.concatenate([fine, slow]), size, spacing_mm)


def edge_contrasts(settings: PhantomImageSettings, graph: VesselGraph, seed: int) -> NDArray[np.float64]:
    """HU over parenchyma of every edge: a level of its tree's own that drifts from the root outwards.

    Args:
        settings: mean contrasts (the first tree's is the portal one) and their spread.
        graph: the trees.
        seed: the phantom's.

    Returns:
        (E,) HU; the drift stays between half and one and a half times the tree's level.
    """
    rng = np.random.default_rng([seed, _CONTRAST])
    means = np.array([settings.portal_contrast_hu, settings.hepatic_contrast_hu])
    levels = means * np.exp(settings.contrast_spread * rng.standard_normal(2))
    steps = rng.standard_normal(len(graph.edges))
    lengths, parents = graph.lengths_mm(), graph.parents()
    # A vessel's whole way from root to tip is about half as long as its organ is wide.
    way = 0.5 * float(np.ptp(graph.nodes_mm, axis=0).mean()) if len(graph.edges) else 1.0
    drift = np.ones(len(graph.edges))
    for edge in graph.outward():
        above = drift[parents[edge]] if parents[edge] >= 0 else 1.0
        step = settings.contrast_spread * np.sqrt(lengths[edge] / way) * steps[edge]
        drift[edge] = np.clip(above + step, 0.5, 1.5)
    return levels[graph.trees] * drift


def _contrast_map(
    settings: PhantomImageSettings,
    graph: VesselGraph,
    touched: NDArray[np.bool_],
    spacing_mm: Sequence[float],
    seed: int,
) -> NDArray[np.float32]:
    """Contrast of the vessel that a voxel belongs to, where one touches it; 0 elsewhere."""
    result = np.zeros(touched.shape, np.float32)
    owners = owning_edges(graph, touched, spacing_mm)[touched]
    result[touched] = edge_contrasts(settings, graph, seed)[owners]
    return result
