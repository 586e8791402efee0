"""Persistent-homology loss of Hu et al. 2019: the prediction's components, loops and cavities at all its thresholds.

Its diagrams are computed by gudhi, an extra: pip install gudhi.
"""

import math
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import combinations, product
from types import ModuleType
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, library

from ramify.losses.checks import known_part
from ramify.losses.continuation import continued


class _Points(NamedTuple):
    """Points of persistence diagrams, by the voxels at which their features appear and vanish."""

    births: NDArray[np.int64]
    deaths: NDArray[np.int64]  # -1 for a feature that never vanishes
    wanted: NDArray[np.bool_]  # whether the target has a feature for it


def persistent_homology_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    patch_size: int = 32,
    dimensions: tuple[int, ...] = (0, 1),
    mask: Tensor | None = None,
) -> Tensor:
    """Distance of the prediction's persistence diagrams from the target's, averaged over windows, channels and samples.

    Hu et al. 2019: L_topo = Σ_p (birth(p) - birth(γ(p)))² + (death(p) - death(γ(p)))² over the points p of the diagrams
    of 1 - probabilities. A binary target has only points at (0, 1), β of them in a dimension, its Betti number: γ sends
    the β most persistent points of the prediction there, at a cost of birth² + (1 - death)², and the others to the
    nearest point of the diagonal, at (death - birth)² / 2. The gradient reaches the two voxels of each point, where its
    feature appears and vanishes. The first component never vanishes: its death is 1, at no voxel. A target's feature
    for which the prediction has no point costs nothing, as there is no voxel to move.

    Foreground is 26-connected (8 in 2D), background 6-connected (4 in 2D). Windows do not overlap, and what crosses
    their borders is cut: a loop larger than a window is none.

    Cost: one thread of the CPU, some 0.1 to 0.2 s for a window of 32^3 voxels, ten times that for 64^3, and 0.2 s for
    256^2; nothing is gained by a GPU.

    Args:
        probabilities: (B, C, *S) in [0, 1], any floating type.
        target: (B, C, *S) in [0, 1] or bool; binary, taken as > 1/2.
        patch_size: side of the windows, in voxels; those at the end of an axis may be smaller.
        dimensions: of the features: 0 components, 1 loops (in 3D tunnels), 2 cavities.
        mask: bool (B, 1, *S), the voxels that count; beyond, prediction and truth are both what the truth is at the
            nearest of them. None: all do.

    Returns:
        A scalar, exactly 0 for a perfect binary prediction. Over an empty window, half the squared highest probability
        and the loops there are.

    Raises ValueError where shapes differ or are empty, probabilities leave [0, 1], S has no such dimension, or gudhi is
    missing.

    Examples:
        >>> import torch
        >>> from ramify.losses import persistent_homology_loss
        >>> target = torch.zeros(1, 1, 8, 8)
        >>> target[..., 1:3, 1:3] = 1.0
        >>> probabilities = target.clone()
        >>> probabilities[..., 5, 5] = 0.5  # a second component, half sure
        >>> persistent_homology_loss(probabilities, target, dimensions=(0,)).item()  # 0.5² / 2
        0.125
    """
    probabilities, target = known_part(probabilities, target, mask)
    _check(probabilities.ndim - 2, patch_size, dimensions)
    wanted = continued(target > 0.5, mask)
    levels = 1.0 - (probabilities if mask is None else torch.where(mask, probabilities, wanted.to(probabilities.dtype)))
    births, deaths, matched = _all_points(levels, wanted, patch_size, dimensions)
    flat = levels.reshape(-1)
    birth = flat[births]
    death = flat[deaths.clamp_min(0)].masked_fill(deaths < 0, 1.0)
    distance = torch.where(matched, birth**2 + (1.0 - death) ** 2, (death - birth) ** 2 / 2.0)
    windows = math.prod([*levels.shape[:2], *(-(-side // patch_size) for side in levels.shape[2:])])
    return distance.sum() / windows


def _check(axes: int, patch_size: int, dimensions: tuple[int, ...]) -> None:
    if axes not in (1, 2, 3):
        raise ValueError(f"probabilities: expected (batch, channel) and one to three axes, got {axes}")
    if patch_size < 2:
        raise ValueError(f"patch_size: expected at least 2 voxels, got {patch_size}")
    if not dimensions or len(set(dimensions)) < len(dimensions) or not set(dimensions) <= set(range(axes)):
        raise ValueError(f"dimensions: expected some of {tuple(range(axes))}, each once, for {axes}D, got {dimensions}")


def _import_gudhi() -> ModuleType:
    try:
        return import_module("gudhi")
    except ModuleNotFoundError as missing:
        raise ValueError("persistent homology: gudhi is not installed; pip install gudhi") from missing


def _windows(shape: tuple[int, ...], size: int) -> Iterator[tuple[slice, ...]]:
    """The windows of every volume of (B, C, *S), volumes one after the other."""
    ones = [[slice(i, i + 1) for i in range(count)] for count in shape[:2]]
    sides = [[slice(i, min(i + size, length)) for i in range(0, length, size)] for length in shape[2:]]
    return product(*ones, *sides)


# An operation of its own, for torch.compile to call and not to look into, and in no CUDA graph: it waits for the CPU.
@library.custom_op("ramify::persistence_points", mutates_args=(), tags=torch.Tag.cudagraph_unsafe)
def _all_points(
    levels: Tensor, wanted: Tensor, patch_size: int, dimensions: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Points of all windows' diagrams as in `_Points`, int64 (P,), int64 (P,) and bool (P,)."""
    gudhi = _import_gudhi()
    field, truth = levels.detach().cpu().numpy(), wanted.cpu().numpy()
    found = [_points(gudhi, field, truth, window, dimensions) for window in _windows(tuple(levels.shape), patch_size)]
    births, deaths, matched = (torch.from_numpy(np.concatenate(parts)).to(levels.device) for parts in zip(*found))
    return births, deaths, matched


@_all_points.register_fake
def _(levels: Tensor, wanted: Tensor, patch_size: int, dimensions: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    many = library.get_ctx().new_dynamic_size()
    births, deaths = (levels.new_empty(many, dtype=torch.int64) for _ in range(2))
    return births, deaths, levels.new_empty(many, dtype=torch.bool)


def _points(
    gudhi: ModuleType,
    field: NDArray[np.floating],
    truth: NDArray[np.bool_],
    window: tuple[slice, ...],
    dimensions: Sequence[int],
) -> _Points:
    """Points of one window's diagrams, their voxels as places in the flat field."""
    levels, mask = field[window][0, 0], truth[window][0, 0]
    pairs, features = _pairs(gudhi, levels), _betti_numbers(mask)
    values = np.append(levels.ravel(order="F"), 1.0)
    wanted = []
    for dimension in dimensions:
        births, deaths = values[pairs[dimension]].T
        by_persistence = np.argsort(births - deaths, kind="stable")
        wanted.append(np.zeros(len(births), bool))
        wanted[-1][by_persistence[: features[dimension]]] = True
    voxels = np.concatenate([pairs[dimension] for dimension in dimensions])
    within = np.unravel_index(np.maximum(voxels, 0), levels.shape, order="F")
    inside = [axis + side.start for axis, side in zip(within, window[2:], strict=True)]
    places = np.ravel_multi_index((window[0].start, window[1].start, *inside), field.shape)
    births, deaths = np.where(voxels < 0, -1, places).T
    return _Points(births, deaths, np.concatenate(wanted))


def _pairs(gudhi: ModuleType, levels: NDArray[np.floating]) -> list[NDArray[np.int64]]:
    """For each dimension the voxels (P, 2) where its features appear and vanish, by index in Fortran order.

    A feature is there at thresholds from the level of its birth up to that of its death, which is -1 if there is none.
    """
    cells = gudhi.CubicalComplex(top_dimensional_cells=levels.astype(np.float64))
    cells.compute_persistence(homology_coeff_field=2)
    mortal, immortal = cells.cofaces_of_persistence_pairs()
    pairs = [np.empty((0, 2), np.int64) for _ in range(levels.ndim)]
    for dimension, own in enumerate(mortal):
        pairs[dimension] = own.reshape(-1, 2)
    # Only the first component lives for ever.
    pairs[0] = np.concatenate([pairs[0], [[immortal[0][0], -1]]])
    return pairs


def _betti_numbers(mask: NDArray[np.bool_]) -> list[int]:
    """How many components, and in 2D holes, in 3D tunnels and cavities, a mask has.

    As gudhi would count them in a fraction of the time: of a mask, unlike of levels, labelling and the Euler
    characteristic of its closed voxels tell all three.
    """
    padded = np.pad(mask, 1)
    components = ndimage.label(padded, np.ones((3,) * mask.ndim))[1]
    holes = ndimage.label(~padded)[1] - 1
    if mask.ndim < 3:
        return [components, holes][: mask.ndim]
    return [components, components + holes - _euler_characteristic(padded), holes]


def _euler_characteristic(padded: NDArray[np.bool_]) -> int:
    """Corners less edges, plus faces, less cubes, of the union of a padded mask's closed voxels."""
    total, axes = 0, range(padded.ndim)
    for across in (chosen for count in range(padded.ndim + 1) for chosen in combinations(axes, count)):
        cells = padded
        for axis in across:  # a cell without an extent along an axis is there where a voxel on either side is
            first, second = (cells.take(range(start, cells.shape[axis] - 1 + start), axis) for start in (0, 1))
            cells = first | second
        total += (-1) ** (padded.ndim - len(across)) * int(cells.sum())
    return total
