"""A case in 3D for a page: surfaces of truth and prediction, their triangles told apart by what they are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.volume import Volume
from ramify.drawing.colours import AGREEING, EXTRA, MISSED, Colour, as_hex, class_colours, scale_colours
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.report.class_maps import ClassMaps
from ramify.report.grouped_surface import Ranges, grouped_surface
from ramify.report.mesh_packing import pack_surface
from ramify.report.surfaces import Surface
from ramify.report.uncovered import uncovered_part
from ramify.vessels.branches import voxels_of


def build_scene(
    prediction: MaskAnalysis,
    target: MaskAnalysis,
    place: Volume,
    most_triangles: int,
    classes: ClassMaps | None = None,
) -> dict[str, Any] | None:
    """What report/viewer.js draws, as plain data; None in 2D and where both masks are empty.

    Surfaces are smoothed and simplified for the eye. What is missed of the truth, and extra in the prediction, is told
    by the centrelines (`report.uncovered`), not voxel by voxel.

    Args:
        prediction, target: analyses of masks on the grid of `place`.
        place: the volume that says where the grid lies.
        most_triangles: of either surface.
        classes: of label maps, on the grid of `place`; surfaces are coloured by them.
    """
    if place.ndim != 3 or (prediction.is_empty and target.is_empty):
        return None
    surfaces: list[Surface] = []
    layers: list[dict[str, Any]] = []
    if not prediction.is_empty:
        name, colours = "prediction", [AGREEING]
        groups = np.zeros(prediction.inside.shape, dtype=np.int64)
        if classes is not None:
            name, colours = "prediction by class", class_colours(len(classes.names))
            groups += np.maximum(classes.prediction[prediction.box].astype(np.int64) - 1, 0)
        groups += len(colours) * uncovered_part(prediction, target)
        surface, ranges = _grouped(prediction, place, groups, 2 * len(colours), most_triangles)
        held = [_part(0, one, colour) for one, colour in zip(ranges, colours)]
        extra = [_part(0, one, EXTRA) for one in ranges[len(colours) :]]
        layers += [_layer(name, colours, held), _layer("extra", [EXTRA], extra)]
        surfaces.append(surface)
    if not target.is_empty:
        if classes is not None:
            name, colours = "truth by class", class_colours(len(classes.names))
            numbers = classes.truth[target.box]
        else:
            name, colours = "truth by scale", scale_colours(target.scale_settings.n_scales)
            numbers = target.decomposition.scale_map
        groups = np.maximum(numbers.astype(np.int64) - 1, 0)
        groups += len(colours) * uncovered_part(target, prediction)
        surface, ranges = _grouped(target, place, groups, 2 * len(colours), most_triangles)
        number = len(surfaces)
        parts = [_part(number, ranges[group], colours[group % len(colours)]) for group in range(len(ranges))]
        missed = [_part(number, one, MISSED) for one in ranges[len(colours) :]]
        # The truth lies where the prediction does: at first, what both have is shown once.
        whole = _layer(name, colours, parts) | {"shown": prediction.is_empty}
        layers += [_layer("missed", [MISSED], missed), whole]
        surfaces.append(surface)
    return {**packed_surfaces(surfaces), "layers": layers}


def packed_surfaces(surfaces: Sequence[Surface]) -> dict[str, Any]:
    """Surfaces for report/viewer.js, in one cube: at least one, each with a triangle at least."""
    lowest = np.min([surface.points.min(axis=0) for surface in surfaces], axis=0)
    size = np.max([surface.points.max(axis=0) for surface in surfaces], axis=0) - lowest
    extent = float(size.max())
    return {
        "surfaces": [pack_surface(surface, lowest, extent) for surface in surfaces],
        "extent_mm": extent,
        "centre": (size / 2 / extent).round(5).tolist(),
    }


def _layer(name: str, colours: list[Colour], parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Triangles that are shown and hidden together."""
    return {"name": name, "colours": [as_hex(colour) for colour in colours], "parts": parts, "shown": True}


def _part(surface: int, triangles: tuple[int, int], colour: Colour) -> dict[str, Any]:
    return {"surface": surface, "first": triangles[0], "count": triangles[1], "colour": as_hex(colour)}


def _grouped(
    mask: MaskAnalysis, place: Volume, groups: NDArray[np.int64], n_groups: int, most_triangles: int
) -> tuple[Surface, Ranges]:
    """The mask's surface by groups. groups: int, within the mask's box: the group of each of its voxels."""
    voxels = voxels_of(mask.surface)
    group = groups[tuple(voxels.T)]
    return grouped_surface(mask.mask, place, voxels + np.array(mask.corner), group, n_groups, most_triangles)
