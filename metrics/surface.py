"""Distances between two masks in millimetres, and the overlap of their surfaces.

Three different sets are measured. The Hausdorff distance looks at the centres of all foreground voxels, as its
definition does; its 95th percentile and the average distance at the centres of surface voxels, as they are commonly
computed; the surface Dice at surface elements, which lie on grid corners, between the voxels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ramify.metrics.family_settings import SurfaceSettings
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask, check_pair
from ramify.metrics.measure import Family, Measure, scores_if_empty
from ramify.metrics.pair import analyse_prediction, analyse_target
from ramify.vessels.surface_elements import element_areas_mm

PERCENTILE = 95.0

SURFACE_MEASURES = (
    Measure(
        "hd_mm",
        "max(h(T, P), h(P, T)), h(A, B) = max over a ∈ A of min over b ∈ B of ‖a − b‖, over all foreground voxels",
        "lower",
        np.inf,
        "Sadikine et al. 2023, section 3.3",
        "distance",
        "mm",
        shown=True,
    ),
    Measure(
        "hd95_mm",
        "max of the 95th percentiles of d(a, ∂T), a ∈ ∂P, and of d(b, ∂P), b ∈ ∂T, over surface voxels",
        "lower",
        np.inf,
        "as MONAI's compute_hausdorff_distance",
        "distance",
        "mm",
        shown=True,
    ),
    Measure(
        "assd_mm",
        "(Σ d(a, ∂T), a ∈ ∂P, + Σ d(b, ∂P), b ∈ ∂T) / (|∂P| + |∂T|), over surface voxels",
        "lower",
        np.inf,
        "as MONAI's compute_average_surface_distance(symmetric=True)",
        "distance",
        "mm",
        shown=True,
    ),
    Measure(
        "surface_dice",
        "(area of P's surface within the tolerance of T's + area of T's within it of P's) / (area of both), "
        "over surface elements",
        "higher",
        1,
        "Nikolov et al. 2018, as DeepMind's surface-distance",
        "agreement",
    ),
)


class HausdorffDistances(NamedTuple):
    """The two distances of a pair of masks, in millimetres."""

    hd_mm: float
    hd95_mm: float


def score_surface(prediction: MaskAnalysis, target: MaskAnalysis, settings: SurfaceSettings) -> dict[str, float]:
    """Every one of SURFACE_MEASURES; distances 0 if both masks are empty, the volume's diagonal if one is."""
    if (agreed := scores_if_empty(SURFACE_MEASURES, prediction, target)) is not None:
        return agreed
    to_target = target.surface_points.distances_mm(prediction.surface_points.points)
    to_prediction = prediction.surface_points.distances_mm(target.surface_points.points)
    return {
        "hd_mm": _hausdorff(prediction, target),
        "hd95_mm": float(max(np.percentile(to_target, PERCENTILE), np.percentile(to_prediction, PERCENTILE))),
        "assd_mm": float(to_target.sum() + to_prediction.sum()) / (len(to_target) + len(to_prediction)),
        "surface_dice": _surface_dice(prediction, target, settings.tolerance_mm),
    }


def _hausdorff(prediction: MaskAnalysis, target: MaskAnalysis) -> float:
    missed = prediction.surface_points.greatest_distance_mm(target.voxels_outside(prediction))
    extra = target.surface_points.greatest_distance_mm(prediction.voxels_outside(target))
    return max(missed, extra)


def _surface_dice(prediction: MaskAnalysis, target: MaskAnalysis, tolerance_mm: float) -> float:
    total = agreeing = 0.0
    for mask, other in ((prediction, target), (target, prediction)):
        areas = element_areas_mm(tuple(mask.spacing_mm))[mask.boundary.codes][mask.boundary_points.order]
        total += float(areas.sum())
        agree = other.boundary_points.within(mask.boundary_points.points, tolerance_mm)
        agreeing += float(np.where(agree, areas, 0).sum())
    return agreeing / total


def hausdorff_mm(prediction: Mask, target: Mask, spacing_mm: Sequence[float]) -> float:
    """Hausdorff distance of all foreground voxels, Sadikine et al. 2023, section 3.3.

    HD(T, P) = max(h(T, P), h(P, T)) with h(A, B) = max_{a ∈ A} min_{b ∈ B} ||a − b||. A and B are all voxels of the
    masks, not their surfaces: where a vessel of the target is hollow in the prediction, the voxels in its middle count.
    Two short cuts leave the value exactly as it is:

    * a ∈ A ∩ B has distance 0, so only A without B is measured;
    * for a ∉ B the nearest b ∈ B is a surface voxel of B: a step from b towards a along an axis in which they differ
      leads to a voxel of the volume nearer to a, which therefore is not in B, so b has a background face neighbour.

    To replace A by its surface as well would not be exact (a disc against a ring would lose its centre).

    Args:
        prediction: bool (*S)
        target: bool (*S)
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.

    Returns:
        millimetres, 0 or more, lower is better; 0 if both masks are empty, the volume's diagonal if one is.

    Raises:
        ValueError: masks that are not boolean or of different shapes, or a bad spacing.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import hausdorff_mm
        >>> target = np.array([[1, 1, 0, 0, 0, 0]], bool)
        >>> prediction = np.array([[1, 1, 0, 0, 0, 1]], bool)
        >>> hausdorff_mm(prediction, target, spacing_mm=(1.0, 0.5))  # four voxels of half a millimetre
        2.0
    """
    return _score_of("hd_mm", prediction, target, spacing_mm)


