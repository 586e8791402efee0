"""Overlap of two masks: how many voxels they share, and how many of each are wrong."""

from typing import NamedTuple

import numpy as np

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask, check_pair
from ramify.metrics.measure import Family, Measure

SADIKINE = "Sadikine et al. 2023, section 3.3"

OVERLAP_MEASURES = (
    Measure("dice", "2 |P ∩ T| / (|P| + |T|)", "higher", 1, SADIKINE, "agreement", shown=True),
    Measure("jaccard", "|P ∩ T| / |P ∪ T|", "higher", 1, SADIKINE, "agreement", shown=True),
    Measure("sensitivity", "|P ∩ T| / |T|", "higher", 1, "recall; 1 − false negative rate", "agreement"),
    Measure("precision", "|P ∩ T| / |P|", "higher", 1, "positive predictive value", "agreement"),
    Measure(
        "accuracy",
        "(|P ∩ T| + |V \\ (P ∪ T)|) / |V|, V all voxels looked at",
        "higher",
        1,
        "Shit et al. 2021, section 5.2",
        "measured",
    ),
    Measure("fnr", "|T \\ P| / |T|", "lower", 1, "false negative rate; 1 − sensitivity", "error"),
    Measure("fpr", "|P \\ T| / |V \\ T|", "lower", 1, "false positive rate", "measured"),
)


class Overlap(NamedTuple):
    """Voxel counts of a pair of masks, from which every overlap measure follows without another pass."""

    shared: int
    """|P ∩ T|, true positives"""
    prediction: int
    """|P|"""
    target: int
    """|T|"""
    considered: int
    """|V|, all voxels that were looked at"""

    @property
    def dice(self) -> float:
        return self._agreement(2 * self.shared, self.prediction + self.target)

    @property
    def jaccard(self) -> float:
        return self._agreement(self.shared, self.prediction + self.target - self.shared)

    @property
    def sensitivity(self) -> float:
        return self._agreement(self.shared, self.target)

    @property
    def precision(self) -> float:
        return self._agreement(self.shared, self.prediction)

    @property
    def accuracy(self) -> float:
        return (self.considered - self.prediction - self.target + 2 * self.shared) / self.considered

    @property
    def fnr(self) -> float:
        return 1.0 - self.sensitivity if self.target == 0 else (self.target - self.shared) / self.target

    @property
    def fpr(self) -> float:
        background = self.considered - self.target
        return (self.prediction - self.shared) / background if background else 0.0

    def _agreement(self, numerator: int, denominator: int) -> float:
        if self.prediction == 0 and self.target == 0:
            return 1.0
        return numerator / denominator if denominator else 0.0


def score_overlap(prediction: MaskAnalysis, target: MaskAnalysis) -> dict[str, float]:
    """Every one of OVERLAP_MEASURES; a mask that is empty counts as each measure's rule says."""
    counts = _counted(prediction, target)
    return {measure.name: getattr(counts, measure.name) for measure in OVERLAP_MEASURES}


def _counted(prediction: MaskAnalysis, target: MaskAnalysis) -> Overlap:
    both = tuple(
        slice(max(one.start, other.start), max(one.start, other.start, min(one.stop, other.stop)))
        for one, other in zip(prediction.box, target.box, strict=True)
    )
    shared = int(np.count_nonzero(prediction.mask[both] & target.mask[both]))
    return Overlap(shared, prediction.n_voxels, target.n_voxels, target.n_considered)


