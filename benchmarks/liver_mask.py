"""Vessels of a phantom as large as a liver, on the grid of a CT."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ramify.phantoms.phantom import grow_vessels
from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.settings import PhantomSettings, TreeSettings

SPACING_MM = (1.6, 0.8, 0.8)
TREES = TreeSettings(terminals=200, root_radius_mm=7.9)
Size = Literal["tiny", "small", "large"]
TINY = TreeSettings(terminals=6, root_radius_mm=3.0)
Mask = NDArray[np.bool_]


def make_mask(size: Size, seed: int) -> Mask:
    """The vessels of a phantom of 128 x 256 x 256 voxels, for `large` within a larger volume of background.

    A `tiny` one of 32 x 64 x 64 shows that everything runs, and nothing else.
    """
    shape, trees = ((32, 64, 64), TINY) if size == "tiny" else ((128, 256, 256), TREES)
    settings = PhantomSettings(size=shape, spacing_mm=SPACING_MM, trees=trees)
    _, graph = grow_vessels(settings, seed)
    shares = [rasterise(graph.tree(name), settings.size, SPACING_MM) for name in graph.tree_names]
    mask = np.logical_or.reduce([share >= 0.5 for share in shares])
    return mask if size != "large" else np.pad(mask, [(40, 32), (100, 156), (60, 196)])
