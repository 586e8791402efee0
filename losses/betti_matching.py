"""Betti matching: pieces and holes of the prediction paired with those of the truth that lie where they do.

Stucki et al. 2023. Two voxels of a feature matter: where it appears and where it vanishes while the threshold falls.
"""

from itertools import product
from typing import NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, library
from torch.nn import functional

from ramify.losses.checks import known_part
from ramify.losses.continuation import continued
from ramify.losses.merging_kernel import merges
from ramify.losses.term_settings import Connectivity, check_features


class _Bars(NamedTuple):
    """Features by the voxels where they appear and vanish, by place in a padded volume; -1 where they never vanish."""

    matched: NDArray[np.int64]  # (M, 4): of the prediction, of the truth
    predicted: NDArray[np.int64]  # (U, 2), without a partner
    wanted: NDArray[np.int64]  # (V, 2), without a partner


class _Choices(NamedTuple):
    pieces: bool
    holes: bool
    full: bool
    empty_images: bool


def betti_matching_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    pieces: bool = True,
    holes: bool = True,
    connectivity: Connectivity = "full",
    empty_images: bool = False,
    unmatched_weight: float = 1.0,
    least_persistence: float = 0.0,
    mask: Tensor | None = None,
) -> Tensor:
    """Σ_matched 2 ((b - b')² + (d - d')²) + w Σ_predicted (d - b)² + Σ_wanted (d' - b')², averaged over channels and
    samples.

    Stucki et al. 2023: (b, d) are the features of 1 - probabilities, (b', d') those of 1 - target, each with the
    levels at which it appears and vanishes. A feature of the prediction and one of the truth are partners where both
    become the same feature of the comparison image min(1 - p, 1 - y): the induced matching. So a piece in the wrong
    place is no partner of the right one. Partners are drawn together, (0, 1) in a binary truth; the prediction's other
    features to the diagonal; a truth's feature without a partner costs 1 and has no gradient. The first piece never
    vanishes, its d is 1, and those of prediction and truth are partners.

    Pieces are those of the foreground, holes those of the background by union-find and duality, both exactly. In 3D the
    holes are cavities. Tunnels, the loops of 3D, would need the reduction of a matrix, and are not here:
    `persistent_homology_loss` counts them without looking where they are.

    A feature of the prediction that appears only after the truth's has vanished in the comparison has no image there,
    and so no partner: the noise within a vessel that is otherwise connected. The authors' code takes it for a partner;
    with `empty_images` so does this, and what is then matched depends on the order of equal levels. Without it that
    order decides only where three features and more become one at the same voxel.

    Cost: sorting, on one thread of the CPU; nothing is gained by a GPU.

    Args:
        probabilities: (B, C, *S) in [0, 1], 2D or 3D, any floating type; computed in float32 or better.
        target: (B, C, *S) in [0, 1] or bool. No gradient reaches it.
        pieces: match connected components.
        holes: match holes, in 3D cavities; one of the two at least.
        connectivity: of the foreground: "full" (26 neighbours, 8 in 2D) with a background over faces, or "faces" (6
            and 4) with a full background, as in the authors' code.
        empty_images: match where the image is empty.
        unmatched_weight: w >= 0.
        least_persistence: features of the prediction without a partner with d - b up to this cost nothing.
        mask: bool (B, 1, *S), the voxels that count; beyond, prediction and truth are both what the truth is at the
            nearest of them. None: all do.

    Returns:
        A scalar of at least 0; exactly 0 for a perfect prediction.

    Raises ValueError where shapes differ or are empty, values leave [0, 1] (as logits do, and NaN), S has other than
    two or three axes, or an argument does not fit.

    Examples:
        >>> import torch
        >>> from ramify.losses import betti_matching_loss
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:4] = 1.0
        >>> probabilities = target.clone()
        >>> probabilities[..., 2, 7] = 0.5  # a false piece, half sure
        >>> betti_matching_loss(probabilities, target).item()  # 0.5²
        0.25
    """
    probabilities, target = known_part(probabilities, target, mask)
    _check(probabilities.ndim - 2, pieces, holes, connectivity, unmatched_weight, least_persistence)
    wanted = continued(target.detach().to(probabilities.dtype), mask)
    levels = 1.0 - (probabilities if mask is None else torch.where(mask, probabilities, wanted))
    wanted = 1.0 - wanted
    margin = (1, 1) * (levels.ndim - 2)
    levels, wanted = (functional.pad(volumes, margin).flatten(0, 1) for volumes in (levels, wanted))
    matched, predicted, missed = _all_bars(levels, wanted, pieces, holes, connectivity == "full", empty_images)
    own, truth = levels.reshape(-1), wanted.reshape(-1)
    apart = _at(own, matched[:, :2]) - _at(truth, matched[:, 2:])
    length = _at(own, predicted).diff(dim=1)
    length = length.masked_fill(length <= least_persistence, 0.0)
    loss = 2.0 * (apart**2).sum() + unmatched_weight * (length**2).sum()
    return (loss + (_at(truth, missed).diff(dim=1) ** 2).sum()) / len(levels)