def hausdorff_95_mm(prediction: Mask, target: Mask, spacing_mm: Sequence[float]) -> float:
    """95th percentile of the surface distances: max(q95 over a ∈ ∂P of d(a, ∂T), q95 over b ∈ ∂T of d(b, ∂P)).

    ∂ is the surface: foreground voxels with a background face neighbour within the volume. The percentile is taken for
    each direction by itself, with linear interpolation between order statistics, and the larger one returned, as
    MONAI's `compute_hausdorff_distance(percentile=95)` does; only where masks leave the volume the two differ, because
    MONAI takes the volume's border for a surface. Surfaces are not regions: a cavity inside the prediction can make
    this larger than `hausdorff_mm`.

    Arguments, range, errors and empty masks as for `hausdorff_mm`. A mask that fills the volume has no surface in it;
    the voxels at the volume's border stand in.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import hausdorff_95_mm
        >>> target = np.array([[1, 0, 0, 0, 0, 0]], bool)
        >>> prediction = np.array([[0, 0, 0, 1, 0, 0]], bool)
        >>> hausdorff_95_mm(prediction, target, spacing_mm=(1.0, 2.0))
        6.0
    """
    return _score_of("hd95_mm", prediction, target, spacing_mm)


def average_surface_distance_mm(prediction: Mask, target: Mask, spacing_mm: Sequence[float]) -> float:
    """Average symmetric surface distance: the mean of all distances of which `hausdorff_95_mm` takes percentiles.

    (Σ_{a ∈ ∂P} d(a, ∂T) + Σ_{b ∈ ∂T} d(b, ∂P)) / (|∂P| + |∂T|), as MONAI's
    `compute_average_surface_distance(symmetric=True)`. All else as for `hausdorff_95_mm`.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import average_surface_distance_mm
        >>> target = np.array([[1, 0, 0, 0, 0]], bool)
        >>> prediction = np.array([[1, 0, 0, 1, 0]], bool)
        >>> average_surface_distance_mm(prediction, target, spacing_mm=(1.0, 1.0))  # (0 + 3 + 0) / 3
        1.0
    """
    return _score_of("assd_mm", prediction, target, spacing_mm)


def surface_dice(prediction: Mask, target: Mask, spacing_mm: Sequence[float], tolerance_mm: float) -> float:
    """The share of both surfaces that lies within a tolerance of the other, Nikolov et al. 2018.

    Surfaces are those of marching cubes on the binary masks (`vessels.surface_elements`): an element at each grid
    corner between foreground and background, with an area, and as far from the other surface as from its nearest
    element. Outside the volume is background: a vessel that leaves it is capped, in both masks alike.

    Args:
        prediction: bool (*S)
        target: bool (*S)
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.
        tolerance_mm: millimetres, 0 or more.

    Returns:
        0 to 1, higher is better; 1 if both are empty, 0 if one is.

    Raises:
        ValueError: masks that are not boolean or of different shapes, a bad spacing, or a tolerance below 0.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import surface_dice
        >>> target = np.zeros((8, 8), bool)
        >>> target[2:6, 2:6] = True
        >>> prediction = np.roll(target, 1, axis=1)  # one voxel of 1 mm to the right
        >>> surface_dice(prediction, target, (1.0, 1.0), tolerance_mm=1.0)
        1.0
        >>> round(surface_dice(prediction, target, (1.0, 1.0), tolerance_mm=0.5), 3)
        0.5
    """
    if not tolerance_mm >= 0:
        raise ValueError(f"tolerance_mm: expected 0 or more, got {tolerance_mm}")
    return _score_of("surface_dice", prediction, target, spacing_mm, SurfaceSettings(tolerance_mm=tolerance_mm))


def hausdorff_distances(prediction: Mask, target: Mask, spacing_mm: Sequence[float]) -> HausdorffDistances:
    """`hausdorff_mm` and `hausdorff_95_mm` of a pair, with their arguments, errors and rules for empty masks.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import hausdorff_distances
        >>> target = np.array([[1, 0, 0, 0, 0, 0]], bool)
        >>> prediction = np.array([[0, 0, 0, 1, 0, 0]], bool)
        >>> hausdorff_distances(prediction, target, spacing_mm=(1.0, 2.0))
        HausdorffDistances(hd_mm=6.0, hd95_mm=6.0)
    """
    scores = _scores_of(prediction, target, spacing_mm, SurfaceSettings())
    return HausdorffDistances(scores["hd_mm"], scores["hd95_mm"])


def _scores_of(
    prediction: Mask, target: Mask, spacing_mm: Sequence[float], settings: SurfaceSettings
) -> dict[str, float]:
    check_pair(prediction, target)
    analysed = analyse_target(target, spacing_mm)
    return score_surface(analyse_prediction(prediction, analysed), analysed, settings)


def _score_of(
    name: str,
    prediction: Mask,
    target: Mask,
    spacing_mm: Sequence[float],
    settings: SurfaceSettings | None = None,
) -> float:
    return _scores_of(prediction, target, spacing_mm, settings or SurfaceSettings())[name]


SURFACE = Family(lambda _: SURFACE_MEASURES, score_surface)
