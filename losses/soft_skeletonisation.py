"""The soft skeleton of Shit et al. 2021 (Algorithm 1) and of its workshop forerunner, and its exact gradient.

With E the erosion over the cross (a voxel and its neighbours by face), D the dilation over the box (3 in each axis),
I_0 the image, I_{i+1} = E(I_i) and δ_i = ReLU(I_i - D(I_{i+1})), the sum S <- S + (1 - S) δ_i is S = 1 - Π (1 - δ_i),
and the workshop's S <- S + S δ_i is δ_0 Π_{i≥1} (1 + δ_i). So dS/dδ_i is the product of all other factors: the product
of earlier ones goes along forward, that of later ones backward. Neither the images nor the δ_i need to be kept: only
some images with their products, from which the rounds in between are done again.
"""

import warnings
from typing import Any, get_args

import torch
from torch import Tensor, library
from torch.autograd.function import once_differentiable

from ramify.losses.checks import check_mask, check_same_shape, in_unit_range
from ramify.losses.precision import at_least_float32
from ramify.losses.soft_skeleton_kernels import CompiledRounds
from ramify.losses.soft_skeleton_passage import Passage, Rounds
from ramify.losses.soft_skeleton_rounds import HIGH, SLAB_GPU, PlainRounds
from ramify.losses.term_settings import Variant
from ramify.losses.value_checks import are_of_a_network, values_are_checked

# On a CPU, kernels compiled for it do the rounds; False: plain tensor operations, as on any other device.
COMPILED = True


def soft_skeleton(
    probabilities: Tensor, iterations: int, variant: Variant = "cvpr", *, mask: Tensor | None = None
) -> Tensor:
    """Soft skeleton of each channel: what rounds of soft erosion and opening leave (Shit et al. 2021, Algorithm 1).

    I' = D(E(I)), S = ReLU(I - I'); then `iterations` times I = E(I), I' = D(E(I)), S = S + (1 - S) ReLU(I - I'), with E
    the erosion over a voxel and its neighbours by face and D the dilation over the box around it. What lies outside the
    volume is never a minimum nor a maximum. The gradient is the one that E and D written with `max_pool3d` and
    `torch.min` have, ties included; it cannot be differentiated again.

    Args:
        probabilities: (B, C, *S) in [0, 1], 2D or 3D, any floating type; computed in float32 or better.
        iterations: k of at least 1, at least the radius of the widest vessel in voxels; more changes nothing but time.
        variant: "cvpr", or "workshop" with S = S + S ReLU(I - I') (Paetzold et al. 2019, Algorithm 2), which keeps only
            what the first opening took away: on a binary mask it is empty for a radius of 1 and more, and warns.
        mask: bool (B, 1, *S), the voxels that count: the volume ends with them, and beyond there is no skeleton. None:
            all do.

    Returns:
        (B, C, *S) in float32 or better; in [0, 1] for "cvpr". Empty for an empty and for a full volume.

    Raises ValueError where type, shape, range, iterations or variant do not fit.

    Examples:
        >>> import torch
        >>> from ramify.losses import soft_skeleton
        >>> bar = torch.zeros(1, 1, 5, 9)
        >>> bar[..., 1:4, 1:8] = 1.0  # three voxels wide
        >>> soft_skeleton(bar, iterations=2)[0, 0, 2].tolist()  # its middle line
        [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
        >>> soft_skeleton(bar, iterations=2).sum().item()
        5.0
    """
    check_same_shape("probabilities", probabilities, probabilities)
    check_skeleton(probabilities, iterations, variant)
    check_mask(mask, probabilities)
    probabilities = in_unit_range(at_least_float32(probabilities))
    if variant == "workshop" and is_binary(probabilities):
        warn_degenerate()
    return unchecked_soft_skeleton(probabilities, iterations, variant, mask)


def check_skeleton(probabilities: Tensor, iterations: int, variant: str) -> None:
    """Raise ValueError unless a soft skeleton of so many rounds can be made of probabilities in [0, 1]."""
    shape = tuple(probabilities.shape)
    if len(shape) not in (4, 5):
        raise ValueError(f"probabilities: expected (B, C, H, W) or (B, C, D, H, W), got {shape}; add or drop axes")
    if isinstance(iterations, bool) or not isinstance(iterations, int) or iterations < 1:
        raise ValueError(f"iterations: expected an integer of at least 1, got {iterations!r}")
    if variant not in get_args(Variant):
        raise ValueError(f"variant: expected one of {', '.join(get_args(Variant))}, got {variant!r}")


def is_binary(values: Tensor) -> bool:
    """Whether there are only 0 and 1, as in a network's targets; False where values are not to be looked at."""
    return are_of_a_network() or (values_are_checked() and bool(((values == 0) | (values == 1)).all()))


def warn_degenerate() -> None:
    """Say, to whoever called the caller, what the workshop's variant makes of a binary mask."""
    message = "the workshop's soft skeleton of a binary mask is empty where its radius is 1 or more; use variant='cvpr'"
    warnings.warn(message, UserWarning, stacklevel=3)


