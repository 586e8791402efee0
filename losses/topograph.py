"""Topograph: the wrong regions that join, part, make or fill pieces, by what they touch (Lux et al. 2025)."""

from itertools import product
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor, library

from ramify.losses.checks import known_part
from ramify.losses.continuation import continued
from ramify.losses.term_settings import Aggregation
from ramify.losses.topograph_kernel import FALSE_ALARM, MISS, critical_regions
from ramify.losses.voxel_cross_entropy import voxel_cross_entropy


def topograph_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    aggregation: Aggregation = "mean",
    threshold_spread: float = 0.0,
    generator: torch.Generator | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Σ over the critical regions of the mean of p (of 1 - p in a miss), averaged over channels and samples.

    Lux et al. 2025. Prediction and truth cut the volume into correct foreground, correct background, false alarms and
    misses, and these into connected regions. A wrong region is regular where it touches exactly one piece of correct
    background, over faces, and exactly one of the foreground it would be added to, over corners too: of the truth's for
    a false alarm, of the prediction's for a miss. To relabel it changes no topology. All others are critical: they
    join, part, make or fill pieces and holes. The choice of regions has no gradient.

    What was decided:
    - Foreground is 26-connected (8 in 2D), background 6-connected (4); outside the volume is background.
    - Voxels of a wrong region are neighbours over faces, and over an edge or a corner where all else in the box between
      them is correct background.
    - In 3D what a region touches does not tell tunnels, a handle having one background around it. So a region is
      critical there as well where it changes the Euler characteristic of the foreground it is added to: with pieces
      and cavities as they were, that is the number of tunnels. The paper has no 3D.

    Args:
        probabilities: (B, C, *S) in [0, 1], 2D or 3D, any floating type; computed in float32 or better.
        target: (B, C, *S) bool or of 0 and 1; anything between is cut at a half.
        aggregation: of a region: "mean", "rms", "sum", "max" or "min" of the wrong probability, or the mean
            "cross_entropy".
        threshold_spread: in [0, 0.5); above 0, each sample's threshold is uniform in 1/2 -+ threshold_spread.
        generator: where thresholds come from; by default PyTorch's own.
        mask: bool (B, 1, *S), the voxels that count; beyond, prediction and truth are both what the truth is at the
            nearest of them, so that no region there is wrong. None: all do.

    Returns:
        A scalar of at least 0; exactly 0 where no region is critical.

    Raises ValueError where shapes differ, probabilities leave [0, 1] (as logits do, and NaN), S has other than two or
    three axes, or an argument does not fit.

    Examples:
        >>> import torch
        >>> from ramify.losses import topograph_loss
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.25
        >>> topograph_loss(gap, target).item()  # 1 - 0.25, in the gap
        0.75
        >>> short = target.clone()
        >>> short[..., 2, 1:3] = 0.25
        >>> topograph_loss(short, target).item()
        0.0
    """
    probabilities, target = known_part(probabilities, target, mask)
    _check(probabilities.ndim - 2, aggregation, threshold_spread)
    thresholds = _thresholds(probabilities, threshold_spread, generator)
    truth = continued(target > 0.5, mask)
    prediction = probabilities.detach() > thresholds
    voxels, names, sizes = _critical(prediction if mask is None else torch.where(mask, prediction, truth), truth)
    wanted, own = truth.reshape(-1)[voxels], probabilities.reshape(-1)[voxels]
    if aggregation == "cross_entropy":
        wrong = voxel_cross_entropy(own, wanted.to(own.dtype))
    else:
        wrong = torch.where(wanted, 1.0 - own, own)
    volumes = probabilities.shape[0] * probabilities.shape[1]
    return _aggregated(wrong, names, sizes, aggregation) / volumes


def _check(axes: int, aggregation: str, threshold_spread: float) -> None:
    if axes not in (2, 3):
        raise ValueError(f"probabilities: expected (batch, channel) and two or three axes, got {axes}")
    if aggregation not in get_args(Aggregation):
        raise ValueError(f"aggregation: expected one of {', '.join(get_args(Aggregation))}, got {aggregation!r}")
    if not 0.0 <= threshold_spread < 0.5:
        raise ValueError(f"threshold_spread: expected a number in [0, 0.5), got {threshold_spread}")


def _thresholds(probabilities: Tensor, spread: float, generator: torch.Generator | None) -> Tensor:
    """One a sample, to hold against the probabilities."""
    shape = (len(probabilities), *(1,) * (probabilities.ndim - 1))
    if not spread:
        return probabilities.new_full(shape, 0.5)
    device = probabilities.device if generator is None else generator.device
    drawn = torch.rand(shape, generator=generator, device=device, dtype=torch.float32)
    return 0.5 + spread * (2.0 * drawn.to(probabilities) - 1.0)


def _aggregated(wrong: Tensor, names: Tensor, sizes: Tensor, aggregation: Aggregation) -> Tensor:
    """Sum over regions of what each costs."""
    if aggregation == "sum":
        return wrong.sum()
    if aggregation in ("max", "min"):
        # One voxel a region, the first of the most or the least wrong.
        by_value = torch.argsort(wrong.detach(), stable=True, descending=aggregation == "max")
        order = by_value[torch.argsort(names[by_value], stable=True)]
        return wrong[order[sizes.cumsum(0) - sizes]].sum()
    share = 1.0 / sizes.to(wrong.dtype)
    if aggregation == "rms":
        return (torch.zeros_like(share).index_add(0, names, wrong**2) * share).sqrt().sum()
    return (wrong * share[names]).sum()


# An operation of its own, for torch.compile to call and not to look into, and in no CUDA graph: it waits for the CPU.
@library.custom_op("ramify::critical_regions", mutates_args=(), tags=torch.Tag.cudagraph_unsafe)
def _critical(prediction: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Critical regions of bool (B, C, *S).

    Returns:
        int64 (N,), places of their voxels in the flat batch, region by region; (N,), which region, from 0; (R,), voxels
        of each.
    """
    shape = prediction.shape[2:]
    masks = (mask.cpu().numpy().reshape(-1, *(1,) * (3 - len(shape)), *shape) for mask in (prediction, truth))
    voxels: list[NDArray[np.int64]] = []
    names: list[NDArray[np.int64]] = []
    sizes: list[NDArray[np.int64]] = []
    for number, (predicted, wanted) in enumerate(zip(*masks, strict=True)):
        regions = np.flatnonzero(predicted != wanted)
        if not len(regions):
            continue
        labels, critical = _labelled(predicted, wanted, len(shape) == 3)
        labels = labels[1:-1, 1:-1, 1:-1].reshape(-1)[regions]
        own = regions[critical[labels]]
        order = np.argsort(labels[critical[labels]], kind="stable")
        _, inverse, counts = np.unique(labels[critical[labels]][order], return_inverse=True, return_counts=True)
        voxels.append(own[order] + number * predicted.size)
        names.append(inverse + sum(len(known) for known in sizes))
        sizes.append(counts)
    nothing = np.zeros(0, np.int64)
    places, which, many = (
        torch.from_numpy(np.concatenate([nothing, *arrays])).to(prediction.device) for arrays in (voxels, names, sizes)
    )
    return places, which, many


