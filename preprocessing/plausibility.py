"""What is hardly right about a case, found before hours are spent on it: a plain line each, and never an error.

Bounds are wide, since organs and scanners differ: a line says what was seen, what it would mean, and what to do.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.large_arrays import slabs
from ramify.data.volume import Volume
from ramify.preprocessing.intensity import IntensitySettings

VESSEL_SHARE = 0.4
"""A larger part of the organ is no vessel tree."""
NARROW_SPAN = 0.1
"""Values that span less than this part of the window hold no picture of it."""
WIDEST_VOXEL_MM = 20.0
FINEST_CT_MM = 0.01
RESOLUTIONS_PER_INCH = (72, 96, 150, 300, 600)
MILLIMETRES_PER_INCH = 25.4
MOST_LABELS = 10
"""Of more values an image of whole numbers is none of labels, such as vessels, organ and lesions."""
OFFSETS = (1024, -1024, 2048, 8192, 32768)
"""What is commonly added to HU to store them, or taken off them twice."""


def doubts_about_input(
    images: Mapping[str, Volume],
    organ: Volume | None,
    rules: Mapping[str, IntensitySettings],
    organ_ml: tuple[float, float],
) -> list[str]:
    """Lines on a spacing that is hardly one, values that can't be HU under a window of HU, an organ mask of odd size.

    Args:
        images: grey values of each channel on one native grid.
        organ: its organ mask, bool, on the same grid, or None.
        rules: how those of each channel are scaled; only the method `window` expects HU.
        organ_ml: least and most volume of an organ mask in ml.
    """
    inside = None if organ is None or not organ.array.any() else organ.array
    grid = next(iter(images.values()))
    doubts = doubts_about_spacing(grid)
    as_labels = {name: doubt for name, image in images.items() if (doubt := doubt_about_labels(image.array))}
    of_channel = {name: "" if len(images) == 1 else f"channel {name}: " for name in images}
    doubts += [f"{of_channel[name]}{doubt}" for name, doubt in as_labels.items()]
    in_hu = [name for name in images if rules[name].method == "window"]
    if in_hu and max(grid.spacing_mm) < FINEST_CT_MM:
        shown = " x ".join(f"{side:.4g}" for side in grid.spacing_mm)
        doubts.append(f"a spacing of {shown} mm is finer than any CT's: check that its unit is mm and not metres")
    for name in (name for name in in_hu if name not in as_labels):
        doubts += [f"{of_channel[name]}{doubt}" for doubt in _values(images[name].array, inside, rules[name].window)]
    if organ is not None:
        doubts += _organ(organ, organ_ml)
    return doubts


def doubt_about_labels(image: NDArray[Any]) -> str:
    """A line on an image of few whole numbers from 0 on, as label maps and masks have them; empty for any other.

    Examples:
        >>> import numpy as np
        >>> from ramify.preprocessing.plausibility import doubt_about_labels
        >>> doubt_about_labels(np.array([[0, 255.0], [255, 0]]))
        'holds 2 whole numbers alone (0, 255): it looks like a label map or mask, not like an image'
        >>> doubt_about_labels(np.arange(99)), doubt_about_labels(np.array([-1000, 0])), doubt_about_labels(np.zeros(2))
        ('', '', '')
    """
    values: set[float] = set()
    for rows in slabs(image):
        # Of an image the first few hundred voxels already have more.
        part = image[rows].reshape(-1)
        for piece in (part[:: max(1, len(part) // 1000)], part):
            values.update(np.unique(piece).tolist())
            if len(values) > MOST_LABELS:
                return ""
    if len(values) < 2 or min(values) != 0 or any(value != round(value) for value in values):
        return ""
    told = ", ".join(f"{value:g}" for value in sorted(values))
    return f"holds {len(values)} whole numbers alone ({told}): it looks like a label map or mask, not like an image"


def check_is_image(images: Mapping[str, Volume], rules: Mapping[str, IntensitySettings], name: str) -> None:
    """Raise ValueError for a label map or mask where HU are expected.

    A picture of few values may be what another rule than a window of HU was meant for: `doubts_about_input` tells.

    Args:
        images: grey values of each channel.
        rules: how those of each channel are scaled.
        name: the image's, for the error.
    """
    for channel, image in images.items():
        in_hu = rules[channel].method == "window" and rules[channel].window[0] < 0
        if in_hu and (doubt := doubt_about_labels(image.array)):
            raise ValueError(f"{name}: {doubt} in HU, on which the network was trained; give the image itself")


def _organ(organ: Volume, bounds_ml: tuple[float, float]) -> list[str]:
    ml = np.count_nonzero(organ.array) * float(np.prod(organ.spacing_mm)) / 1000
    if organ.ndim != 3 or ml == 0 or bounds_ml[0] <= ml <= bounds_ml[1]:
        return []
    return [
        f"the organ mask has {ml:.3g} ml, expected {bounds_ml[0]:g} to {bounds_ml[1]:g} ml: check that it is the "
        "organ, of this image, and that its spacing is in mm; prepare with --preprocessing.organ-ml for other bounds"
    ]


def doubts_about_vessels(vessels: NDArray[np.bool_], organ: NDArray[np.bool_] | None) -> list[str]:
    """A line on vessels that fill too much of the organ, or of the volume without one; masks are (*S)."""
    room = vessels.size if organ is None else np.count_nonzero(organ)
    found = np.count_nonzero(vessels if organ is None else vessels & organ)
    if room == 0 or found <= VESSEL_SHARE * room:
        return []
    where = "volume" if organ is None else "organ"
    return [
        f"vessels fill {found / room:.0%} of the {where}, expected at most {VESSEL_SHARE:.0%}: check that the mask is "
        "the vessels' and not inverted, and that its image has the grey values that are expected"
    ]


def doubts_about_spacing(image: Volume) -> list[str]:
    """A line on a spacing that is that of a printed page, or wider than a scanner's."""
    spacing = image.spacing_mm
    shown = " x ".join(f"{value:.4g}" for value in spacing)
    for per_inch in RESOLUTIONS_PER_INCH:
        for resolution in (MILLIMETRES_PER_INCH / per_inch, float(per_inch)):
            if sum(abs(value / resolution - 1) < 1e-3 for value in spacing) > 1:
                return [
                    f"a spacing of {shown} mm is that of a page at {per_inch} dots per inch: it looks like a "
                    "resolution tag and not like the patient's; give the true spacing"
                ]
    if max(spacing) > WIDEST_VOXEL_MM:
        return [f"a spacing of {shown} mm is wider than any scanner's: check that its unit is mm"]
    return []


