"""How well vessels of each size are found: what a measure of the whole tree, ruled by its largest vessels, hides.

The truth is decomposed into scales as for training (`vessels.scales`), 1 the smallest vessels. A scale that the truth
does not have has no values: None, in no mean.
"""

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.matched_lines import partners_of_target
from ramify.metrics.measure import Family, Measure, Scores
from ramify.vessels.nearest_rank import nearest_by_rank

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

OURS = "defined by this project, docs/metrics.md"

STRAY_SHARE = Measure(
    "stray_share",
    "|P outside every territory| / |P|, 0 if P is empty",
    "lower",
    1,
    OURS,
    "measured",
)


def scale_measures(n_scales: int) -> tuple[Measure, ...]:
    """The measures that `score_scales` gives for a truth decomposed into so many scales."""
    return (*(measure for scale in range(1, n_scales + 1) for measure in _measures_of(scale)), STRAY_SHARE)


def _measures_of(scale: int) -> tuple[Measure, ...]:
    s, name = scale, f"scale_{scale}"
    matched = f"truth's centreline of scale {s} that is matched"
    return (
        Measure(f"{name}_sensitivity", f"|P ∩ T_{s}| / |T_{s}|", "higher", 1, OURS, "measured"),
        Measure(f"{name}_dice", f"2 |P ∩ T_{s}| / (|P in territory {s}| + |T_{s}|)", "higher", 1, OURS, "measured"),
        Measure(
            f"{name}_tsens",
            f"|S_T ∩ T_{s} ∩ P| / |S_T ∩ T_{s}|",
            "higher",
            1,
            "Shit et al. 2021, Eq. 1, by scale",
            "measured",
        ),
        Measure(
            f"{name}_length_recall", f"length of the {matched} / length of all of it", "higher", 1, OURS, "measured"
        ),
        Measure(
            f"{name}_radius_error", f"mean of |r_P − r_T| / r_T along the {matched}", "lower", np.inf, OURS, "measured"
        ),
        Measure(
            f"{name}_radius_error_mm",
            f"mean of |r_P − r_T| along the {matched}",
            "lower",
            np.inf,
            OURS,
            "measured",
            "mm",
        ),
    )


def score_scales(prediction: MaskAnalysis, target: MaskAnalysis) -> Scores:
    """Every one of `scale_measures`, with as many scales as the target's settings ask for.

    T_s are the target's voxels of scale s, S_T its skeleton. By their counts, sensitivities and Tsens of the scales add
    up to those of the whole.

    A predicted voxel in T_s is in territory s. One outside the target is in the territory of the nearest vessel's
    scale (equally near: the smaller scale's), if it is no farther from it than that vessel is thick, or than one voxel
    along the coarsest axis; else it is in none, and counts towards `stray_share` alone.

    A point on the target's centreline is matched by the nearest point of the prediction's, if that lies no farther away
    than the vessel's radius there, or than one voxel along the coarsest axis: if it lies in the true vessel, that is. A
    vessel that is swallowed by a blob is not matched. Radii are `vessels.local_radius`. Where nothing of a scale is
    matched its vessels are not there, with radius 0: the errors are the mean true radius, and 1.

    With an empty target no scale has a value; with an empty prediction all are missed.
    """
    n_scales = target.scale_settings.n_scales
    names = [measure.name for measure in scale_measures(n_scales)]
    if target.is_empty:
        return {**dict.fromkeys(names), STRAY_SHARE.name: float(not prediction.is_empty)}
    columns, stray = _voxel_shares(prediction, target, n_scales)
    columns.update(_centreline_shares(prediction, target, n_scales))
    scores: dict[str, float | None] = {}
    for scale in range(1, n_scales + 1):
        for measure in _measures_of(scale):
            value = float(columns[measure.name.removeprefix(f"scale_{scale}_")][scale - 1])
            scores[measure.name] = None if np.isnan(value) else value
    return {**scores, STRAY_SHARE.name: stray}


