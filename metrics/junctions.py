"""Do the junctions of two graphs agree? By where they are, and by how many vessels meet there."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ramify.vessels.curve_graph import CentrelineGraph

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Distances are sums of rounded numbers: three steps of 0.1 mm are within 0.3 mm.
_ROUNDING = 1e-9
# Vessels that meet at a point along a branch: the one that comes and the one that goes.
_PASSING = 2


class Agreement(NamedTuple):
    """Shares of what was predicted, of what is there, and their harmonic mean, each 0 to 1, higher is better."""

    precision: float
    recall: float
    f1: float


def junction_agreement(prediction: CentrelineGraph, target: CentrelineGraph, tolerance_mm: float) -> Agreement:
    """Junctions matched one to one by their positions, as many as can be; of all such matchings the closest.

    A junction is a node in which three or more vessels meet; a cluster of junction voxels is one. Precision is the
    share of the prediction's that have a partner, recall that of the target's.

    Args:
        prediction, target: graphs in one frame, mm.
        tolerance_mm: how far apart partners may be, mm, >= 0.

    Returns:
        all 1 if neither has a junction, all 0 if one has none.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import junction_agreement
        >>> from ramify.vessels import centreline_graph, trace_branches
        >>> skeleton = np.zeros((7, 9), bool)
        >>> skeleton[1, 1:8] = True
        >>> skeleton[2:6, 4] = True  # a T
        >>> tee, moved = (centreline_graph(trace_branches(np.roll(skeleton, by, axis=1)), (1.0, 1.0)) for by in (0, 1))
        >>> junction_agreement(tee, moved, tolerance_mm=2.0)
        Agreement(precision=1.0, recall=1.0, f1=1.0)
        >>> junction_agreement(tee, moved, tolerance_mm=0.5)
        Agreement(precision=0.0, recall=0.0, f1=0.0)
    """
    predicted, actual = prediction.bifurcations_mm, target.bifurcations_mm
    matched = len(match_points(predicted, actual, tolerance_mm)[0])
    return _agreement(matched, len(predicted), len(actual))


def opt_j(prediction: CentrelineGraph, target: CentrelineGraph, tolerance_mm: float) -> Agreement:
    """OPT-J of Citraro et al. 2020: do as many vessels meet in the same places?

    Control points are junctions and end points, o(x) is the number of vessels that meet in x. Control points of both
    graphs are matched one to one within the tolerance. One that finds no partner is set against the nearest point on
    the other graph's branches, where o = 2, or against nothing, o = 0. Over all pairs (p, t) of prediction and target

        precision = Σ min(o(p), o(t)) / Σ o(p),  recall = Σ min(o(p), o(t)) / Σ o(t).

    A junction lost beside a vessel that was found thus costs a third, not all. Where the authors' program picks
    partners in the order of the nodes, this takes the matching with the greatest Σ min(o(p), o(t)), of several the
    closest.

    Args:
        prediction, target: graphs in one frame, mm.
        tolerance_mm: how far apart partners may be, mm, >= 0.

    Returns:
        all 1 if neither has a control point, all 0 if one graph is empty.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import opt_j
        >>> from ramify.vessels import centreline_graph, trace_branches
        >>> skeleton = np.zeros((7, 9), bool)
        >>> skeleton[1, 1:8] = True
        >>> skeleton[2:6, 4] = True  # a T: three branches
        >>> bar = skeleton & (np.arange(7)[:, None] == 1)  # the T without its stem
        >>> tee, straight = (centreline_graph(trace_branches(s), (1.0, 1.0)) for s in (skeleton, bar))
        >>> opt_j(straight, tee, tolerance_mm=2.0)
        Agreement(precision=1.0, recall=0.6666666666666666, f1=0.8)
    """
    (at_p, order_p), (at_t, order_t) = _control_points(prediction), _control_points(target)
    first, second = match_points(at_p, at_t, tolerance_mm, order_p, order_t)
    shared = int(np.minimum(order_p[first], order_t[second]).sum())
    predicted, actual = int(order_p.sum()), int(order_t.sum())

    alone_p = np.delete(np.arange(len(order_p)), first)
    alone_t = np.delete(np.arange(len(order_t)), second)
    beside_t = alone_p[_near(at_p[alone_p], target, tolerance_mm)]
    beside_p = alone_t[_near(at_t[alone_t], prediction, tolerance_mm)]
    shared += int(np.minimum(order_p[beside_t], _PASSING).sum() + np.minimum(order_t[beside_p], _PASSING).sum())
    return _agreement(shared, predicted + _PASSING * len(beside_p), actual + _PASSING * len(beside_t))


def match_points(
    first: FloatArray,
    second: FloatArray,
    tolerance_mm: float,
    first_weights: IntArray | None = None,
    second_weights: IntArray | None = None,
) -> tuple[IntArray, IntArray]:
    """The one-to-one matching of points within a tolerance that is worth most; of several the one with least distances.

    A pair is worth the lesser of its points' weights. Only pairs within the tolerance are looked at, group by group of
    points that compete for each other.

    Args:
        first: float (N, ndim), mm.
        second: float (M, ndim), mm.
        tolerance_mm: how far apart partners may be, mm, >= 0.
        first_weights, second_weights: int (N,) and (M,), >= 1; None: all are 1, and the matching is a largest one.

    Returns:
        partners as indices into `first` and `second`, int (K,) each.
    """
    if not (len(first) and len(second)):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    reach = tolerance_mm * (1 + _ROUNDING)
    near = cKDTree(first).sparse_distance_matrix(cKDTree(second), reach, output_type="ndarray")
    rows, columns = near["i"].astype(np.int64), near["j"].astype(np.int64)
    # All distances together stay below 1, the least by which two matchings' worths differ.
    worth = 1.0 - near["v"] / max(reach, np.finfo(float).tiny) / (min(len(first), len(second)) + 1)
    if first_weights is not None and second_weights is not None:
        worth += np.minimum(first_weights[rows], second_weights[columns]) - 1
    chosen = _best_pairs(rows, columns, worth, len(first) + len(second))
    return rows[chosen], columns[chosen]


def _best_pairs(rows: IntArray, columns: IntArray, worth: FloatArray, n_points: int) -> IntArray:
    """Which of some pairs to choose, so that none shares a point and the sum of what they are worth is greatest."""
    n_first = int(rows.max(initial=-1)) + 1
    links = coo_array((np.ones(len(rows), dtype=np.int8), (rows, n_first + columns)), shape=(n_first + n_points,) * 2)
    group = connected_components(links, directed=False)[1][rows]
    ranked = np.argsort(group, kind="stable")
    chosen = []
    for pairs in np.split(ranked, np.flatnonzero(np.diff(group[ranked])) + 1):
        if len(pairs) == 1:
            chosen.append(pairs)
            continue
        ours, row = np.unique(rows[pairs], return_inverse=True)
        theirs, column = np.unique(columns[pairs], return_inverse=True)
        table, number = np.zeros((len(ours), len(theirs))), np.full((len(ours), len(theirs)), -1)
        table[row, column], number[row, column] = worth[pairs], pairs
        picked = number[linear_sum_assignment(table, maximize=True)]
        chosen.append(picked[picked >= 0])
    return np.concatenate(chosen)


def _control_points(graph: CentrelineGraph) -> tuple[FloatArray, IntArray]:
    """Junctions and end points, float (N, ndim), and how many vessels meet in each, int (N,)."""
    control = (graph.degrees == 1) | (graph.degrees >= 3)
    return graph.nodes_mm[control], graph.degrees[control]


def _near(points: FloatArray, graph: CentrelineGraph, tolerance_mm: float) -> NDArray[np.bool_]:
    """Whether each point has a point of the graph's curves within the tolerance; these lie about a voxel apart."""
    if not (len(points) and len(graph.points_mm)):
        return np.zeros(len(points), dtype=bool)
    return np.asarray(cKDTree(graph.points_mm).query(points)[0] <= tolerance_mm * (1 + _ROUNDING))


def _agreement(shared: int, predicted: int, actual: int) -> Agreement:
    if predicted == 0 and actual == 0:
        return Agreement(1.0, 1.0, 1.0)
    precision = shared / predicted if predicted else 0.0
    recall = shared / actual if actual else 0.0
    return Agreement(precision, recall, 2 * shared / (predicted + actual))
