"""The measures of the TopCoW challenge, as it computes them, so that numbers compare with those of its leaderboard.

Task 1, multi-class segmentation of the circle of Willis (Yang et al. 2023, arXiv 2312.17670). Where they differ from
this project's own measures: docs/metrics.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from ramify.metrics.circle_of_willis import (
    ARTERIES,
    BACK_AND_FRONT,
    Variant,
    arteries_in,
    is_mirrored,
    topology_matches,
    variant_of,
)
from ramify.metrics.classes import ClassSet, numbered
from ramify.metrics.detection import kind_of
from ramify.metrics.masks import Mask, check_spacing
from ramify.metrics.summary import describe_values
from ramify.vessels.box import foreground_box
from ramify.vessels.branches import voxels_of
from ramify.vessels.point_index import PointIndex

ABSENT_MM = 90.0
"""The HD95 of an artery that one of the two maps lacks."""
GROUP_2 = ("R-Pcom", "L-Pcom", "Acom", "3rd-A2")
"""The arteries that not everybody has, of which detection is asked."""
MEANS = ("dice", "cldice", "b0_error", "hd95_mm")
"""What is a mean over cases."""


@dataclass(frozen=True)
class TopCowCase:
    """What TopCoW measures of one case.

    Attributes:
        dice, b0_error, hd95_mm: means over the arteries that either map has; 0 where there is none.
        cldice: of all arteries as one mask, with scikit-image's thinning.
        detections: of GROUP_2: `tp`, `fn`, `fp` or `tn`.
        variants: half -> the true and the predicted variant.
        matches: half -> whether its topology is right.
    """

    dice: float
    cldice: float
    b0_error: float
    hd95_mm: float
    detections: Mapping[str, str]
    variants: Mapping[str, tuple[Variant, Variant]]
    matches: Mapping[str, bool]


def check_arteries(chosen: ClassSet) -> None:
    """Refuse classes that are not those of the circle of Willis; ValueError with one that is lacking."""
    names = {one.name for one in chosen.classes}
    if lacking := next((name for name in ARTERIES if name not in names), None):
        raise ValueError(
            f"topcow: there is no class {lacking}; configs/evaluation/topcow.yaml names the labels as TopCoW does"
        )


def score_topcow(
    prediction: NDArray[np.integer],
    target: NDArray[np.integer],
    chosen: ClassSet,
    spacing_mm: Sequence[float],
    left_mm: Sequence[float],
    region: Mask | None = None,
) -> TopCowCase:
    """What TopCoW measures of a predicted label map.

    Args:
        prediction, target: integer (z, y, x), label maps.
        chosen: classes, among them one of each of the names ARTERIES.
        spacing_mm: voxel size along each axis, mm.
        left_mm: how far a step along each axis leads to the patient's left, mm.
        region: bool (z, y, x); both maps are background outside, as where TopCoW cuts them to its region of interest.

    Raises:
        ValueError: maps that are not three-dimensional or of different shapes, or a class that is lacking.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import ClassSet, parse_classes, score_topcow
        >>> named = "BA R-PCA L-PCA R-ICA R-MCA L-ICA L-MCA R-Pcom L-Pcom Acom R-ACA L-ACA 3rd-A2".split()
        >>> chosen = ClassSet.of(parse_classes([f"{name}={label}" for label, name in enumerate(named, start=1)]))
        >>> target = np.zeros((4, 5, 12), int)
        >>> target[1, 2, 1:7] = 10  # the anterior communicating artery
        >>> prediction = np.where(np.arange(12) < 5, target, 0)
        >>> found = score_topcow(prediction, target, chosen, (1.0, 0.5, 0.5), left_mm=(0.0, 0.0, 0.5))
        >>> round(found.dice, 3), found.b0_error, found.detections["Acom"]
        (0.8, 0.0, 'tp')
    """
    if prediction.ndim != 3 or prediction.shape != target.shape:
        raise ValueError(
            f"topcow: expected two label maps (z, y, x) of one shape, got {prediction.shape} and {target.shape}"
        )
    check_arteries(chosen)
    spacing = check_spacing(spacing_mm, 3)
    predicted, true = _cropped(_arteries(prediction, chosen, region), _arteries(target, chosen, region))
    there = sorted({*np.unique(predicted).tolist(), *np.unique(true).tolist()} - {0})
    pairs = {ARTERIES[number - 1]: (predicted == number, true == number) for number in there}
    arteries = arteries_in(predicted), arteries_in(true)
    overlaps = {name: _iou(*pair) for name, pair in pairs.items()}
    dices = [2 * iou / (1 + iou) for iou in overlaps.values()]
    pieces = [abs(_pieces(arteries[0], name) - _pieces(arteries[1], name)) for name in pairs]
    distances = [_hd95_mm(*pair, spacing) for pair in pairs.values()]
    kinds = {name: kind_of(name in arteries[0], name in arteries[1], overlaps.get(name)) for name in GROUP_2}
    return TopCowCase(
        dice=_mean(dices),
        cldice=_cldice(predicted > 0, true > 0),
        b0_error=_mean(pieces),
        hd95_mm=_mean(distances),
        detections=kinds,
        variants={half: (variant_of(arteries[1], half), variant_of(arteries[0], half)) for half in BACK_AND_FRONT},
        matches={
            half: topology_matches(*arteries, overlaps, half, is_mirrored(predicted, half, left_mm))
            for half in BACK_AND_FRONT
        },
    )


def summarise_topcow(cases: Mapping[str, TopCowCase]) -> dict[str, Any]:
    """The seven measures of the leaderboard over some cases, ready for JSON; each case's own values beside them.

    Examples:
        >>> from ramify.metrics import TopCowCase, summarise_topcow
        >>> found = dict.fromkeys(("R-Pcom", "L-Pcom", "Acom", "3rd-A2"), "tp")
        >>> variants = {"anterior": ((1, 1, 0, 1), (1, 1, 0, 1)), "posterior": ((0, 1, 1, 1), (1, 1, 1, 1))}
        >>> case = TopCowCase(0.9, 0.95, 0.1, 2.0, found, variants, {"anterior": True, "posterior": False})
        >>> summary = summarise_topcow({"a": case})["summary"]
        >>> summary["detection_f1"]["mean"], summary["graph_accuracy"], summary["topology_match"]
        (1.0, {'anterior': 1.0, 'posterior': 0.0}, {'anterior': 1.0, 'posterior': 0.0})
    """
    its = list(cases.values())
    summary: dict[str, Any] = {name: describe_values([getattr(case, name) for case in its]) for name in MEANS}
    f1 = {name: _f1([case.detections[name] for case in its]) for name in GROUP_2}
    summary["detection_f1"] = {**f1, "mean": _mean(list(f1.values()))}
    for key, right in (("graph_accuracy", _right_variant), ("topology_match", _right_topology)):
        summary[key] = {
            half: _balanced([(case.variants[half][0], right(case, half)) for case in its]) for half in BACK_AND_FRONT
        }
    rows = {
        case_id: {
            **{name: getattr(case, name) for name in MEANS},
            "detections": dict(case.detections),
            "variants": {
                half: {"truth": list(true), "prediction": list(found)} for half, (true, found) in case.variants.items()
            },
            "topology_matches": dict(case.matches),
        }
        for case_id, case in cases.items()
    }
    return {"cases": rows, "summary": summary}


def format_topcow(summary: Mapping[str, Any]) -> str:
    """The seven measures in a line each, for the screen.

    Args:
        summary: of `summarise_topcow`, its `summary`.

    Examples:
        >>> from ramify.metrics import TopCowCase, format_topcow, summarise_topcow
        >>> none = dict.fromkeys(("R-Pcom", "L-Pcom", "Acom", "3rd-A2"), "tn")
        >>> variants = {"anterior": ((1, 1, 0, 1), (1, 1, 0, 1)), "posterior": ((0, 1, 1, 1), (1, 1, 1, 1))}
        >>> case = TopCowCase(0.9, 0.95, 0.1, 2.0, none, variants, {"anterior": True, "posterior": False})
        >>> print(format_topcow(summarise_topcow({"a": case})["summary"]).splitlines()[1].strip())
        class-average Dice: 0.9000
    """

    def halves(key: str) -> str:
        return ", ".join(f"{half} {_written(summary[key][half])}" for half in BACK_AND_FRONT)

    means = {name: _written(summary[name]["mean"]) for name in MEANS}
    lines = {
        "class-average Dice": means["dice"],
        "clDice, merged": means["cldice"],
        "class-average B0 error": means["b0_error"],
        "class-average HD95": f"{means['hd95_mm']} mm",
        "detection F1, group 2": _written(summary["detection_f1"]["mean"]),
        "graph classification, variant-balanced": halves("graph_accuracy"),
        "topology match, variant-balanced": halves("topology_match"),
    }
    return "\n".join(["as TopCoW measures:", *(f"  {name}: {value}" for name, value in lines.items())])


def _written(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _arteries(labels: NDArray[np.integer], chosen: ClassSet, region: Mask | None) -> NDArray[np.int16]:
    """A map of arteries, 0 for all else and outside the region."""
    by_name = {one.name: one for one in chosen.classes}
    numbers = numbered(labels, [by_name[name] for name in ARTERIES])
    return numbers if region is None else numbers * region


def _cropped(*maps: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """The box of all there is in several maps, with background around it."""
    box = foreground_box(np.any([labels > 0 for labels in maps], axis=0))
    return [np.pad(labels[box], 1) for labels in maps]


def _iou(prediction: Mask, target: Mask) -> float:
    return int(np.count_nonzero(prediction & target)) / int(np.count_nonzero(prediction | target))


def _pieces(arteries: Mapping[str, Any], name: str) -> int:
    return arteries[name].pieces if name in arteries else 0


def _hd95_mm(prediction: Mask, target: Mask, spacing_mm: tuple[float, ...]) -> float:
    """Over surfaces of voxels that have any of 26 neighbours in the background, the volume's outside included."""
    if not (prediction.any() and target.any()):
        return ABSENT_MM
    surfaces = [
        PointIndex(voxels_of(mask & ~binary_erosion(mask, np.ones((3, 3, 3), bool))), spacing_mm)
        for mask in (prediction, target)
    ]
    ways = ((surfaces[0], surfaces[1]), (surfaces[1], surfaces[0]))
    return float(max(np.percentile(index.distances_mm(other.points), 95) for index, other in ways))


