"""What chance alone gets of junctions: as many points strewn over the prediction's centreline.

Trees are dense and tolerances wide, where slices are thick: a point anywhere on a vessel is often near a junction.
"""

import numpy as np

from ramify.metrics.junctions import match_points
from ramify.vessels.curve_graph import CentrelineGraph

DRAWS = 20
"""Over which the mean is taken: its standard error is below .01 from some thirty junctions on."""
_SEED = 0


def junction_f1_by_chance(prediction: CentrelineGraph, target: CentrelineGraph, tolerance_mm: float) -> float:
    """The F1 that `junction_agreement` gives on average where random points stand for the prediction's junctions.

    As many points as the prediction has junctions are drawn evenly over the length of its curves, DRAWS times, always
    by the same random numbers: the value is that of the two graphs, and no other draw.

    Args:
        prediction, target: graphs in one frame, mm.
        tolerance_mm: how far apart partners may be, mm, >= 0.

    Returns:
        0 to 1; 1 if neither graph has a junction, 0 if one has none, as for junctions themselves.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import junction_f1_by_chance
        >>> from ramify.vessels import centreline_graph, trace_branches
        >>> skeleton = np.zeros((101, 101), bool)
        >>> skeleton[1, 1:100] = skeleton[2:100, 50] = True  # a T of two hundred voxels
        >>> tee = centreline_graph(trace_branches(skeleton), (1.0, 1.0))
        >>> junction_f1_by_chance(tee, tee, tolerance_mm=10.0)  # expected 0.15: thirty voxels are within ten
        0.2
    """
    junctions = len(prediction.bifurcations_mm)
    if junctions == 0 or len(target.bifurcations_mm) == 0:
        return float(junctions == len(target.bifurcations_mm))
    strewn = np.random.default_rng(_SEED).random((DRAWS, junctions))
    matched = sum(
        len(match_points(prediction.points_at(draw), target.bifurcations_mm, tolerance_mm)[0]) for draw in strewn
    )
    return 2 * matched / (DRAWS * (junctions + len(target.bifurcations_mm)))