def _voxel_shares(prediction: MaskAnalysis, target: MaskAnalysis, n_scales: int) -> tuple[dict[str, FloatArray], float]:
    """Sensitivity and Dice of each scale, float (S,), NaN where it is absent; and the share that is in no territory."""
    scale_map = target.decomposition.scale_map
    size = np.bincount(scale_map[target.inside], minlength=n_scales + 1)[1:]
    found = np.bincount(scale_map[target.inside & prediction.mask[target.box]], minlength=n_scales + 1)[1:]
    extra = np.bincount(_territories(prediction.voxels_outside(target), target), minlength=n_scales + 1)
    shares = {
        "sensitivity": _ratio(found, size),
        "dice": np.where(size > 0, _ratio(2 * found, found + extra[1:] + size), np.nan),
    }
    return shares, float(extra[0]) / prediction.n_voxels if prediction.n_voxels else 0.0


def _territories(voxels: IntArray, target: MaskAnalysis) -> IntArray:
    """Scale in whose territory each of some voxels outside the target is, int (N,), 0 for none."""
    if not len(voxels):
        return np.zeros(0, dtype=np.int64)
    # The nearest vessel may pass by outside the region.
    target = target.whole
    decomposition = target.decomposition
    surface = target.surface_points.points[:, 3 - target.mask.ndim :]
    branch = decomposition.branches[tuple((surface - target.corner).T)] - 1
    scale_of = decomposition.scale_of_branch
    reach_of = np.maximum(2 * decomposition.radii_mm, max(target.spacing_mm))
    # Equally near: the smaller scale, of that the thicker vessel.
    rank_of = np.empty(len(scale_of), dtype=np.int64)
    rank_of[np.lexsort((-reach_of, scale_of))] = np.arange(len(scale_of))
    nearest, distance = nearest_by_rank(voxels, surface, rank_of[branch], target.spacing_mm)
    found = branch[nearest]
    return np.where(distance <= reach_of[found] * (1 + 1e-9), scale_of[found], 0)


def _centreline_shares(prediction: MaskAnalysis, target: MaskAnalysis, n_scales: int) -> dict[str, FloatArray]:
    """Tsens, length recall and radius errors of each scale, float (S,), NaN where it has no centreline."""

    def by_scale(scale: IntArray, weights: FloatArray) -> FloatArray:
        return np.bincount(scale, weights, minlength=n_scales + 1)[1:].astype(np.float64)

    voxels = target.skeleton_voxels
    scale = _scale_at(voxels, target)
    held = prediction.holds(voxels).astype(np.float64)
    shares = {"tsens": _ratio(by_scale(scale, held), by_scale(scale, np.ones(len(voxels))))}

    line = target.centreline
    scale = _scale_at(line.voxels, target)
    # A scale all of whose vessels were thinned to points has no length: its points count alike.
    lengthless = by_scale(scale, line.shares_mm) == 0
    weights = np.where(np.append(False, lengthless)[scale], 1.0, line.shares_mm)
    radii, partner = target.local_radii_mm, partners_of_target(prediction, target)
    matched = partner >= 0
    weight, found = by_scale(scale, weights), by_scale(scale[matched], weights[matched])
    error = np.abs(np.append(prediction.tree.local_radii_mm, 0.0)[partner] - radii)
    # Where nothing is matched, `error` is the true radius at every point.
    counted = np.where(np.append(True, found > 0)[scale], matched, True) * weights
    total = by_scale(scale, counted)
    shares["length_recall"] = _ratio(found, weight)
    shares["radius_error_mm"] = _ratio(by_scale(scale, counted * error), total)
    shares["radius_error"] = _ratio(by_scale(scale, counted * error / radii), total)
    return shares


def _scale_at(voxels: IntArray, target: MaskAnalysis) -> IntArray:
    """Scale of the target's vessel at each of some of its voxels, int (N,)."""
    whole = target.whole
    scale: IntArray = whole.decomposition.scale_map[tuple((voxels - whole.corner).T)].astype(np.int64)
    return scale


def _ratio(part: NDArray[np.number], whole: NDArray[np.number]) -> FloatArray:
    """Part by part, NaN where the whole is 0."""
    ratio: FloatArray = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return ratio


SCALES = Family(
    lambda settings: scale_measures(settings.n_scales),
    # The target was decomposed by the same settings.
    lambda prediction, target, _: score_scales(prediction, target),
)
