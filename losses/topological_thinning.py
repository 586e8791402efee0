"""Menten et al. 2023: a skeleton of probabilities that keeps the topology of what it is drawn from, with a gradient.

The gradient is what automatic differentiation makes of the paper's algorithm, and it is diagonal. An iteration sets
x <- min(x, 1 - c) once for every voxel, where the candidate c = simple(neighbours) (1 - endpoint) is a product of
counts of neighbours, each clamped to [0, 1]. The samples x are 0 and 1 exactly, so the counts are integers and sit on
the clamp's ends, where `hardtanh` has the derivative 0: nothing reaches x through c. The minimum passes the gradient on
to x where x < 1 - c, none where x > 1 - c, and half of it where the two are equal. Thus, after k iterations, ∂S/∂x is

    2^-k  for a voxel of the skeleton (x = 1 and c = 0 in every iteration),
    0     for a voxel that was deleted (x = 1 and c = 1 in one of them),
    2^-n  for a voxel of the background, n being the number of iterations in which it was a candidate.

So no state is kept but n. The weight of a skeleton voxel falls by half with every iteration: more of them than the
vessels' radius in voxels only weaken the gradient.
"""

from typing import cast, get_args

import torch
from torch import Tensor, library
from torch.nn import functional

from ramify.losses.checks import check_same_shape, in_unit_range
from ramify.losses.precision import at_least_float32
from ramify.losses.simple_points import CENTRE, SimplePoints, at_most_one
from ramify.losses.term_settings import SimplePointRule
from ramify.losses.thinning_kernel import thin_volumes

# Menten et al. 2023 keep probabilities and noise this far from 0 and 1, where their logits are infinite.
_MARGIN = 1e-8


