"""Labels of label maps that are in no class: they count as background, and a user may not know of them."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.classes import ClassSet
from ramify.metrics.masks import Mask

_MOST_NAMED = 8
_ROLES = ("truth", "prediction")

ByRole = Mapping[str, tuple[int, ...]]
"""Of a case: the labels of the truth and of the prediction that no class has."""


def labels_without_class(label_map: NDArray[np.integer], chosen: ClassSet, region: Mask | None) -> tuple[int, ...]:
    """The labels of a map (*S), but 0, that no class has, rising; of what counts alone.

    region: bool (*S), what counts; None for all there is.

    Examples:
        >>> import numpy as np
        >>> from ramify.evaluation.labels_without_class import labels_without_class
        >>> from ramify.metrics import ClassSet, parse_classes
        >>> chosen = ClassSet.of(parse_classes(["portal=2", "hepatic=3"]))
        >>> labels_without_class(np.array([[0, 1, 2, 255, 3, 1]]), chosen, None)
        (1, 255)
    """
    # Vessels are few: what is sorted is the rest of the foreground.
    inside = label_map != 0 if region is None else (label_map != 0) & region
    return tuple(label for label in np.unique(label_map[inside]).tolist() if label not in chosen.labels)


def labels_warning(cases: Iterable[ByRole]) -> str:
    """A line for all cases that names the labels, and in how many files they are; empty where there are none.

    Examples:
        >>> from ramify.evaluation.labels_without_class import labels_warning
        >>> labels_warning([{"truth": (1,), "prediction": ()}, {"truth": (1,), "prediction": (4,)}])[:60]
        'labels in no class count as background: 1 (2 truths), 4 (1 p'
    """
    counts = Counter((label, role) for case in cases for role, labels in case.items() for label in labels)
    labels = sorted({label for label, _ in counts})
    if not labels:
        return ""
    named = [
        f"{label} ({' and '.join(_times(counts[label, role], role) for role in _ROLES if counts[label, role])})"
        for label in labels[:_MOST_NAMED]
    ]
    more = f" and {len(labels) - _MOST_NAMED} more" if len(labels) > _MOST_NAMED else ""
    return (
        f"labels in no class count as background: {', '.join(named)}{more}; "
        "--ignore-label leaves out voxels that nobody labelled, --classes-of takes the classes of prepared cases"
    )


def _times(count: int, role: str) -> str:
    return f"{count} {role}{'' if count == 1 else 's'}"
