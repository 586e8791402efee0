"""Labels in their colours as a viewer sees them: the nearest on each ray, darker with its depth."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.drawing.colours import Colour
from ramify.drawing.projections import View, frontmost

_FARTHEST = 0.42  # brightness of what lies farthest from the viewer
_DEPTHS = 24


def shades(depth: NDArray[np.floating]) -> NDArray[np.float64]:
    """Brightness (h, w, 1) by depth (h, w), 0 to 1, in so few steps that a picture has few colours."""
    steps = np.round(depth * (_DEPTHS - 1)) / (_DEPTHS - 1)
    return (1 - (1 - _FARTHEST) * steps)[..., None]


def paint_labels(
    labels: NDArray[np.integer], view: View, colours: Sequence[Colour], ground: Colour | NDArray[np.floating]
) -> NDArray[np.float64]:
    """The label nearest to the viewer on each ray in its colour, float (h, w, 3) in 0..255.

    Args:
        labels: 0 where there is nothing, i for colour i, counted from 1.
        view: where the viewer stands.
        colours: of the labels.
        ground: what is seen where a ray meets no label: one colour, or a picture (h, w, 3) in 0..255.
    """
    label, depth = frontmost(labels, view)
    palette = np.array([(0, 0, 0), *colours], dtype=float)
    return np.where(label[..., None] > 0, palette[label] * shades(depth), ground)
