"""Label maps: each class and region measured as a mask of its own, and the mean over the classes."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.case import FLAGS, CaseScores, analyse_pair, score_pair
from ramify.metrics.classes import LabelClass, label_boxes
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask
from ramify.metrics.settings import EvaluationSettings


def evaluate_classes(
    prediction: NDArray[np.integer],
    target: NDArray[np.integer],
    spacing_mm: Sequence[float],
    classes: Sequence[LabelClass],
    settings: EvaluationSettings | None = None,
    region: Mask | None = None,
    ignore: int | None = None,
) -> dict[str, CaseScores]:
    """The row of `metrics.case.evaluate_case` for each class of a predicted label map, by the class's name.

    Args:
        prediction: integer (*S), label map; labels that no class has count as background.
        target: integer (*S)
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.
        classes: which labels to compare; regions, which share labels with classes, among them.
        settings, region: as for `evaluate_case`.
        ignore: voxels that have this value in the target are not in the region.

    Raises:
        ValueError: label maps of different shapes or of other than whole numbers, and as `evaluate_case`.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import evaluate_classes, parse_classes
        >>> target = np.array([[1, 1, 0, 2, 2, 9]])
        >>> prediction = np.array([[1, 1, 0, 2, 0, 2]])
        >>> classes = parse_classes(["portal=1", "hepatic=2"])
        >>> rows = evaluate_classes(prediction, target, (1.0, 1.0), classes, ignore=9)
        >>> rows["portal"]["dice"], round(rows["hepatic"]["dice"], 3)
        (1.0, 0.667)
    """
    settings = settings or EvaluationSettings()
    region = counted(target, ignore, region)
    analysed = analyse_classes(prediction, target, spacing_mm, classes, settings, region)
    return {one.name: score_pair(*pair, settings) for one, pair in analysed}


def analyse_classes(
    prediction: NDArray[np.integer],
    target: NDArray[np.integer],
    spacing_mm: Sequence[float],
    classes: Sequence[LabelClass],
    settings: EvaluationSettings,
    region: Mask | None = None,
) -> Iterator[tuple[LabelClass, tuple[MaskAnalysis, MaskAnalysis]]]:
    """Each class with the analyses of its two masks, one at a time; arguments and errors as `evaluate_classes`."""
    for name, label_map in (("prediction", prediction), ("target", target)):
        if not np.issubdtype(label_map.dtype, np.integer):
            raise ValueError(f"{name}: expected a label map of whole numbers, got dtype {label_map.dtype}")
    labels = {label for one in classes for label in one.labels}
    predicted, true = (label_boxes(label_map, labels) for label_map in (prediction, target))
    for one in classes:
        masks = one.mask_in(prediction, predicted), one.mask_in(target, true)
        yield one, analyse_pair(*masks, spacing_mm, settings, region)


def counted(target: NDArray[np.integer], ignore: int | None, region: Mask | None = None) -> Mask | None:
    """The part of the volume (*S) that counts: of the region, what does not have the ignore value in the target.

    None for all of it.
    """
    if ignore is None:
        return region
    ignored: Mask = target == ignore
    if not ignored.any():
        return region
    return ~ignored if region is None else region & ~ignored


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
