"""The tissues of a phantom's anatomy, by the numbers that a tissue map holds."""

from enum import IntEnum


class Tissue(IntEnum):
    """What a voxel is made of, vessels of the liver aside, which have shares of their own."""

    AIR = 0
    FAT = 1
    MUSCLE = 2
    LUNG = 3
    BONE = 4
    SPLEEN = 5
    KIDNEY = 6
    FLUID = 7
    AORTA = 8
    VENA_CAVA = 9
    LIVER = 10


FIRST_LESION, MOST_LESIONS = 16, 15
"""Each lesion has a number of its own, from the first on: no two need look alike."""
TISSUES = FIRST_LESION + MOST_LESIONS
"""One more than the highest number."""
