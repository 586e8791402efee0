"""A case's part of the data set's fingerprint, from the case as it was read."""

import numpy as np

from ramify.data.raw_case import RawCase
from ramify.planning.fingerprint import Calibres, CaseFingerprint, ChannelGreys, Greys
from ramify.preprocessing.grid import plan_grid
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.vessels.box import foreground_box
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales

ONE_SCALE = ScaleSettings(quantiles=())


def fingerprint_of(raw: RawCase, settings: PreprocessingSettings) -> CaseFingerprint:
    """The fingerprint of a case.

    Args:
        raw: with its organ's main parts (`prepare.checked_organ`).
        settings: of which the margin around the organ counts, and whether vessels are cut to it.
    """
    crop = GridSettings(crop="organ" if raw.organ is not None else "volume", margin_mm=settings.grid.margin_mm)
    grid = plan_grid(raw.image, raw.organ, crop)
    organ = None if raw.organ is None or not settings.restrict_to_organ else raw.organ.array
    vessels = raw.vessels.array if organ is None else raw.vessels.array & organ
    around = None if raw.organ is None else raw.organ.array & ~raw.vessels.array
    return CaseFingerprint(
        shape=tuple(raw.image.shape[axis] for axis in grid.axes),
        spacing_mm=tuple(float(f"{side:.6g}") for side in grid.turned_spacing_mm),
        has_organ=raw.organ is not None,
        box=tuple(stop - start for start, stop in zip(grid.crop_start, grid.crop_stop, strict=True)),
        channels={name: _greys(image.array, vessels, around) for name, image in raw.images.items()},
        calibres=_calibres(raw, organ),
    )


def _greys(image: np.ndarray, vessels: np.ndarray, around: np.ndarray | None) -> ChannelGreys:
    return ChannelGreys(
        lowest=float(image.min()),
        highest=float(image.max()),
        vessels=Greys.of(image[vessels]) if vessels.any() else None,
        around=Greys.of(image[around]) if around is not None and around.any() else None,
    )


def _calibres(raw: RawCase, organ: np.ndarray | None) -> Calibres:
    """Of the branches of all that was drawn, by the length of those parts of them that lie in the organ.

    By the estimator `volume`, which tells vessels of one voxel and of two apart; a distance to the wall does not.
    """
    if not raw.vessels.array.any():
        return Calibres(length_mm=0.0, diameters_mm=())
    box = foreground_box(raw.vessels.array, 1)
    found = decompose_scales(np.ascontiguousarray(raw.vessels.array[box]), raw.vessels.spacing_mm, ONE_SCALE)
    curves = found.centreline
    lengths = curves.shares_mm
    if organ is not None:
        lengths = np.where(organ[box][tuple(curves.voxels.T)], lengths, 0.0)
    branches = np.repeat(curves.branches, np.diff(curves.starts))
    return Calibres.of(2 * found.radii_mm[branches - 1], lengths)
