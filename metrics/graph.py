"""The vessels as a graph: how long they are, where they branch and end, and whether prediction and truth agree."""

from typing import NamedTuple

from ramify.metrics.family_settings import GraphSettings
from ramify.metrics.junctions import junction_agreement, opt_j
from ramify.metrics.junctions_by_chance import DRAWS, junction_f1_by_chance
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.matched_lines import detected_branches, length_shares
from ramify.metrics.measure import Family, Measure, Scores, scores_if_empty, scores_if_no_centreline
from ramify.vessels.curve_graph import CentrelineGraph

SHIT_WORKSHOP = "Shit et al. 2019 (clDice workshop paper), section 3; the formula is ours, the paper has none"
PLACES = "junctions matched one to one within the tolerance"
CITRARO = "Citraro et al. 2020, OPT-J"
OURS = "defined by this project, docs/metrics.md"
ATM = "branch detected rate (BD), Zhang et al. 2023 (ATM'22); branches are those of the pruned graph"

GRAPH_MEASURES = (
    Measure(
        "length_precision",
        "length of P's centreline that is matched / length of all of it",
        "higher",
        1,
        OURS,
        "agreement",
        shown=True,
    ),
    Measure(
        "length_recall",
        "length of T's centreline that is matched / length of all of it",
        "higher",
        1,
        OURS,
        "agreement",
        shown=True,
    ),
    Measure(
        "branch_detection_rate",
        "share of T's branches of whose centreline P holds at least 80 %",
        "higher",
        1,
        ATM,
        "agreement",
    ),
    Measure("length_accuracy", "max(0, 1 − |L_P − L_T| / L_T), L length", "higher", 1, SHIT_WORKSHOP, "agreement"),
    Measure(
        "bifurcation_accuracy",
        "max(0, 1 − |B_P − B_T| / B_T), B number of junctions; without any in T 1 if P has none, else 0",
        "higher",
        1,
        SHIT_WORKSHOP,
        "agreement",
    ),
    Measure(
        "endpoint_accuracy",
        "max(0, 1 − |E_P − E_T| / E_T), E number of end points; without any in T 1 if P has none, else 0",
        "higher",
        1,
        SHIT_WORKSHOP,
        "agreement",
    ),
    Measure("junction_f1", "2 |M| / (|B_P| + |B_T|), M pairs of junctions", "higher", 1, PLACES, "agreement"),
    Measure(
        "junction_f1_chance",
        f"mean of junction_f1 over {DRAWS} draws of |B_P| random points on P's centreline in place of its junctions",
        "lower",
        1,
        "what chance alone gets: junction_f1 near it tells nothing",
        "agreement",
    ),
    Measure("junction_precision", "|M| / |B_P|: false junctions lower it", "higher", 1, PLACES, "agreement"),
    Measure("junction_recall", "|M| / |B_T|: missed junctions lower it", "higher", 1, PLACES, "agreement"),
    Measure(
        "opt_j_f1",
        "2 Σ min(o(p), o(t)) / (Σ o(p) + Σ o(t)) over pairs of control points, o how many vessels meet there",
        "higher",
        1,
        CITRARO,
        "agreement",
    ),
    Measure("opt_j_precision", "Σ min(o(p), o(t)) / Σ o(p)", "higher", 1, CITRARO, "agreement"),
    Measure("opt_j_recall", "Σ min(o(p), o(t)) / Σ o(t)", "higher", 1, CITRARO, "agreement"),
)


class GraphSize(NamedTuple):
    """What there is to count in a graph."""

    length_mm: float
    bifurcations: int
    endpoints: int


def graph_size(graph: CentrelineGraph) -> GraphSize:
    """Length of all vessels, number of nodes where three or more meet, and number of nodes where one ends.

    A vessel thinned to a point has no length and no ends, a loop by itself a length and no ends.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import graph_size
        >>> from ramify.vessels import centreline_graph, trace_branches
        >>> line = np.zeros((5, 9), bool)
        >>> line[1, 1:8] = True
        >>> graph_size(centreline_graph(trace_branches(line), (1.0, 1.0)))
        GraphSize(length_mm=6.0, bifurcations=0, endpoints=2)
    """
    return GraphSize(graph.length_mm, len(graph.bifurcations_mm), len(graph.endpoints_mm))


def relative_accuracy(prediction: float, target: float) -> float:
    """How near a number comes to the true one, max(0, 1 - |prediction - target| / target), Shit et al. 2019, section 3.

    Args:
        prediction: >= 0.
        target: >= 0.

    Returns:
        0 to 1, higher is better; 0 from twice the true number on. If that is 0: 1 for 0, and 0 for anything else.
    """
    if target == 0:
        return float(prediction == 0)
    return max(0.0, 1.0 - abs(prediction - target) / target)


def score_graph(prediction: MaskAnalysis, target: MaskAnalysis, settings: GraphSettings) -> Scores:
    """Every one of GRAPH_MEASURES: all 1 if both masks are empty, all 0 if one is.

    All None where the target has vessels in the region, but no centreline.

    Graphs are those of the masks' skeletons, `vessels.centreline_graph`, both pruned by one rule (`vessels.spurs`):
    otherwise junctions and ends are mostly those of spurs, which a little noise of the wall makes and unmakes.
    """
    nothing = scores_if_no_centreline(GRAPH_MEASURES, target, lambda mask: mask.centreline.points_mm)
    if nothing is not None:
        return nothing
    if (agreed := scores_if_empty(GRAPH_MEASURES, prediction, target)) is not None:
        return agreed
    predicted, actual = graph_size(prediction.centreline), graph_size(target.centreline)
    tolerance_mm = settings.tolerance_mm(target)
    places = junction_agreement(prediction.centreline, target.centreline, tolerance_mm)
    by_chance = junction_f1_by_chance(prediction.centreline, target.centreline, tolerance_mm)
    length_precision, length_recall = length_shares(prediction, target)
    orders = opt_j(prediction.centreline, target.centreline, tolerance_mm)
    return {
        "length_precision": length_precision,
        "length_recall": length_recall,
        "branch_detection_rate": detected_branches(prediction, target),
        "length_accuracy": relative_accuracy(predicted.length_mm, actual.length_mm),
        "bifurcation_accuracy": relative_accuracy(predicted.bifurcations, actual.bifurcations),
        "endpoint_accuracy": relative_accuracy(predicted.endpoints, actual.endpoints),
        **{f"junction_{name}": value for name, value in places._asdict().items()},
        "junction_f1_chance": by_chance,
        **{f"opt_j_{name}": value for name, value in orders._asdict().items()},
    }


GRAPH = Family(lambda _: GRAPH_MEASURES, score_graph)
