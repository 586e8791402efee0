"""Overlap of two masks: how many voxels they share.

Every function returns 1 when both masks are empty and 0 when exactly one is: a missed vessel tree is a score of nought,
never a gap in a table.
"""

from typing import NamedTuple

import numpy as np

from metrics.masks import Mask, check_pair


class Overlap(NamedTuple):
    """Voxel counts of a pair of masks, from which every overlap measure follows without another pass."""

    shared: int
    """|P ∩ T|, true positives"""
    prediction: int
    """|P|"""
    target: int
    """|T|"""

    @property
    def dice(self) -> float:
        return self._ratio(2 * self.shared, self.prediction + self.target)

    @property
    def jaccard(self) -> float:
        return self._ratio(self.shared, self.prediction + self.target - self.shared)

    @property
    def sensitivity(self) -> float:
        return self._ratio(self.shared, self.target)

    @property
    def precision(self) -> float:
        return self._ratio(self.shared, self.prediction)

    def _ratio(self, numerator: int, denominator: int) -> float:
        if self.prediction == 0 and self.target == 0:
            return 1.0
        return numerator / denominator if denominator else 0.0


def count_overlap(prediction: Mask, target: Mask) -> Overlap:
    """Count the voxels of two masks and those they share.

    Args:
        prediction: bool (*S)
        target: bool (*S)

    Raises:
        ValueError: masks that are not boolean, or of different shapes.
    """
    check_pair(prediction, target)
    return Overlap(
        shared=int(np.count_nonzero(prediction & target)),
        prediction=int(np.count_nonzero(prediction)),
        target=int(np.count_nonzero(target)),
    )


def dice(prediction: Mask, target: Mask) -> float:
    """Dice coefficient 2|P ∩ T| / (|P| + |T|), as in Sadikine et al. 2023, section 3.3.

    Args:
        prediction: bool (*S)
        target: bool (*S)

    Returns:
        0 to 1, higher is better; 1 if both are empty, 0 if one is.

    Raises:
        ValueError: masks that are not boolean, or of different shapes.
    """
    return count_overlap(prediction, target).dice


def jaccard(prediction: Mask, target: Mask) -> float:
    """Jaccard coefficient |P ∩ T| / |P ∪ T|, as in Sadikine et al. 2023, section 3.3.

    Arguments, range, errors and empty masks as for `dice`, which it follows: J = D / (2 - D).
    """
    return count_overlap(prediction, target).jaccard


def sensitivity(prediction: Mask, target: Mask) -> float:
    """The share of the target that was found, |P ∩ T| / |T|; all else as for `dice`."""
    return count_overlap(prediction, target).sensitivity


def precision(prediction: Mask, target: Mask) -> float:
    """The share of the prediction that is right, |P ∩ T| / |P|; all else as for `dice`."""
    return count_overlap(prediction, target).precision