def _cldice(prediction: Mask, target: Mask) -> float:
    from skimage.morphology import skeletonize

    shares = []
    for mask, other in ((prediction, target), (target, prediction)):
        # Thinning depends on the order of the axes; theirs is x, y, z.
        skeleton = np.asarray(skeletonize(np.ascontiguousarray(mask.T), method="lee")).T != 0
        size = int(np.count_nonzero(skeleton))
        shares.append(int(np.count_nonzero(skeleton & other)) / size if size else 0.0)
    return 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0


def _right_variant(case: TopCowCase, half: str) -> bool:
    true, predicted = case.variants[half]
    return true == predicted


def _right_topology(case: TopCowCase, half: str) -> bool:
    return case.matches[half]


def _balanced(cases: Sequence[tuple[Variant, bool]]) -> float | None:
    """The mean over the variants of the truths of the share of right cases."""
    shares = [
        _mean([float(right) for variant, right in cases if variant == one]) for one in sorted({one for one, _ in cases})
    ]
    return _mean(shares) if shares else None


def _f1(kinds: Sequence[str]) -> float:
    """0 for an artery that is in no map, as TopCoW has it."""
    wrong = kinds.count("fp") + kinds.count("fn")
    return 2 * kinds.count("tp") / (2 * kinds.count("tp") + wrong) if kinds.count("tp") + wrong else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
