"""A CT with an organ and a vessel for predictions, on a grid that shows every mistake with axes."""

from typing import Any

import numpy as np

from ramify.data.volume import Volume

# Anisotropic, off the origin and turned.
GEOMETRY: dict[str, Any] = {
    "spacing_mm": (2.5, 0.8, 0.9),
    "origin_mm": (-100.0, 20.0, 30.5),
    "direction": ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0)),
}
SHAPE = (14, 40, 30)


def ct_with_vessel() -> tuple[Volume, Volume, np.ndarray]:
    """CT, organ and vessel: a thick bar, bright in a dim organ."""
    organ = np.zeros(SHAPE, bool)
    organ[2:12, 5:35, 4:26] = True
    vessel = np.zeros(SHAPE, bool)
    vessel[5:9, 12:24, 6:24] = True
    image = np.where(vessel, 90.0, 10.0).astype(np.float32)
    return Volume(image, **GEOMETRY), Volume(organ, **GEOMETRY), vessel