def _values(array: NDArray[Any], inside: NDArray[np.bool_] | None, window: tuple[float, float]) -> list[str]:
    """Why an image is hardly in HU. inside: the organ, bool (*S), if there is one."""
    low, high = float(array.min()), float(array.max())
    lower, upper = window
    within = 1.0 if inside is None else _share(array, inside, lower, upper)
    shifts = [] if inside is None else [by for by in OFFSETS if _share(array, inside, lower + by, upper + by) > 0.5]
    if high - low < NARROW_SPAN * (upper - lower):
        guess = "they look rescaled, to 0..1 or the like"
    elif low >= 0 > lower and high <= 255 and _integers(array):
        guess = "they look like 8-bit grey values"
    elif within < 0.5 and shifts:
        guess = f"they look like HU {'+' if shifts[0] > 0 else '-'} {abs(shifts[0])}, or the window is not the organ's"
    elif low >= 0 > lower:
        guess = "none is below 0, as air and fat are in HU"
    elif within < 0.5:
        guess = "the window is not the organ's, or they are no HU"
    else:
        return []
    outside = "" if inside is None else f"; {1 - within:.0%} of the organ lies outside the window"
    return [
        f"values from {low:.4g} to {high:.4g} under a window of HU ({lower:g} to {upper:g}): {guess}{outside}. Bring "
        "the image to HU (slope and intercept); or prepare and train with another --preprocessing.intensity.window, or "
        "with --preprocessing.intensity.method percentile"
    ]


def _share(array: NDArray[Any], inside: NDArray[np.bool_], lower: float, upper: float) -> float:
    """Part of the voxels inside whose value lies in the bounds."""
    found = 0
    for rows in slabs(array):
        part = array[rows]
        found += int(np.count_nonzero((part >= lower) & (part <= upper) & inside[rows]))
    return float(found / np.count_nonzero(inside))


def _integers(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "iub" or all(bool((part == np.rint(part)).all()) for part in array)
