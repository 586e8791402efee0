"""Shift along every axis."""

from dataclasses import replace

import numpy as np

from ramify.data.augmentations.drawn import Augmentation, Draw

MOST_SHIFT = 0.25
"""Largest shift as a share of what a sample sees along an axis."""


def translation(drawn: Augmentation, draw: Draw) -> Augmentation:
    """A shift in millimetres, at most `MOST_SHIFT` of what the sample sees."""
    ndim = len(drawn.matrix_mm)
    reach_mm = np.full(ndim, draw.settings.translation_mm if draw.moved else 0.0)
    if draw.seen_mm is not None:
        reach_mm = np.minimum(reach_mm, MOST_SHIFT * draw.seen_mm)
    return replace(drawn, translation_mm=draw.random.uniform(-reach_mm, reach_mm, ndim))