def _check(axes: int, pieces: bool, holes: bool, connectivity: str, weight: float, persistence: float) -> None:
    if axes not in (2, 3):
        raise ValueError(f"probabilities: expected (batch, channel) and two or three axes, got {axes}")
    check_features(pieces, holes)
    if connectivity not in get_args(Connectivity):
        raise ValueError(f"connectivity: expected one of {', '.join(get_args(Connectivity))}, got {connectivity!r}")
    if not 0.0 <= weight < float("inf"):
        raise ValueError(f"unmatched_weight: expected a number of at least 0, got {weight}")
    if not 0.0 <= persistence < 1.0:
        raise ValueError(f"least_persistence: expected a number in [0, 1), got {persistence}")


def _at(values: Tensor, places: Tensor) -> Tensor:
    """Values at places of a flat volume; 1 at -1."""
    return values[places.clamp_min(0)].masked_fill(places < 0, 1.0)


# An operation of its own, for torch.compile to call and not to look into, and in no CUDA graph: it waits for the CPU.
@library.custom_op("ramify::matched_bars", mutates_args=(), tags=torch.Tag.cudagraph_unsafe)
def _all_bars(
    levels: Tensor, wanted: Tensor, pieces: bool, holes: bool, full: bool, empty_images: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Features of padded volumes (N, *S) as in `_Bars`, by place in all of them."""
    arrays = (volumes.detach().cpu().numpy() for volumes in (levels, wanted))
    choices = _Choices(pieces, holes, full, empty_images)
    features = [_matching(own, truth, choices) for own, truth in zip(*arrays, strict=True)]
    size = levels[0].numel()
    found = [
        bars for number, volume in enumerate(features) for bars in (_moved(bars, number * size) for bars in volume)
    ]
    matched, predicted, missed = (torch.from_numpy(np.concatenate(kind)).to(levels.device) for kind in zip(*found))
    return matched, predicted, missed


@_all_bars.register_fake
def _(
    levels: Tensor, wanted: Tensor, pieces: bool, holes: bool, full: bool, empty_images: bool
) -> tuple[Tensor, Tensor, Tensor]:
    sizes = library.get_ctx()
    matched, predicted, missed = (
        levels.new_empty((sizes.new_dynamic_size(), ends), dtype=torch.int64) for ends in (4, 2, 2)
    )
    return matched, predicted, missed


def _moved(bars: _Bars, by: int) -> _Bars:
    return _Bars(*(np.where(places < 0, -1, places + by) for places in bars))


def _matching(own: NDArray[np.floating], truth: NDArray[np.floating], choices: _Choices) -> list[_Bars]:
    """Features of two padded volumes of levels."""
    inside = np.zeros(own.shape, bool)
    inside[(slice(1, -1),) * own.ndim] = True
    sides, voxels = (own.ravel(), truth.ravel()), np.flatnonzero(inside)
    found = []
    if choices.pieces:
        found.append(_matched_pieces(sides, voxels, _steps(inside.shape, choices.full), choices.empty_images))
    if choices.holes:
        found.append(_matched_holes(sides, voxels, _steps(inside.shape, not choices.full), choices.empty_images))
    return found


def _steps(shape: tuple[int, ...], full: bool) -> NDArray[np.int64]:
    """From a place in a flat volume to those of its neighbours."""
    offsets = [o for o in product((-1, 0, 1), repeat=len(shape)) if any(o) and (full or np.abs(o).sum() == 1)]
    strides = np.cumprod((1, *shape[:0:-1]))[::-1]
    return np.array(offsets) @ strides


class _Filtration(NamedTuple):
    """Voxels in the order of their levels; of equal levels, the first in memory first."""

    levels: NDArray[np.floating]
    order: NDArray[np.int64]
    age: NDArray[np.int64]

    def lasting(self, merged: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which merges end a component that lasted."""
        lasts: NDArray[np.bool_] = self.levels[merged[:, 0]] != self.levels[merged[:, 1]]
        return lasts


def _filtration(levels: NDArray[np.floating], voxels: NDArray[np.int64]) -> _Filtration:
    order = voxels[np.argsort(levels[voxels], kind="stable")]
    age = np.zeros(len(levels), np.int64)
    age[order] = np.arange(len(order))
    return _Filtration(levels, order, age)


def _matched_pieces(
    levels: tuple[NDArray[np.floating], ...], voxels: NDArray[np.int64], steps: NDArray[np.int64], empty_images: bool
) -> _Bars:
    both = _filtration(np.minimum(*levels), voxels)
    sides = [_filtration(own, voxels) for own in levels]
    ends, names = [], []
    for side in sides:
        merged = merges(side.order, side.age, side.age, steps, False)
        merged = merged[side.lasting(merged)]
        end = np.full(len(side.levels), -1)
        end[merged[:, 1]] = merged[:, 0]
        ends.append(end)
        # Merges of the comparison, by which of the side's pieces ends in each; voxel 0, of the margin, is none.
        joined = merges(both.order, both.age, side.age, steps, False)
        joined = joined[both.lasting(joined)]
        there = empty_images | (side.levels[joined[:, 2]] < both.levels[joined[:, 0]])
        names.append(np.where(there, joined[:, 2], 0))
    pairs = np.stack(names, axis=1)
    pairs = pairs[(ends[0][pairs[:, 0]] >= 0) & (ends[1][pairs[:, 1]] >= 0)]
    first = np.array([[sides[0].order[0], -1, sides[1].order[0], -1]])
    matched = np.stack([pairs[:, 0], ends[0][pairs[:, 0]], pairs[:, 1], ends[1][pairs[:, 1]]], axis=1)
    lone = [np.setdiff1d(np.flatnonzero(end >= 0), partners) for end, partners in zip(ends, pairs.T, strict=True)]
    predicted, wanted = (np.stack([births, end[births]], axis=1) for births, end in zip(lone, ends, strict=True))
    return _Bars(np.concatenate([first, matched]), predicted, wanted)


def _matched_holes(
    levels: tuple[NDArray[np.floating], ...], voxels: NDArray[np.int64], steps: NDArray[np.int64], empty_images: bool
) -> _Bars:
    """A hole is a piece of the background while the threshold rises: it ends there where it appears in the volume."""
    both = _filtration(-np.minimum(*levels), voxels)
    joined = merges(both.order, both.age, both.age, steps, True)
    names = joined[both.lasting(joined), 1]
    bars, partners = [], []
    for own in levels:
        side = _filtration(-own, voxels)
        merged = merges(side.order, side.age, both.age, steps, True)
        merged = merged[side.lasting(merged)]
        bars.append(merged[:, :2])  # where it appears, where it vanishes
        there = np.flatnonzero(empty_images | (own[merged[:, 0]] < -both.levels[merged[:, 2]]))
        of_name = np.full(len(own), -1)
        of_name[merged[there, 2]] = there
        partners.append(of_name[names])
    pairs = np.stack(partners, axis=1)
    pairs = pairs[(pairs >= 0).all(axis=1)]
    matched = np.concatenate([bars[0][pairs[:, 0]], bars[1][pairs[:, 1]]], axis=1)
    predicted, wanted = (np.delete(bar, taken, axis=0) for bar, taken in zip(bars, pairs.T, strict=True))
    return _Bars(matched, predicted, wanted)