def topological_skeleton(
    probabilities: Tensor,
    iterations: int,
    *,
    temperature: float = 1.0,
    noise_scale: float = 0.33,
    simple_points: SimplePointRule = "boolean",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Skeleton of a random binary sample of probabilities (Menten et al. 2023).

    The sample is x = [σ((log p / (1 - p) + β (log u - log(1 - u))) / τ) > 1/2] with u uniform in (0, 1), and its
    derivative that of σ(…), the straight-through estimate. Then come `iterations` rounds: voxels with at most one
    neighbour are endpoints and stay; the other simple points are deleted, in eight rounds over the voxels that are two
    apart along every axis, so that none sees a neighbour go at the same time. See above for the gradient.

    Args:
        probabilities: (B, C, *S) in [0, 1] with two or three axes S, any floating type; computed in float32 or better.
            Outside the volume is background.
        iterations: k >= 1. The skeleton is one voxel thin where k reaches the largest radius in voxels.
        temperature: τ > 0 of the straight-through estimate; the sample does not depend on it.
        noise_scale: β >= 0. With the paper's 0.33, probabilities of exactly 0 and 1 are never turned over.
        simple_points: `boolean` keeps the topology; `euler` asks only that the Euler characteristic stays.
        generator: where u comes from, drawn on its device; by default PyTorch's own on that of the probabilities.

    Returns:
        (B, C, *S) of 0 and 1, float32 or better; empty where the sample is empty.

    Raises ValueError where probabilities leave [0, 1] or S has other than two or three axes, and for arguments out of
    range.

    Examples:
        >>> import torch
        >>> from ramify.losses import topological_skeleton
        >>> ring = torch.ones(1, 1, 5, 5)
        >>> ring[..., 2, 2] = 0.0
        >>> topological_skeleton(ring, iterations=3)[0, 0].int().tolist()  # still a ring
        [[0, 0, 1, 0, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0]]
    """
    check_same_shape("probabilities", probabilities, probabilities)
    _check(probabilities, iterations, simple_points)
    if not (0.0 < temperature < float("inf") and 0.0 <= noise_scale < float("inf")):
        given = f"temperature {temperature:g} and noise_scale {noise_scale:g}"
        raise ValueError(f"skeleton: expected temperature > 0 and noise_scale >= 0, got {given}")
    probabilities = in_unit_range(at_least_float32(probabilities))
    device = probabilities.device if generator is None else generator.device
    # Drawn in float32 whatever the probabilities are: a look in double precision is at the sample of the step.
    uniform = torch.empty(probabilities.shape, device=device, dtype=torch.float32).uniform_(generator=generator)
    return skeleton_of_draw(
        probabilities, uniform.to(probabilities, non_blocking=True), iterations, temperature, noise_scale, simple_points
    )


def skeleton_of_draw(
    probabilities: Tensor,
    uniform: Tensor,
    iterations: int,
    temperature: float,
    noise_scale: float,
    simple_points: SimplePointRule,
) -> Tensor:
    """The same for given draws u, (B, C, *S) in [0, 1)."""
    sample, slope = _sample(probabilities.detach(), uniform, temperature, noise_scale)
    if not (torch.is_grad_enabled() and probabilities.requires_grad):
        return binary_skeleton(sample, iterations, simple_points=simple_points).to(probabilities.dtype)
    skeleton: Tensor
    skeleton, candidacies = _thin(sample, iterations, simple_points, count=True)
    halvings = candidacies.masked_fill_(skeleton, iterations)
    slope *= torch.exp2(-halvings.to(slope.dtype)).masked_fill_(sample & ~skeleton, 0.0)
    return skeleton.to(probabilities.dtype) + slope * (probabilities - probabilities.detach())


def binary_skeleton(mask: Tensor, iterations: int, *, simple_points: SimplePointRule = "boolean") -> Tensor:
    """The same skeleton of a binary mask, where nothing is random and nothing has a gradient.

    Args:
        mask: (B, C, *S) bool.
        iterations: k >= 1.
        simple_points: as for `topological_skeleton`.

    Returns:
        (B, C, *S) bool.

    Examples:
        >>> import torch
        >>> from ramify.losses import binary_skeleton
        >>> bar = torch.zeros(1, 1, 5, 9, dtype=torch.bool)
        >>> bar[..., 1:4, 1:8] = True  # three voxels wide
        >>> binary_skeleton(bar, iterations=2)[0, 0].int().sum(0).tolist()  # one voxel a column
        [0, 0, 0, 1, 1, 1, 0, 0, 0]
    """
    _check(mask, iterations, simple_points)
    if mask.dtype != torch.bool:
        raise ValueError(f"mask: expected bool, got {mask.dtype}; mask > 0.5 makes one of it")
    skeleton: Tensor = _thin(mask, iterations, simple_points, count=False)[0]
    return skeleton


def _check(volumes: Tensor, iterations: int, simple_points: str) -> None:
    if volumes.ndim not in (4, 5):
        raise ValueError(f"skeleton: expected (batch, channel) and two or three axes, got {tuple(volumes.shape)}")
    if isinstance(iterations, bool) or not isinstance(iterations, int) or not 1 <= iterations <= 1000:
        raise ValueError(f"iterations: expected an integer in 1..1000, got {iterations!r}")
    if simple_points not in get_args(SimplePointRule):
        raise ValueError(f"simple_points: expected boolean or euler, got {simple_points!r}")


def _sample(probabilities: Tensor, uniform: Tensor, temperature: float, noise_scale: float) -> tuple[Tensor, Tensor]:
    """Binary sample, bool, and the derivative of its straight-through estimate by the probabilities."""
    high, low = probabilities + _MARGIN, 1.0 - probabilities + _MARGIN
    uniform = uniform.clamp(_MARGIN, 1.0 - _MARGIN)
    noise = uniform.log() - (1.0 - uniform).log_()
    logits = (high / low).log_().add_(noise, alpha=noise_scale).div_(temperature)
    # σ(x) (1 - σ(x)) as σ(x) σ(-x), which keeps its digits where σ(x) rounds to 1.
    estimate = logits.sigmoid()
    slope = logits.neg_().sigmoid_().mul_(estimate).div_(high.mul_(low)).mul_((1.0 + 2.0 * _MARGIN) / temperature)
    return estimate > 0.5, slope


# An operation of its own, for torch.compile to call and not to look into, and in no CUDA graph: it waits for the CPU.
@library.custom_op("ramify::thin", mutates_args=(), tags=torch.Tag.cudagraph_unsafe)
def _thin(volumes: Tensor, iterations: int, simple_points: str, count: bool) -> tuple[Tensor, Tensor]:
    """Skeletons of (B, C, *S) bool, and how often each voxel was a candidate (nothing unless `count`)."""
    shape = volumes.shape
    lifted = volumes.reshape(-1, *(1,) * (5 - volumes.ndim), *shape[2:])
    if volumes.device.type != "cpu":
        skeletons, candidacies = thin_by_tensors(lifted, iterations, cast(SimplePointRule, simple_points))
    else:
        skeletons = lifted.clone(memory_format=torch.contiguous_format)
        candidacies = torch.zeros(skeletons.shape if count else (0,) * 4, dtype=torch.int16)
        thin_volumes(skeletons.numpy(), iterations, simple_points == "euler", candidacies.numpy())
    return skeletons.view(shape), candidacies.view(shape) if count else candidacies


@_thin.register_fake
def _(volumes: Tensor, iterations: int, simple_points: str, count: bool) -> tuple[Tensor, Tensor]:
    candidacies = volumes.new_empty(volumes.shape if count else (0,) * 4, dtype=torch.int16)
    return torch.empty_like(volumes, memory_format=torch.contiguous_format), candidacies


def thin_by_tensors(volumes: Tensor, iterations: int, simple_points: SimplePointRule) -> tuple[Tensor, Tensor]:
    """`thin_volumes` on any device: skeletons and candidacies of (N, D, H, W) bool."""
    padded = functional.pad(volumes.to(torch.int32), (1,) * 6)
    inside = padded[:, 1:-1, 1:-1, 1:-1]
    candidacies = torch.zeros_like(inside, dtype=torch.int16)
    is_simple = SimplePoints(simple_points, volumes.device)
    for _ in range(iterations):
        is_end = at_most_one(_codes(padded, (0, 0, 0), 1) & ~(1 << CENTRE))
        for field in range(8):
            # The paper's fields begin at the margin around the volume, so that its first voxel has an odd index.
            starts = [1 - (field >> axis & 1) for axis in range(3)]
            if any(start >= size for start, size in zip(starts, inside.shape[1:], strict=True)):
                continue
            voxels = (slice(None), *(slice(start, None, 2) for start in starts))
            candidate = is_simple(_codes(padded, starts, 2)) & ~is_end[voxels]
            inside[voxels].masked_fill_(candidate, 0)
            candidacies[voxels] += candidate
    return inside.bool(), candidacies


def _codes(padded: Tensor, starts: list[int] | tuple[int, ...], step: int) -> Tensor:
    """Codes of 27 bits of every `step`-th voxel, from the padded volumes (N, D + 2, H + 2, W + 2) of 0 and 1."""
    codes = padded
    for axis in (3, 2, 1):
        last = codes.shape[axis] - 2
        rows = [
            codes[(slice(None),) * axis + (slice(starts[axis - 1] + place, last + place, step),)] for place in range(3)
        ]
        width = 3 ** (3 - axis)
        codes = rows[0] | rows[1] << width | rows[2] << 2 * width
    return codes
