"""How far the vessels of one graph have to be moved to become those of the other."""

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.family_settings import StreetMoverSettings
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.measure import Family, Measure, Scores, diagonal_mm, scores_if_no_centreline
from ramify.metrics.transport import mean_transport_mm
from ramify.vessels.curve_graph import CentrelineGraph

STREET_MOVER_MEASURES = (
    Measure(
        "street_mover_mm",
        "min over pairings π of the mean of ‖p_i − t_π(i)‖, points spread evenly over the branches of P and of T",
        "lower",
        np.inf,
        "Belli & Kipf 2019, StreetMover; exact, in mm, where theirs is approximate, squared and normalised",
        "distance",
        "mm",
    ),
    Measure(
        "street_mover_floor_mm",
        "street_mover_mm between two such samplings of T, half a step apart",
        "lower",
        np.inf,
        "what the sampling alone costs: smaller values of street_mover_mm tell nothing",
        "measured",
        "mm",
    ),
)

# Floors of the truths that many predictions are compared with: analysis -> points -> mm.
_floors: WeakKeyDictionary[MaskAnalysis, dict[int, float]] = WeakKeyDictionary()


def points_along(graph: CentrelineGraph, points: int, phase: float = 0.5) -> NDArray[np.float64]:
    """Points spread evenly over the length of a graph's curves, one after the other.

    Point i lies at (i + phase) / points of the length: in the middle of its piece at the default phase. The same graph
    always gives the same points.

    Args:
        graph: with at least one point.
        points: how many, >= 1.
        phase: 0 to 1.

    Returns:
        float (points, ndim), mm. Curves without length get none, unless all are: then each of their points gets its
        share.

    Raises:
        ValueError: a graph without a point.
    """
    if not len(graph.points_mm):
        raise ValueError("graph: expected at least one point, got an empty graph; a missing mask has no StreetMover")
    return graph.points_at((np.arange(points) + phase) / points)


def street_mover_mm(prediction: CentrelineGraph, target: CentrelineGraph, points: int = 2000) -> float:
    """StreetMover distance of Belli & Kipf 2019: the Wasserstein-1 distance of points sampled along two graphs.

    The mean distance over which the prediction's vessels have to be moved to lie on the target's, if every millimetre
    of vessel weighs the same and each graph weighs one in all: where vessels lie counts, not how much of them there is.

    Belli & Kipf take 100 points in coordinates scaled to [-1, 1], squared distances as costs and the Sinkhorn
    approximation with entropic regularisation, whose value hangs on its settings; this is the exact optimum over plain
    distances in mm. Values of the two cannot be compared.

    Args:
        prediction, target: graphs in one frame, mm, with at least one point each.
        points: on each graph, >= 1.

    Returns:
        mm, 0 or more, lower is better; 0 for equal graphs.

    Raises:
        ValueError: a graph without a point.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import street_mover_mm
        >>> from ramify.vessels import centreline_graph, trace_branches
        >>> line = np.zeros((5, 9), bool)
        >>> line[1, 1:8] = True
        >>> here, there = (centreline_graph(trace_branches(s), (1.0, 1.0)) for s in (line, np.roll(line, 2, axis=0)))
        >>> round(street_mover_mm(here, there, points=50), 6)  # every point moves by 2 mm
        2.0
    """
    return mean_transport_mm(points_along(prediction, points), points_along(target, points))


def sampling_floor_mm(graph: CentrelineGraph, points: int = 2000) -> float:
    """What `street_mover_mm` may be for two samplings of one and the same graph, here half a step apart.

    Arguments, range and errors as for `street_mover_mm`. For one straight vessel it is half a step.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import sampling_floor_mm
        >>> from ramify.vessels import centreline_graph, trace_branches
        >>> line = np.zeros((5, 9), bool)
        >>> line[1, 1:8] = True
        >>> round(sampling_floor_mm(centreline_graph(trace_branches(line), (1.0, 1.0)), points=50), 6)  # 6 mm / 50 / 2
        0.06
    """
    return mean_transport_mm(points_along(graph, points), points_along(graph, points, phase=0.0))


def score_street_mover(prediction: MaskAnalysis, target: MaskAnalysis, settings: StreetMoverSettings) -> Scores:
    """Both STREET_MOVER_MEASURES: the distance 0 if both graphs are empty, the volume's diagonal if one is.

    Both None where the target has vessels in the region, but no centreline. The floor is that of the target, 0 if it
    is empty; it is computed once for all predictions.
    """
    nothing = scores_if_no_centreline(STREET_MOVER_MEASURES, target, lambda mask: mask.centreline.points_mm)
    if nothing is not None:
        return nothing
    has_prediction, has_target = len(prediction.centreline.points_mm) > 0, len(target.centreline.points_mm) > 0
    if has_prediction and has_target:
        distance = street_mover_mm(prediction.centreline, target.centreline, settings.points)
    else:
        distance = 0.0 if has_prediction == has_target else diagonal_mm(target)
    return {
        "street_mover_mm": distance,
        "street_mover_floor_mm": _floor(target, settings.points) if has_target else 0.0,
    }


def _floor(target: MaskAnalysis, points: int) -> float:
    known = _floors.setdefault(target, {})
    if points not in known:
        known[points] = sampling_floor_mm(target.centreline, points)
    return known[points]


STREET_MOVER = Family(lambda _: STREET_MOVER_MEASURES, score_street_mover, fast=False)
