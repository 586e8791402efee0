"""A tree, or a mask's trees, in one row of numbers. docs/analysis.md has the formulas."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ramify.analysis.branch_table import Row
from ramify.analysis.fractal import box_counting_dimension
from ramify.drawing.letter_values import letter_values
from ramify.vessels.branches import FloatArray

_ML = 1000.0
_BOX_SIDES = 2


def summarise_trees(
    branches: Sequence[Row],
    nodes: Sequence[Row],
    cycles: Sequence[Row],
    points_mm: FloatArray,
    spacing_mm: tuple[float, ...],
    organ_mm: float | None,
    distances_mm: FloatArray | None,
    lacunarity_by_side: Mapping[float, float],
) -> dict[str, Any]:
    """Totals, counts and distributions.

    Args:
        branches, nodes, cycles: the rows of the tables.
        points_mm: float (M, ndim), points of the centrelines.
        spacing_mm: voxel size.
        organ_mm: volume of the organ in mm³ (2D: area in mm²), None without one.
        distances_mm: of the organ's voxels to the nearest vessel, None without an organ.
        lacunarity_by_side: of the mask, by the side of the boxes in mm.

    Returns:
        values by name; of letter values and numbers by order, mappings.
    """
    flat = len(spacing_mm) == 2
    size, wall = ("area_mm2", "outline_mm") if flat else ("volume_mm3", "surface_mm2")
    real = [row for row in branches if row["length_mm"] > 0]
    radii = np.array([row["radius_mm"] for row in branches])
    lengths = np.array([row["length_mm"] for row in branches])
    vessels, length = sum(row[size] for row in branches), float(lengths.sum())
    murray = [row["murray_exponent"] for row in nodes if row["murray_exponent"] is not None]
    unit = "cm2" if flat else "ml"
    per = 100.0 if flat else _ML
    found: dict[str, Any] = {
        "branches": len(branches),
        "trees": len({row["tree"] for row in branches}),
        "junctions": sum(row["kind"] == "junction" for row in nodes),
        "ends": sum(bool(row["terminal"]) for row in branches),
        "cycles": sum(row["kind"] == "cycle" for row in cycles),
        "contacts": sum(row["kind"] == "contact" for row in cycles),
        "length_mm": length,
        f"vessels_{unit}": vessels / per,
        wall: sum(row[wall] for row in branches),
        "mean_radius_mm": float((radii * lengths).sum() / length) if length else float(radii.mean()),
        "median_radius_mm": float(np.median(radii)),
        "largest_radius_mm": float(radii.max()),
        "mean_tortuosity": _mean([row["tortuosity"] for row in real]),
        "median_murray_exponent": float(np.median(murray)) if murray else None,
        "mean_angle_between_children_deg": _mean([row["angle_between_children_deg"] for row in nodes]),
        "fractal_dimension": box_counting_dimension(points_mm, _BOX_SIDES * max(spacing_mm)),
        "mean_lacunarity": _mean([*lacunarity_by_side.values()]),
        "largest_generation": max(row["generation"] for row in branches),
        "largest_strahler_order": max(row["strahler_order"] for row in branches),
        "bifurcation_ratio": _horton(branches),
    }
    if organ_mm is not None:
        organ = organ_mm / per
        found |= {
            f"organ_{unit}": organ,
            "vessel_share_of_organ": vessels / organ_mm,
            f"length_mm_per_{unit}_of_organ": length / organ,
            f"branches_per_{unit}_of_organ": len(branches) / organ,
        }
    if distances_mm is not None and len(distances_mm):
        found |= {
            "mean_distance_to_vessel_mm": float(distances_mm.mean()),
            "median_distance_to_vessel_mm": float(np.median(distances_mm)),
            "p95_distance_to_vessel_mm": float(np.percentile(distances_mm, 95)),
            "largest_distance_to_vessel_mm": float(distances_mm.max()),
        }
    values = letter_values(radii)
    found["radius_letter_values_mm"] = {
        "median": values.median,
        "lower": list(values.lower),
        "upper": list(values.upper),
        "outliers": len(values.outliers),
    }
    found["lacunarity_by_box_mm"] = {f"{side:.4g}": value for side, value in lacunarity_by_side.items()}
    for by in ("generation", "strahler_order", "scale"):
        found[f"by_{by}"] = {
            str(number): _of_group(branches, by, number) for number in sorted({r[by] for r in branches})
        }
    return found


def flat_row(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary as one row of a table: numbers by order as columns such as `generation_2_branches`."""
    row = {name: value for name, value in summary.items() if not isinstance(value, dict)}
    letters = summary["radius_letter_values_mm"]
    for side in ("lower", "upper"):
        # Fourths, eighths, sixteenths ...
        row |= {f"radius_{side}_{2 ** (2 + k)}th_mm": value for k, value in enumerate(letters[side])}
    for by in ("generation", "strahler_order", "scale"):
        for number, its in summary[f"by_{by}"].items():
            # There are many generations: of these how many branches they have.
            row |= {f"{by}_{number}_{name}": its[name] for name in (["branches"] if by == "generation" else its)}
    return row


def _of_group(branches: Sequence[Row], by: str, number: int) -> dict[str, float]:
    its = [row for row in branches if row[by] == number]
    return {
        "branches": len(its),
        "length_mm": sum(row["length_mm"] for row in its),
        "mean_radius_mm": float(np.mean([row["radius_mm"] for row in its])),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _horton(branches: Sequence[Row]) -> float | None:
    """By what factor there are fewer streams of each Strahler order than of the one below, by a fit of their logarithm.

    A stream is a run of branches of one order, counted where it begins, at its end nearest to the root.
    """
    order = {row["branch"]: row["strahler_order"] for row in branches}
    streams = [row["strahler_order"] for row in branches if order.get(row["parent"]) != row["strahler_order"]]
    counts = np.bincount(streams)[1:]
    if len(counts) < 2 or (counts == 0).any():
        return None
    return float(np.exp(-np.polyfit(np.arange(len(counts)), np.log(counts), 1)[0]))
