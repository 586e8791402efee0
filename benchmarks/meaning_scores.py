"""Scores and prepared cases, as rows of `benchmarks.scale_meaning`: what is measured of a vessel and what is learned."""

import itertools
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.meaning_masks import decomposed
from benchmarks.meaning_row import Mask, Row, liver_trees, part_with_vessels, spread, with_noise
from ramify.console.progress import followed
from ramify.data.adapters.ircadb import IrcadbAdapter, IrcadbSettings
from ramify.data.files import read_mask
from ramify.data.volume import Volume
from ramify.metrics.case import evaluate_case
from ramify.metrics.settings import EvaluationSettings
from ramify.preprocessing.ceiling import ceiling_measures, measure_ceiling
from ramify.preprocessing.grid import Grid, GridSettings, plan_grid
from ramify.preprocessing.vessel_labels import VesselLabels, label_vessels
from ramify.vessels.scale_settings import DEFAULT_SCALES
from ramify.vessels.scales import decompose_scales

PAPER_GRID = GridSettings(size=(128, 256, 256), margin_mm=0)


def rims(data: Path) -> str:
    """Case 17: share of the small prepared voxels inside a ball thicker than Q3 of the vessels as they were drawn."""
    vessels, liver, spacing = case_17(data)
    labels, grid = prepared(vessels, liver, spacing)
    native = decompose_scales(vessels, spacing, DEFAULT_SCALES, liver)
    thick = in_balls(vessels, native.thresholds_mm[-1], spacing)
    small = grid.mask_to_native(labels.scale_map == 1) & vessels & liver
    return f"{np.mean(thick[small]):.1%} of {small.sum()}"


def without_rims(data: Path) -> str:
    """Case 17: scores of a prediction that lacks what the liver mask leaves of vessels beside it, and nothing else."""
    vessels, liver, spacing = case_17(data)
    native = decompose_scales(vessels, spacing, DEFAULT_SCALES, liver)
    inside, whole = (np.bincount(native.branches[part], minlength=len(native.radii_mm) + 1) for part in (liver, ...))
    passing = (native.radii_mm > native.thresholds_mm[-1]) & (inside[1:] < 0.25 * whole[1:])
    rim = vessels & liver & np.append(False, passing)[native.branches]
    settings = EvaluationSettings(measures=("overlap", "centreline", "topology", "scales"))
    scores = evaluate_case(vessels & liver & ~rim, vessels, spacing, settings, liver)
    names = ("dice", "cldice", "scale_1_tsens", "betti0_error")
    return f"{rim.sum()} voxels: " + ", ".join(f"{name} {scores[name]:.3f}" for name in names)


def case_17(data: Path) -> tuple[Mask, Mask, tuple[float, ...]]:
    """Vessels as they were drawn, liver and spacing of 3D-IRCADb's case 17."""
    raw = IrcadbAdapter(data / "ircadb", IrcadbSettings()).load("3Dircadb1.17")
    assert raw.organ is not None
    return raw.vessels.array, raw.organ.array, raw.vessels.spacing_mm


def prepared(vessels: Mask, liver: Mask, spacing: tuple[float, ...]) -> tuple[VesselLabels, Grid]:
    """The labels on the paper's grid, 256 x 256 x 128 around the liver, and the grid."""
    grid = plan_grid(Volume(vessels, spacing), Volume(liver, spacing), PAPER_GRID)
    return label_vessels(vessels, liver, grid.mask_to_prepared(liver), grid, DEFAULT_SCALES, 2), grid


def in_balls(mask: Mask, radius_mm: float, spacing: tuple[float, ...]) -> Mask:
    """The voxels in a ball of at least that radius that fits into the mask."""
    centres = ndimage.distance_transform_edt(mask, spacing) > radius_mm
    near: Mask = ndimage.distance_transform_edt(~centres, spacing) <= radius_mm
    return mask & near


def agreement_and_ceiling(data: Path) -> tuple[list[float], list[list[float]]]:
    """Of the ten masks: small native voxels that are small in the prepared case, and what a perfect mask scores."""
    agreement, ceilings = [], []
    for number in followed(range(1, 11), "prepared", "mask", 10):
        vessels, liver = (
            read_mask(data / "ircadb_masks" / f"3Dircadb-{number}_{name}.nii.gz") for name in ("vessel", "liver")
        )
        labels, grid = prepared(vessels.array, liver.array, vessels.spacing_mm)
        native = decomposed((vessels.array, vessels.spacing_mm)).scale_map
        found = [grid.mask_to_native(labels.scale_map == scale) for scale in (1, 2, 3)]
        small = (native == 1) & np.any(found, axis=0)
        agreement.append(float(np.mean(found[0][small])))
        ceiling = measure_ceiling(labels.mask, vessels.array, liver.array, grid, DEFAULT_SCALES)
        ceilings.append([float(ceiling[name] or np.nan) for name in ceiling_measures(3)])
    return agreement, ceilings


def on_the_paper_grid(data: Path) -> str:
    """Agreement of small voxels, and means of the ceiling."""
    agreement, ceilings = agreement_and_ceiling(data)
    means = ", ".join(f"{name} {value:.3f}" for name, value in zip(ceiling_measures(3), np.nanmean(ceilings, axis=0)))
    return f"{spread(agreement)}; {means}"


def orientations(data: Path) -> str:
    """Largest difference of any measure over the 48 ways to store one pair."""
    mask, spacing = part_with_vessels(data / "liver_trees" / "case0226.nii.gz")
    rough = ndimage.median_filter(mask.astype(np.uint8), 3) > 0
    prediction = rough | np.roll(rough, 1, axis=1)
    ways = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))
    rows = []
    for axes, steps in followed(ways, "orientations", "way", len(ways)):
        backwards = tuple(slice(None, None, step) for step in steps)
        pair = (np.ascontiguousarray(one.transpose(axes)[backwards]) for one in (prediction, mask))
        rows.append(evaluate_case(*pair, [spacing[axis] for axis in axes]))
    numbers = np.array([[value for value in row.values() if isinstance(value, float)] for row in rows])
    return f"{np.max(np.ptp(numbers, axis=0)):.3g}"


def noise_scores(data: Path) -> str:
    """Scores of masks of which 5 % of the wall's voxels flipped, against the masks as they were."""
    names = ("dice", "bifurcation_accuracy", "endpoint_accuracy", "length_accuracy", "junction_f1")
    cases = liver_trees(data)
    rows = []
    for mask, spacing in followed(cases, "scores", "mask", len(cases)):
        scores = evaluate_case(with_noise(mask, 0.05, 0), mask, spacing)
        rows.append([float(scores[name] or 0.0) for name in names])
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(names, np.median(rows, axis=0), strict=True))


SCORES = {
    "rims": Row("case 17: rims of thick vessels among the small prepared voxels", "2 % at most", rims),
    "without-rims": Row("case 17: a prediction that lacks the rims alone", "", without_rims),
    "prepared": Row(
        "ten masks on 256 x 256 x 128: small voxels that are small there; ceiling, means",
        "agreement .95",
        on_the_paper_grid,
    ),
    "orientations": Row("one pair stored in 48 ways: largest difference of any measure", "0", orientations),
    "noise-scores": Row("5 % of the wall flipped, ten liver trees: medians", "bifurcations .6", noise_scores),
}