def unchecked_soft_skeleton(
    probabilities: Tensor, iterations: int, variant: Variant, mask: Tensor | None = None
) -> Tensor:
    """`soft_skeleton` of what was checked before."""
    unknown = None
    if mask is not None:
        everywhere = ~mask.expand(probabilities.shape)
        probabilities = probabilities.masked_fill(everywhere, HIGH)
        unknown = everywhere.reshape(-1, *probabilities.shape[2:]).contiguous()
    volumes = at_least_float32(probabilities).reshape(-1, *probabilities.shape[2:]).contiguous()
    skeletons: Tensor
    if torch.compiler.is_compiling():
        skeletons = _operation(volumes, unknown, iterations, variant)
    else:
        wants_gradient = torch.is_grad_enabled() and volumes.requires_grad
        skeletons = _SoftSkeleton.apply(volumes, unknown, iterations, variant, wants_gradient)
    skeletons = skeletons.reshape(probabilities.shape)
    return skeletons if mask is None else skeletons.masked_fill(~mask, 0.0)


class _SoftSkeleton(torch.autograd.Function):
    """Volumes (N, *S) to their skeletons, a few at a time: the memory that rounds need is used again."""

    @staticmethod
    def forward(
        ctx: Any, volumes: Tensor, unknown: Tensor | None, iterations: int, variant: Variant, wants_gradient: bool
    ) -> Tensor:
        passages = _passages(volumes.detach(), unknown, iterations, variant)
        skeletons = _skeletons(passages, volumes, wants_gradient)
        if wants_gradient:
            ctx.save_for_backward(volumes)
            ctx.passages = passages
        return skeletons

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, arriving: Tensor) -> tuple[Tensor, None, None, None, None]:
        (volumes,) = ctx.saved_tensors  # raises where they were changed since
        return _gradients(ctx.passages, volumes, arriving), None, None, None, None


# The same as operations that torch.compile calls and does not look into. They keep nothing but the volumes, so that the
# rounds are done once more on the way back.


@library.custom_op("ramify::soft_skeleton", mutates_args=())
def _operation(volumes: Tensor, unknown: Tensor | None, iterations: int, variant: str) -> Tensor:
    return _skeletons(_passages(volumes, unknown, iterations, variant), volumes, False)


@library.custom_op("ramify::soft_skeleton_backward", mutates_args=())
def _operation_back(arriving: Tensor, volumes: Tensor, unknown: Tensor | None, iterations: int, variant: str) -> Tensor:
    return _gradients(_passages(volumes, unknown, iterations, variant), volumes, arriving)


@_operation.register_fake
def _(volumes: Tensor, unknown: Tensor | None, iterations: int, variant: str) -> Tensor:
    return torch.empty_like(volumes)


@_operation_back.register_fake
def _(arriving: Tensor, volumes: Tensor, unknown: Tensor | None, iterations: int, variant: str) -> Tensor:
    return torch.empty_like(volumes)


def _keep_for_backward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    volumes, unknown, *chosen = inputs
    ctx.save_for_backward(volumes, unknown)
    ctx.chosen = chosen


def _back(ctx: Any, arriving: Tensor) -> tuple[Tensor, None, None, None]:
    return _operation_back(arriving, *ctx.saved_tensors, *ctx.chosen), None, None, None


_operation.register_autograd(_back, setup_context=_keep_for_backward)


def _passages(volumes: Tensor, unknown: Tensor | None, iterations: int, variant: str) -> list[Passage]:
    chunks = _chunks(volumes)
    hidden = [None] * len(chunks) if unknown is None else _chunks(unknown)
    return [Passage(chunk, own, iterations + 1, variant) for chunk, own in zip(chunks, hidden)]


def _skeletons(passages: list[Passage], volumes: Tensor, keep: bool) -> Tensor:
    rounds = _rounds(_chunks(volumes.detach())[0])
    return _joined([passage.forward(rounds, keep) for passage in passages])


def _gradients(passages: list[Passage], volumes: Tensor, arriving: Tensor) -> Tensor:
    rounds = _rounds(_chunks(volumes.detach())[0])
    pieces = zip(passages, _chunks(arriving.contiguous()))
    return _joined([passage.backward(rounds, piece) for passage, piece in pieces])


def _rounds(volumes: Tensor) -> Rounds:
    """What does the rounds of such volumes."""
    compiled = COMPILED and volumes.device.type == "cpu" and volumes.dtype in (torch.float32, torch.float64)
    return CompiledRounds(volumes) if compiled else PlainRounds(volumes)


def _chunks(volumes: Tensor) -> tuple[Tensor, ...]:
    """Volumes that go together: each alone on a CPU, as many as it takes to keep it busy on a GPU."""
    at_once = 1 if volumes.device.type == "cpu" else max(1, SLAB_GPU // volumes[0].numel())
    chunks: tuple[Tensor, ...] = volumes.split(at_once)
    return chunks


def _joined(chunks: list[Tensor]) -> Tensor:
    return chunks[0] if len(chunks) == 1 else torch.cat(chunks)
