"""The classes of a case as a report paints them: one number a voxel, of truth and of prediction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.classes import LabelClass, numbered


@dataclass(frozen=True)
class ClassMaps:
    """Where the classes are.

    names: of class 1, 2, ….
    prediction, truth: integer (*S), a class's number, 0 for none; on the grid of the files.
    """

    names: tuple[str, ...]
    prediction: NDArray[np.integer]
    truth: NDArray[np.integer]


def class_maps(
    prediction: NDArray[np.integer],
    truth: NDArray[np.integer],
    classes: Sequence[LabelClass],
    region: NDArray[np.bool_] | None = None,
) -> ClassMaps:
    """The classes of a pair of label maps (*S), within a region; of classes that share a label, the first has it."""
    maps = [numbered(labels, classes) for labels in (prediction, truth)]
    if region is not None:
        maps = [numbers * region for numbers in maps]
    return ClassMaps(tuple(one.name for one in classes), *maps)
