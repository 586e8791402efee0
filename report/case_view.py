"""What a report shows of one case besides its scores: pictures, scales, radii and surfaces, as plain data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.volume import Volume
from ramify.drawing.scale_words import radius_ranges
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.stored import as_stored
from ramify.report.class_maps import ClassMaps
from ramify.report.pictures import ViewPictures, draw_views
from ramify.report.scene import build_scene
from ramify.report.settings import ReportSettings
from ramify.report.slices import CaseSlices


@dataclass(frozen=True)
class ScaleShare:
    """How much of one scale of the truth the prediction holds.

    radii: in words, such as `r ≤ 1.20 mm`.
    branches, voxels: of the truth at this scale.
    sensitivity: share of these voxels in the prediction, 0 to 1; None where the scale is empty.
    """

    radii: str
    branches: int
    voxels: int
    sensitivity: float | None


@dataclass(frozen=True)
class CaseView:
    """One case as a report shows it; small, and fit to travel between processes.

    Args:
        geometry: shape and spacing in words.
        pictures: one a direction; none where both masks are empty.
        scales: of the truth, smallest vessels first; none where it is empty.
        truth_radii_mm, prediction_radii_mm: of the branches; empty for an empty mask.
        scene: surfaces for report/viewer.js, or None.
        notes: what is worth knowing of the case, a line each.
        classes: names of the classes by whose colours it is painted; none where it is painted by scale.
        slices: of its image, which `report.slices.cut_slices` cuts; None without one.
    """

    geometry: str
    pictures: tuple[ViewPictures, ...]
    scales: tuple[ScaleShare, ...]
    truth_radii_mm: tuple[float, ...]
    prediction_radii_mm: tuple[float, ...]
    scene: dict[str, Any] | None
    notes: tuple[str, ...]
    classes: tuple[str, ...] = ()
    slices: CaseSlices | None = None


def view_case(
    prediction: MaskAnalysis,
    target: MaskAnalysis,
    place: Volume,
    settings: ReportSettings | None = None,
    classes: ClassMaps | None = None,
) -> CaseView:
    """Look at a case: a prediction and its truth on the grid of `place`, 2D or 3D; either may be empty.

    With `classes`, of label maps on that grid, pictures and surfaces are coloured by them, else the truth's by scale.
    Analyses that were laid down for their measures (`metrics.pair`) are turned back to that grid.

    Raises:
        ValueError: masks or place of different shapes.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> from ramify.metrics import MaskAnalysis
        >>> from ramify.report import view_case
        >>> mask = np.zeros((12, 12), bool)
        >>> mask[5:8, 2:10] = True
        >>> analysis = MaskAnalysis(mask, (1.0, 1.0))
        >>> view = view_case(analysis, analysis, Volume(mask, (1.0, 1.0)))
        >>> [share.sensitivity for share in view.scales if share.voxels]
        [1.0]
    """
    settings = settings or ReportSettings()
    prediction, target = as_stored(prediction, target)
    if not prediction.shape == target.shape == place.shape:
        raise ValueError(
            f"report: expected masks of shape {place.shape} as their place has, "
            f"got {prediction.shape} (prediction) and {target.shape} (truth)"
        )
    radii = [() if mask.is_empty else _radii_mm(mask) for mask in (target, prediction)]
    shape = " × ".join(str(size) for size in place.shape)
    spacing = " × ".join(f"{size:.3g}" for size in place.spacing_mm)
    return CaseView(
        geometry=f"{shape} voxels of {spacing} mm",
        pictures=draw_views(prediction, target, place.direction, classes),
        scales=share_of_scales(prediction, target),
        truth_radii_mm=radii[0],
        prediction_radii_mm=radii[1],
        scene=build_scene(prediction, target, place, settings.triangles, classes) if settings.surfaces else None,
        notes=() if target.is_empty else target.decomposition.notes,
        classes=() if classes is None else classes.names,
    )


def _radii_mm(mask: MaskAnalysis) -> tuple[float, ...]:
    """Radii of the branches that the mask has voxels of: within an organ, not those outside."""
    radii: list[float] = mask.decomposition.radii_mm[_branches_of(mask) - 1].tolist()
    return tuple(radii)


def _branches_of(mask: MaskAnalysis) -> NDArray[np.int64]:
    """Numbers of the branches that the mask has voxels of, rising."""
    return np.unique(mask.decomposition.branches[mask.inside]).astype(np.int64)


def share_of_scales(prediction: MaskAnalysis, target: MaskAnalysis) -> tuple[ScaleShare, ...]:
    """|P ∩ T_s| / |T_s| for each scale T_s of the truth, smallest vessels first; none for an empty truth."""
    if target.is_empty:
        return ()
    decomposition, n_scales = target.decomposition, target.scale_settings.n_scales
    scale_map, thresholds_mm = decomposition.scale_map, decomposition.thresholds_mm
    voxels = np.bincount(scale_map.ravel(), minlength=n_scales + 1)[1:]
    found = np.bincount(scale_map[prediction.mask[target.box]], minlength=n_scales + 1)[1:]
    branches = np.bincount(decomposition.scale_of_branch[_branches_of(target) - 1], minlength=n_scales + 1)[1:]
    return tuple(
        ScaleShare(words, int(owners), int(held), int(hit) / int(held) if held else None)
        for words, owners, held, hit in zip(
            radius_ranges(thresholds_mm, n_scales), branches, voxels, found, strict=True
        )
    )
