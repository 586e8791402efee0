"""The evaluation table as a script of MONAI, scikit-image and sknw has it: each measure by a call of its own.

Needs two more packages: pip install sknw cripser
"""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.measure import euler_number, label
from skimage.morphology import skeletonize

Mask = NDArray[np.bool_]
TOLERANCE_MM = 2.0


def evaluate_plainly(prediction: Mask, target: Mask, spacing_mm: tuple[float, ...], betti: str) -> dict[str, float]:
    """Overlap, surface, clDice, topology and graph measures of a 3D mask.

    betti: "scikit-image" (components of both sides and the Euler number) or "cripser" (persistent homology).
    """
    row = _by_monai(prediction, target, spacing_mm)
    skeletons = [skeletonize(mask) for mask in (prediction, target)]
    tprec = (skeletons[0] & target).sum() / max(skeletons[0].sum(), 1)
    tsens = (skeletons[1] & prediction).sum() / max(skeletons[1].sum(), 1)
    row["cldice"] = 2 * tprec * tsens / max(tprec + tsens, 1e-9)
    numbers = _betti_by_cripser if betti == "cripser" else _betti_by_labels
    for dimension, (of_prediction, of_target) in enumerate(zip(numbers(prediction), numbers(target))):
        row[f"betti_{dimension}_error"] = abs(of_prediction - of_target)
    for name, (of_prediction, of_target) in zip(
        ("length_mm", "bifurcations", "endpoints"), zip(*(_graph(skeleton, spacing_mm) for skeleton in skeletons))
    ):
        row[f"{name}_accuracy"] = max(0.0, 1 - abs(of_prediction - of_target) / max(of_target, 1e-9))
    return {name: float(value) for name, value in row.items()}


def _by_monai(prediction: Mask, target: Mask, spacing_mm: tuple[float, ...]) -> dict[str, float]:
    warnings.filterwarnings("ignore", category=FutureWarning, module="monai")  # of its own use of its own arguments
    from monai.metrics import (
        compute_average_surface_distance,
        compute_dice,
        compute_hausdorff_distance,
        compute_iou,
        compute_surface_dice,
        get_confusion_matrix,
    )

    pair = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, target)]
    true_positive, false_positive, true_negative, false_negative = get_confusion_matrix(*pair)[0, 0]
    spacing = list(spacing_mm)
    return {
        "dice": compute_dice(*pair).item(),
        "jaccard": compute_iou(*pair).item(),
        "accuracy": ((true_positive + true_negative) / target.size).item(),
        "sensitivity": (true_positive / (true_positive + false_negative)).item(),
        "precision": (true_positive / (true_positive + false_positive)).item(),
        "hd_mm": compute_hausdorff_distance(*pair, include_background=True, spacing=spacing).item(),
        "hd95_mm": compute_hausdorff_distance(*pair, include_background=True, percentile=95, spacing=spacing).item(),
        "assd_mm": compute_average_surface_distance(
            *pair, include_background=True, symmetric=True, spacing=spacing
        ).item(),
        "surface_dice": compute_surface_dice(
            *pair, [TOLERANCE_MM], include_background=True, spacing=spacing, use_subvoxels=True
        ).item(),
    }


def _betti_by_labels(mask: Mask) -> tuple[int, int, int]:
    """Components, tunnels and cavities, foreground 26-connected."""
    components = int(label(mask, connectivity=3).max())
    cavities = int(label(np.pad(~mask, 1, constant_values=True), connectivity=1).max()) - 1
    return components, components + cavities - int(euler_number(mask, connectivity=3)), cavities


def _betti_by_cripser(mask: Mask) -> tuple[int, int, int]:
    """The same from persistent homology; its cubes join foreground voxels at corners too in the T-construction."""
    import cripser

    pairs = cripser.computePH(1.0 - mask.astype(np.float64), maxdim=2)
    lasting = pairs[(pairs[:, 1] < 0.5) & (pairs[:, 2] > 0.5)]
    return tuple(int((lasting[:, 0] == dimension).sum()) for dimension in range(3))  # type: ignore[return-value]


def _graph(skeleton: Mask, spacing_mm: tuple[float, ...]) -> tuple[float, int, int]:
    """Length, bifurcations and end points by sknw."""
    import sknw

    graph = sknw.build_sknw(skeleton.astype(np.uint16), multi=True)
    length = 0.0
    for _, _, edge in graph.edges(data=True):
        length += float(np.linalg.norm(np.diff(edge["pts"] * np.array(spacing_mm), axis=0), axis=1).sum())
    degrees = [degree for _, degree in graph.degree()]
    return length, sum(degree > 2 for degree in degrees), sum(degree == 1 for degree in degrees)
