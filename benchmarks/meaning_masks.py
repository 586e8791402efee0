"""Scales of real masks, as rows of `benchmarks.scale_meaning`: who is small, and whether it stays so."""

from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from benchmarks.meaning_row import Case, Row, ircadb_masks, liver_trees, spread, with_noise
from ramify.console.progress import followed
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.vessels.branches import FREE, branch_medians, path_lengths, trace_branches, voxels_of
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.distance import surface
from ramify.vessels.estimators import grow_tree
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings
from ramify.vessels.scales import decompose_quietly
from ramify.vessels.skeleton import skeletonize

NOISE = (0.002, 0.01, 0.05)
SEEDS = 3


def decomposed(case: Case, settings: ScaleSettings = DEFAULT_SCALES) -> ScaleDecomposition:
    """The scales of a mask; what is said of ties is no matter here."""
    return decompose_quietly(*case, settings)


def small_kept(cases: list[Case]) -> str:
    """Share of the small voxels that stay small when some of the wall's voxels change sides."""
    kept: dict[float, list[float]] = {share: [] for share in NOISE}
    for mask, spacing in followed(cases, "noise", "mask", len(cases)):
        scale_map = decomposed((mask, spacing)).scale_map
        for share, values in kept.items():
            found = []
            for seed in range(SEEDS):
                changed = with_noise(mask, share, seed)
                small = (scale_map == 1) & changed
                found.append(np.mean(decomposed((changed, spacing)).scale_map[small] == 1))
            values.append(float(np.mean(found)))
    return "; ".join(f"{share:.1%}: {spread(values)}" for share, values in kept.items())


def shares_of_voxels(cases: list[Case]) -> str:
    """Share of the voxels in each scale."""
    shares = [np.bincount(decomposed(case).scale_map[case[0]], minlength=4)[1:] / case[0].sum() for case in cases]
    return "; ".join(spread(each) for each in np.transpose(shares))


def small_terminals(cases: list[Case]) -> str:
    """Share of the length of branches with a free end, and a junction, that is small."""
    shares = []
    for case in cases:
        result = decomposed(case)
        graph = trace_branches(result.skeleton)
        terminal, length = np.sum(graph.ends == FREE, axis=1) == 1, path_lengths(graph, case[1])
        # A skeleton cut anew has the branches it was made of, but for junctions that pruning closed: ask the map.
        middle = graph.voxels[graph.order[(graph.starts[:-1] + graph.starts[1:]) // 2]]
        small = result.scale_map[tuple(middle.T)] == 1
        shares.append(float(length[terminal & small].sum() / length[terminal].sum()))
    return spread(shares)


def short_large(cases: list[Case]) -> str:
    """Share of the branches in the largest scale that count and are shorter than they are wide."""
    shares = []
    for mask, spacing in cases:
        result = decomposed((mask, spacing))
        tree = grow_tree(np.ascontiguousarray(mask), spacing, without_spurs=True)
        points = tree.graph.voxels[tree.graph.order[(tree.graph.starts[:-1] + tree.graph.starts[1:]) // 2]]
        large = result.scale_map[tuple(points.T)] == 3
        radii = result.radii_mm[result.branches[tuple(points.T)] - 1]
        short = path_lengths(tree.graph, spacing) < 2 * radii
        weight = tree.course.clear_lengths(tree.graph)
        shares.append(float(weight[large & short].sum() / weight[large].sum()))
    return spread(shares)


def paper_radii(data: Path) -> str:
    """How far Q1 and Q3 of `paper` are from those of Eq. 1 and 2 written down as they are; the smallest radius."""
    off, least = [], []
    for mask, spacing in ircadb_masks(data):
        found = decomposed((mask, spacing), ScaleSettings(estimator="paper"))
        graph = trace_branches(skeletonize(mask, spacing))
        omega = voxels_of(surface(mask)) * np.array(spacing)
        sigma = cKDTree(omega).query(graph.voxels * np.array(spacing), k=8)[0].max(axis=1)
        literal = np.quantile(branch_medians(sigma, graph.owner, graph.n_branches), (0.25, 0.75))
        off.append(float(np.max(np.abs(np.array(found.thresholds_mm) / literal - 1))))
        least.append(float(found.radii_mm.min()))
    return f"off by {max(off):.1e} at most; smallest radius {min(least):.2f} mm"


def three_times_finer(cases: list[Case]) -> str:
    """End points and length of the pruned centreline, of each voxel cut into 27 and of the mask as it was."""
    ends, lengths = [], []
    for mask, spacing in followed(cases, "finer", "mask", len(cases)):
        fine = mask.repeat(3, axis=0).repeat(3, axis=1).repeat(3, axis=2)
        coarse, finer = MaskAnalysis(mask, spacing).centreline, MaskAnalysis(fine, [s / 3 for s in spacing]).centreline
        ends.append(len(finer.endpoints_mm) / len(coarse.endpoints_mm))
        lengths.append(finer.length_mm / coarse.length_mm)
    return f"end points x {spread(ends)}; length x {spread(lengths)}"


MASKS = {
    "noise": Row(
        "small voxels that stay small when 0.2, 1 and 5 % of the wall's voxels flip, ten 3D-IRCADb masks",
        "1 %: .85, 5 %: .60",
        lambda data: small_kept(ircadb_masks(data)),
    ),
    "noise-trees": Row("the same, ten liver trees", "", lambda data: small_kept(liver_trees(data))),
    "shares": Row(
        "share of the voxels: small; medium; large, 3D-IRCADb", "", lambda data: shares_of_voxels(ircadb_masks(data))
    ),
    "shares-trees": Row("the same, liver trees", "", lambda data: shares_of_voxels(liver_trees(data))),
    "terminals": Row(
        "share of terminal length that is small, 3D-IRCADb", "", lambda data: small_terminals(ircadb_masks(data))
    ),
    "terminals-trees": Row("the same, liver trees", "", lambda data: small_terminals(liver_trees(data))),
    "short-large": Row(
        "what counts as large and is shorter than wide, 3D-IRCADb",
        "",
        lambda data: short_large(ircadb_masks(data)),
    ),
    "paper": Row("`paper` beside Eq. 1 and 2, 3D-IRCADb", "the same, none 0", paper_radii),
    "finer": Row(
        "each voxel cut into 27, three liver trees",
        "± 15 %; ± 5 %",
        lambda data: three_times_finer(liver_trees(data)[2:5]),
    ),
}
