"""Mirroring of axes."""

from dataclasses import replace

import numpy as np

from ramify.data.augmentations.drawn import Augmentation, Draw


def flips(drawn: Augmentation, draw: Draw) -> Augmentation:
    """Each axis by itself; nothing is interpolated by it."""
    mirrored = draw.random.random(len(drawn.matrix_mm)) < draw.settings.flip_probability
    return replace(
        drawn, matrix_mm=drawn.matrix_mm * np.where(mirrored, -1.0, 1.0), mirrored=tuple(map(bool, mirrored))
    )
