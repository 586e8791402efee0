"""What 8 bits of a slice mean: the grey values that are kept, the window at first, and the windows to choose from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Window = tuple[float, float]
"""Centre and width of the grey values that are told apart."""

HOUNSFIELD = "HU"
AIR_HU = -200
"""A volume of three dimensions that goes below this is a CT: the air around the patient."""
KEPT_HU = (-250.0, 500.0)
"""What a page keeps of a CT: from fat to contrast medium in the aorta, in steps of 3 HU."""
CT_WINDOW: Window = (100.0, 250.0)
CT_PRESETS: dict[str, Window] = {
    "Liver vessels": CT_WINDOW,
    "Liver": (60.0, 160.0),
    "Abdomen": (40.0, 400.0),
    "Arteries": (200.0, 600.0),
}
_TAILS = (0.5, 99.5)


@dataclass(frozen=True)
class GreyValues:
    """Of a case's slices.

    lowest, highest: the grey values of 0 and 255.
    window: at first. presets: by name.
    unit: HU for a CT, else empty.
    """

    lowest: float
    highest: float
    window: Window
    presets: dict[str, Window]
    unit: str

    def as_bytes(self, grey: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
        """Grey values (*S) in 8 bits; NaN is 0."""
        share = (np.nan_to_num(grey, nan=self.lowest) - self.lowest) / (self.highest - self.lowest)
        kept: NDArray[np.uint8] = np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)
        return kept

    def seen(self, kept: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """8 bits (*S) through the window at first."""
        centre, width = self.window
        values = self.lowest + kept * ((self.highest - self.lowest) / 255)
        shades: NDArray[np.uint8] = np.round(255 * np.clip((values - centre) / width + 0.5, 0, 1)).astype(np.uint8)
        return shades


def grey_values_of(image: NDArray[Any], shown: NDArray[np.floating[Any]], window: Window | None = None) -> GreyValues:
    """What is kept of an image (*S): of a CT a range of HU, of another all but the tails of what is shown of it.

    Args:
        image: all of it, by which a CT is known.
        shown: the part that is shown, NaN where there is none.
        window: at first, in place of the usual; more is kept where it needs more.
    """
    if image.ndim == 3 and np.nanmin(image) < AIR_HU:
        (lowest, highest), presets, unit = KEPT_HU, dict(CT_PRESETS), HOUNSFIELD
        at_first = window or CT_WINDOW
    else:
        lowest, highest = (float(value) for value in np.nanpercentile(shown, _TAILS))
        highest = max(highest, lowest + 1e-6 * max(1.0, abs(lowest)))
        presets, unit = {}, ""
        at_first = window or ((lowest + highest) / 2, highest - lowest)
    centre, width = at_first
    lowest, highest = min(lowest, centre - width / 2), max(highest, centre + width / 2)
    presets["All"] = ((lowest + highest) / 2, highest - lowest)
    return GreyValues(lowest, highest, at_first, presets, unit)
