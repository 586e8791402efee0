"""Detection: is a class found where it is, and not where it is not? Counted over cases, where overlaps are averaged.

As in TopCoW (Yang et al. 2023), for classes that not every patient has: a class that is there counts as found from an
overlap on, and F1 is that of all cases together.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from ramify.metrics.case import CaseScores

OVERLAP_OF_FOUND = "jaccard"
"""The measure that says whether a class is found; without it there is no detection."""
DETECTION_IOU = 0.25
"""TopCoW's overlap from which a class counts as found: a lenient one, of small vessels."""


class Detection(TypedDict):
    """In how many cases a class was found (tp), missed (fn), invented (fp) and rightly not found (tn); the shares."""

    tp: int
    fn: int
    fp: int
    tn: int
    precision: float | None
    """tp / (tp + fp); None where it was never found nor invented"""
    recall: float | None
    """tp / (tp + fn); None where no case has it"""
    f1: float | None
    """2 tp / (2 tp + fp + fn); None where no case has it and none was invented"""


def count_detections(cases: Mapping[str, "CaseScores"], iou: float) -> Detection | None:
    """How often a class was found.

    A class of the truth is found if its overlap (IoU) with the prediction reaches a threshold, else it is missed; what
    is predicted of a class that the truth lacks is invented. One that is there and badly met is missed, and not
    invented as well.

    Args:
        cases: case id -> the class's row of `metrics.class_scores.evaluate_classes`.
        iou: the threshold, 0 to 1.

    Returns:
        None where the rows have no `jaccard`.

    Examples:
        >>> from ramify.metrics import count_detections
        >>> there = {"empty_prediction": False, "empty_truth": False}
        >>> rows = {"a": there | {"jaccard": 0.5}, "b": there | {"jaccard": 0.1}}
        >>> rows["c"] = {"jaccard": 0.0, "empty_prediction": False, "empty_truth": True}
        >>> found = count_detections(rows, iou=0.25)
        >>> found["tp"], found["fn"], found["fp"], found["f1"]
        (1, 1, 1, 0.5)
    """
    if not all(OVERLAP_OF_FOUND in row for row in cases.values()):
        return None
    kinds = [
        kind_of(not row["empty_prediction"], not row["empty_truth"], row[OVERLAP_OF_FOUND], iou)
        for row in cases.values()
    ]
    tp, fn, fp, tn = (kinds.count(kind) for kind in ("tp", "fn", "fp", "tn"))
    return Detection(
        tp=tp,
        fn=fn,
        fp=fp,
        tn=tn,
        precision=tp / (tp + fp) if tp + fp else None,
        recall=tp / (tp + fn) if tp + fn else None,
        f1=2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None,
    )


def mean_f1(detections: Iterable[Detection | None]) -> float | None:
    """The mean F1 of the classes that have one."""
    values = [found["f1"] for found in detections if found is not None and found["f1"] is not None]
    return sum(values) / len(values) if values else None


def kind_of(in_prediction: bool, in_truth: bool, overlap: float | None, iou: float = DETECTION_IOU) -> str:
    """`tp`, `fn`, `fp` or `tn`: what a class of one case counts as.

    overlap: IoU of the two masks; not looked at where the truth is empty.
    """
    if not in_truth:
        return "fp" if in_prediction else "tn"
    return "tp" if in_prediction and overlap is not None and overlap >= iou else "fn"