def count_overlap(prediction: Mask, target: Mask) -> Overlap:
    """Count the voxels of two masks and those they share.

    Args:
        prediction: bool (*S)
        target: bool (*S)

    Raises:
        ValueError: masks that are not boolean, or of different shapes.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import count_overlap
        >>> target = np.array([[1, 1, 1, 1, 0, 0]], bool)
        >>> prediction = np.array([[0, 1, 1, 1, 1, 0]], bool)
        >>> count_overlap(prediction, target)
        Overlap(shared=3, prediction=4, target=4, considered=6)
    """
    check_pair(prediction, target)
    return Overlap(
        shared=int(np.count_nonzero(prediction & target)),
        prediction=int(np.count_nonzero(prediction)),
        target=int(np.count_nonzero(target)),
        considered=target.size,
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

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import dice
        >>> target = np.array([[1, 1, 1, 1, 0, 0]], bool)
        >>> prediction = np.array([[0, 1, 1, 1, 1, 0]], bool)
        >>> round(dice(prediction, target), 3)  # 2 * 3 / (4 + 4)
        0.75
    """
    return count_overlap(prediction, target).dice


def jaccard(prediction: Mask, target: Mask) -> float:
    """Jaccard coefficient |P ∩ T| / |P ∪ T|, as in Sadikine et al. 2023, section 3.3.

    Arguments, range, errors and empty masks as for `dice`, which it follows: J = D / (2 - D).

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import jaccard
        >>> target = np.array([[1, 1, 1, 1, 0, 0]], bool)
        >>> prediction = np.array([[0, 1, 1, 1, 1, 0]], bool)
        >>> round(jaccard(prediction, target), 3)  # 3 / 5
        0.6
    """
    return count_overlap(prediction, target).jaccard


def sensitivity(prediction: Mask, target: Mask) -> float:
    """The share of the target that was found, |P ∩ T| / |T|; all else as for `dice`.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import sensitivity
        >>> target = np.array([[1, 1, 1, 1, 0, 0]], bool)
        >>> prediction = np.array([[0, 1, 1, 1, 1, 0]], bool)
        >>> round(sensitivity(prediction, target), 3)  # 3 of 4 found
        0.75
    """
    return count_overlap(prediction, target).sensitivity


def precision(prediction: Mask, target: Mask) -> float:
    """The share of the prediction that is right, |P ∩ T| / |P|; all else as for `dice`.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import precision
        >>> target = np.array([[1, 1, 1, 1, 0, 0]], bool)
        >>> prediction = np.array([[0, 1, 1, 1, 1, 0]], bool)
        >>> round(precision(prediction, target), 3)  # 3 of 4 right
        0.75
    """
    return count_overlap(prediction, target).precision


def accuracy(prediction: Mask, target: Mask) -> float:
    """The share of all voxels that are right, (|P ∩ T| + |V \\ (P ∪ T)|) / |V|; close to 1 wherever vessels are few.

    Arguments and errors as for `dice`; empty masks are counted like any other.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import accuracy
        >>> target = np.array([[1, 1, 1, 1, 0, 0]], bool)
        >>> prediction = np.array([[0, 1, 1, 1, 1, 0]], bool)
        >>> round(accuracy(prediction, target), 3)  # 4 of 6 voxels
        0.667
    """
    return count_overlap(prediction, target).accuracy


def false_negative_rate(prediction: Mask, target: Mask) -> float:
    """The share of the target that was missed, |T \\ P| / |T| = 1 - sensitivity; 0 if both are empty, 1 if one is.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import false_negative_rate
        >>> target = np.array([[1, 1, 1, 1, 0, 0]], bool)
        >>> prediction = np.array([[0, 1, 1, 1, 1, 0]], bool)
        >>> round(false_negative_rate(prediction, target), 3)  # 1 of 4 missed
        0.25
    """
    return count_overlap(prediction, target).fnr


def false_positive_rate(prediction: Mask, target: Mask) -> float:
    """The share of the background that was taken for vessel, |P \\ T| / |V \\ T|; 0 where there is no background.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import false_positive_rate
        >>> target = np.array([[1, 1, 1, 1, 0, 0]], bool)
        >>> prediction = np.array([[0, 1, 1, 1, 1, 0]], bool)
        >>> round(false_positive_rate(prediction, target), 3)  # 1 of 2 background voxels
        0.5
    """
    return count_overlap(prediction, target).fpr


OVERLAP = Family(
    lambda _: OVERLAP_MEASURES, lambda prediction, target, _: score_overlap(prediction, target), needs_spacing=False
)
