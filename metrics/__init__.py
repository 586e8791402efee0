"""How good a mask is: overlap, surface, centreline, topology, graph and scales, a row a case."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.metrics.case import analyse_pair, evaluate_case, score_pair
    from ramify.metrics.centreline import CentrelineOverlap, centreline_overlap, cldice
    from ramify.metrics.class_scores import evaluate_classes, mean_of_classes
    from ramify.metrics.classes import ClassSet, LabelClass, parse_classes, parse_regions
    from ramify.metrics.detection import count_detections
    from ramify.metrics.family_settings import GraphSettings, StreetMoverSettings, SurfaceSettings, TopologySettings
    from ramify.metrics.graph import GraphSize, graph_size
    from ramify.metrics.junctions import Agreement, junction_agreement, opt_j
    from ramify.metrics.junctions_by_chance import junction_f1_by_chance
    from ramify.metrics.mask_analysis import MaskAnalysis
    from ramify.metrics.overlap import (
        Overlap,
        accuracy,
        count_overlap,
        dice,
        false_negative_rate,
        false_positive_rate,
        jaccard,
        precision,
        sensitivity,
    )
    from ramify.metrics.pair import analyse_prediction, analyse_target
    from ramify.metrics.settings import EvaluationSettings
    from ramify.metrics.stored import as_stored
    from ramify.metrics.street_mover import sampling_floor_mm, street_mover_mm
    from ramify.metrics.summary import count_misses, describe_values, summarise
    from ramify.metrics.surface import (
        HausdorffDistances,
        average_surface_distance_mm,
        hausdorff_95_mm,
        hausdorff_distances,
        hausdorff_mm,
        surface_dice,
    )
    from ramify.metrics.table import build_report, format_table, shown_measures, to_csv, to_json
    from ramify.metrics.topcow import TopCowCase, format_topcow, score_topcow, summarise_topcow
    from ramify.metrics.vessel_metric import VesselMetric
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "Agreement",
    "CentrelineOverlap",
    "ClassSet",
    "EvaluationSettings",
    "GraphSettings",
    "GraphSize",
    "HausdorffDistances",
    "LabelClass",
    "MaskAnalysis",
    "Overlap",
    "StreetMoverSettings",
    "SurfaceSettings",
    "TopCowCase",
    "TopologySettings",
    "VesselMetric",
    "accuracy",
    "analyse_pair",
    "analyse_prediction",
    "analyse_target",
    "as_stored",
    "average_surface_distance_mm",
    "build_report",
    "centreline_overlap",
    "cldice",
    "count_detections",
    "count_misses",
    "count_overlap",
    "describe_values",
    "dice",
    "evaluate_case",
    "evaluate_classes",
    "false_negative_rate",
    "false_positive_rate",
    "format_table",
    "format_topcow",
    "graph_size",
    "hausdorff_95_mm",
    "hausdorff_distances",
    "hausdorff_mm",
    "jaccard",
    "junction_agreement",
    "junction_f1_by_chance",
    "mean_of_classes",
    "opt_j",
    "parse_classes",
    "parse_regions",
    "precision",
    "sampling_floor_mm",
    "score_pair",
    "score_topcow",
    "sensitivity",
    "shown_measures",
    "street_mover_mm",
    "summarise",
    "summarise_topcow",
    "surface_dice",
    "to_csv",
    "to_json",
]
