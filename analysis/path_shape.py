"""How a path runs: its chord and how much it bends, and how its vessel narrows."""

import numpy as np

from ramify.vessels.branches import FloatArray


def mean_curvature_per_mm(points_mm: FloatArray, step_mm: float) -> float | None:
    """Mean curvature of a path: by how much it turns, in radians, over the length in which it does, 1/mm.

    The path is walked in steps of equal length, so that what voxels make of it is not counted: of n steps the angles
    between neighbours add up, over n - 1 steps.

    Args:
        points_mm: float (M, ndim).
        step_mm: about how long a step is.

    Returns:
        None for a path that is shorter than two steps, or a point.

    Examples:
        >>> import numpy as np
        >>> from ramify.analysis import mean_curvature_per_mm
        >>> turn = np.linspace(0, np.pi, 200)
        >>> round(mean_curvature_per_mm(10 * np.stack([np.sin(turn), np.cos(turn)], axis=1), 2.0), 3)
        0.1
    """
    if len(points_mm) < 2:
        return None
    along = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(points_mm, axis=0), axis=1)))
    steps = int(along[-1] / step_mm) if step_mm > 0 else 0
    if steps < 2:
        return None
    places = np.linspace(0, along[-1], steps + 1)
    walked = np.diff(np.stack([np.interp(places, along, axis) for axis in points_mm.T], axis=1), axis=0)
    length = np.linalg.norm(walked, axis=1)
    cosine = (walked[1:] * walked[:-1]).sum(axis=1) / np.maximum(length[1:] * length[:-1], np.finfo(float).tiny)
    turned = np.arccos(np.clip(cosine, -1, 1)).sum()
    return float(turned / ((along[-1] / steps) * (steps - 1)))


def taper_mm_per_mm(radii_mm: FloatArray, along_mm: FloatArray) -> float | None:
    """By how much a radius falls with every mm along a vessel, by least squares; None for fewer than three places."""
    if len(radii_mm) < 3 or np.ptp(along_mm) == 0:
        return None
    offset = along_mm - along_mm.mean()
    # 0 and not -0 for an even vessel.
    return float(-(offset * (radii_mm - radii_mm.mean())).sum() / np.square(offset).sum()) + 0.0
