"""Topology: has the prediction as many pieces, tunnels and cavities as the truth?

Of the whole volume, as Kirchhoff et al. 2024 report them (Skeleton Recall, section 4.2), and, where asked for, as the
mean over patches, as Shit et al. 2021 (section 5.2) do: the two are different measures and have different names.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from ramify.metrics.family_settings import TopologySettings
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.measure import Family, Measure
from ramify.vessels.betti import BettiNumbers, betti_numbers

Box = tuple[slice, ...]

WHOLE_VOLUME, MEAN_OF_PATCHES = "Kirchhoff et al. 2024, section 4.2, whole volume", "Shit et al. 2021, 5.2, patches"
_FORMULAS = {
    "betti0_error": "|β0(P) − β0(T)|, β0 connected pieces",
    "betti1_error": "|β1(P) − β1(T)|, β1 tunnels (holes in 2D)",
    "betti2_error": "|β2(P) − β2(T)|, β2 cavities (none in 2D)",
    "euler_error": "|χ(P) − χ(T)|, χ = β0 − β1 + β2",
}
TOPOLOGY_MEASURES = tuple(
    Measure(name, formula, "lower", math.inf, WHOLE_VOLUME, "measured", shown=name[:6] in ("betti0", "betti1"))
    for name, formula in _FORMULAS.items()
)
PATCH_MEASURES = tuple(
    Measure(f"patch_{name}", f"mean over patches of {formula}", "lower", math.inf, MEAN_OF_PATCHES, "measured")
    for name, formula in _FORMULAS.items()
)


def topology_measures(settings: TopologySettings) -> tuple[Measure, ...]:
    """The measures that `score_topology` gives with these settings."""
    return TOPOLOGY_MEASURES + (PATCH_MEASURES if settings.patch_voxels else ())


def score_topology(prediction: MaskAnalysis, target: MaskAnalysis, settings: TopologySettings) -> dict[str, float]:
    """Absolute errors of the Betti numbers and of the Euler characteristic.

    Foreground is connected over faces, edges and corners, background over faces alone (26 and 6 in 3D, 8 and 4 in 2D);
    outside the volume, and outside a patch, is background. An empty mask has all four numbers 0 and is measured like
    any other: two empty masks have no errors. Patches in which both masks are empty count in the means.
    """
    errors = _errors(prediction.betti, target.betti)
    scores = dict(zip(_FORMULAS, errors.tolist(), strict=True))
    if settings.patch_voxels:
        means = _patch_errors(prediction, target, settings).tolist()
        scores |= {measure.name: mean for measure, mean in zip(PATCH_MEASURES, means, strict=True)}
    return scores


def _errors(prediction: BettiNumbers, target: BettiNumbers) -> np.ndarray:
    difference = np.subtract((*prediction, prediction.euler), (*target, target.euler))
    return np.abs(difference).astype(np.float64)


def _patch_errors(prediction: MaskAnalysis, target: MaskAnalysis, settings: TopologySettings) -> np.ndarray:
    """Mean errors over all patches."""
    total, n_patches = np.zeros(len(_FORMULAS)), 0
    for patch in _patches(target.shape, settings):
        n_patches += 1
        total += _errors(_betti_in(prediction, patch), _betti_in(target, patch))
    return total / n_patches


def _betti_in(mask: MaskAnalysis, patch: Box) -> BettiNumbers:
    """The Betti numbers of what a patch holds of a mask."""
    whole = mask.whole
    if mask.is_empty or not _meets(whole.box, patch):
        return BettiNumbers(0, 0, 0)
    return betti_numbers(whole.mask[patch])


def _patches(shape: Sequence[int], settings: TopologySettings) -> Iterator[Box]:
    """Boxes of the patches: tiles, the last of a row cut off where the volume ends, or whole ones at random places."""
    edge = settings.patch_voxels
    if not settings.random_patches:
        yield from itertools.product(*([slice(i, min(i + edge, n)) for i in range(0, n, edge)] for n in shape))
        return
    generator = np.random.default_rng(settings.seed)
    last = np.maximum(np.array(shape) - edge, 0)
    for start in generator.integers(0, last + 1, size=(settings.random_patches, len(shape))).tolist():
        yield tuple(slice(i, min(i + edge, n)) for i, n in zip(start, shape, strict=True))


def _meets(one: Box, other: Box) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


TOPOLOGY = Family(topology_measures, score_topology, needs_spacing=False)