@_critical.register_fake
def _(prediction: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    sizes = library.get_ctx()
    voxels, regions = sizes.new_dynamic_size(), sizes.new_dynamic_size()
    places, which, many = (prediction.new_empty(size, dtype=torch.int64) for size in (voxels, voxels, regions))
    return places, which, many


def _labelled(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], tunnels: bool
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Wrong regions of a volume, with a margin all around, and which of their labels are critical."""
    prediction, truth = np.pad(prediction, 1), np.pad(truth, 1)
    kinds = np.zeros(prediction.shape, np.uint8)
    kinds[prediction & ~truth], kinds[truth & ~prediction] = FALSE_ALARM, MISS
    correct = ~(prediction | truth)
    if not tunnels:
        correct[0] = correct[-1] = False  # the slices beyond a 2D image are none of it
    full = np.ones((3, 3, 3))
    background = ndimage.label(correct, output=np.int32)[0]
    foreground = np.stack([ndimage.label(mask, full, output=np.int32)[0] for mask in (truth, prediction)])
    regions, count = _wrong_regions(kinds, correct)
    return regions, critical_regions(kinds, regions, background, foreground, count, tunnels)


def _wrong_regions(kinds: NDArray[np.uint8], correct: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Labels from 1, of false alarms and then of misses, and how many there are."""
    alarms, count = ndimage.label(kinds == FALSE_ALARM, output=np.int32)
    misses, more = ndimage.label(kinds == MISS, output=np.int32)
    labels: NDArray[np.int32] = np.where(misses, misses + count, alarms)
    joined = []
    for offset in product((0, 1), (-1, 0, 1), (-1, 0, 1)):
        if np.count_nonzero(offset) < 2 or offset < (0, 0, 0):
            continue
        ends = [_shifted(kinds, o) for o in ((0, 0, 0), offset)]
        between = [o for o in product(*({0, step} for step in offset)) if o not in ((0, 0, 0), offset)]
        there = (ends[0] == ends[1]) & (ends[0] > 0)
        for other in between:
            there &= _shifted(correct, other)
        joined.append(np.stack([_shifted(labels, o)[there] for o in ((0, 0, 0), offset)]))
    pairs = np.concatenate(joined, axis=1)
    graph = coo_array((np.ones(pairs.shape[1]), tuple(pairs)), shape=(1 + count + more,) * 2)
    merged = connected_components(graph, directed=False)[1]
    # The background's label is joined to none and stays the first: components are named in the order of labels.
    return merged[labels].astype(np.int32), int(merged.max())


def _shifted(volume: NDArray[Any], offset: tuple[int, ...]) -> NDArray[Any]:
    """What lies at an offset of -1, 0 or 1 along each axis from every voxel that is no margin."""
    return volume[tuple(slice(1 + step, n - 1 + step) for step, n in zip(offset, volume.shape, strict=True))]
