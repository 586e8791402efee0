"""Label maps: each class measured as a mask of its own, and the mean over the classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.case import FLAGS, CaseScores, evaluate_case
from ramify.metrics.masks import Mask
from ramify.metrics.settings import EvaluationSettings


@dataclass(frozen=True)
class LabelClass:
    """A class of a label map: the labels that belong to it, and what it is called.

    Attributes:
        name: as in tables and files.
        labels: whole numbers > 0; several are taken together as one mask.

    Examples:
        >>> from ramify.metrics import LabelClass
        >>> LabelClass("veins", (2, 3)).labels
        (2, 3)
    """

    name: str
    labels: tuple[int, ...]

    def mask_in(self, label_map: NDArray[np.integer]) -> Mask:
        """Where a label map (*S) has one of the labels, bool (*S)."""
        mask: Mask = label_map == self.labels[0]
        for label in self.labels[1:]:
            mask |= label_map == label
        return mask


def parse_classes(words: Sequence[str]) -> tuple[LabelClass, ...]:
    """Classes from words such as `1`, `portal=1` or `veins=2+3`.

    Raises:
        ValueError: a word of another form, or two classes of one name.

    Examples:
        >>> from ramify.metrics import parse_classes
        >>> parse_classes(["portal=1", "veins=2+3"])
        (LabelClass(name='portal', labels=(1,)), LabelClass(name='veins', labels=(2, 3)))
    """
    classes = []
    for word in words:
        name, _, labels = word.rpartition("=")
        parts = labels.split("+")
        if not all(part.isdecimal() and int(part) > 0 for part in parts):
            raise ValueError(f"class {word!r}: expected a label such as 1, portal=1 or veins=2+3")
        classes.append(LabelClass(name or labels, tuple(int(part) for part in parts)))
    names = [one.name for one in classes]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"classes: {doubled[0]!r} is given twice; name each once")
    return tuple(classes)


def evaluate_classes(
    prediction: NDArray[np.integer],
    target: NDArray[np.integer],
    spacing_mm: Sequence[float],
    classes: Sequence[LabelClass],
    settings: EvaluationSettings | None = None,
    region: Mask | None = None,
) -> dict[str, CaseScores]:
    """The row of `metrics.case.evaluate_case` for each class of a predicted label map, by the class's name.

    Args:
        prediction: integer (*S), label map; labels that no class has count as background.
        target: integer (*S)
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.
        classes: which labels to compare, at least one class.
        settings, region: as for `evaluate_case`.

    Raises:
        ValueError: label maps of different shapes or of other than whole numbers, and as `evaluate_case`.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import evaluate_classes, parse_classes
        >>> target = np.array([[1, 1, 0, 2, 2, 0]])
        >>> prediction = np.array([[1, 1, 0, 2, 0, 0]])
        >>> rows = evaluate_classes(prediction, target, (1.0, 1.0), parse_classes(["portal=1", "hepatic=2"]))
        >>> rows["portal"]["dice"], round(rows["hepatic"]["dice"], 3)
        (1.0, 0.667)
    """
    for name, label_map in (("prediction", prediction), ("target", target)):
        if not np.issubdtype(label_map.dtype, np.integer):
            raise ValueError(f"{name}: expected a label map of whole numbers, got dtype {label_map.dtype}")
    return {
        one.name: evaluate_case(one.mask_in(prediction), one.mask_in(target), spacing_mm, settings, region)
        for one in classes
    }


def mean_of_classes(rows: Mapping[str, CaseScores]) -> CaseScores:
    """The mean of each measure over the classes that define it; a mask is empty if that of every class is.

    A class in neither mask defines none (with `both_empty: left_out`), so that a patient who lacks a vessel is compared
    by the vessels there are.

    Examples:
        >>> from ramify.metrics import mean_of_classes
        >>> found = {"empty_prediction": False, "empty_truth": False}
        >>> mean_of_classes({"portal": found | {"dice": 1.0}, "hepatic": found | {"dice": 0.5}})["dice"]
        0.75
    """
    first = next(iter(rows.values()))
    mean: CaseScores = {}
    for name in first:
        values = [row[name] for row in rows.values() if row[name] is not None]
        if name in FLAGS:
            mean[name] = all(values)
        else:
            mean[name] = float(np.mean(values)) if values else None  # type: ignore[arg-type]
    return mean
