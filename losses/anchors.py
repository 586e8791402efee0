"""Which vectors are contrasted: the paper names the anchors' set A and leaves open what is in it."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.host_rows import rows_of
from ramify.losses.precision import at_least_float32


def sample_anchors(
    projections: Sequence[Tensor], scale_map: Tensor, settings: AnchorSettings, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Anchors of the contrastive loss and their scales (Sadikine et al. 2023, Sec. 2.3).

    Args:
        projections: one (B, E, *s) a scale, l2-normalised over E, smallest vessels first.
        scale_map: scale of each voxel, integers (B, *S) 0 … S; every axis a multiple of the projections'. Only "masked"
            looks at its values, for which nobody has to wait where they lie in host memory.
        settings: mode and cap.
        generator: draws the positions where there are more than the cap allows; replayable, None is torch's global one.

    Returns:
        Embeddings (N, E) in float32 or better and their scales (N,), 1 … S, in host memory. N is 0 without
        projections, or where no scale is present under "masked".

    Raises ValueError where batch or sizes of projections and scale map do not fit.

    Examples:
        >>> import torch
        >>> from ramify.losses import AnchorSettings, sample_anchors
        >>> projections = [torch.ones(1, 3, 2, 2), torch.ones(1, 3, 2, 2)]  # two scales
        >>> scales = torch.tensor([[[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 2, 2]]])
        >>> embeddings, labels = sample_anchors(projections, scales, AnchorSettings(mode="masked"))
        >>> embeddings.shape, labels.tolist()
        (torch.Size([2, 3]), [1, 2])
    """
    if not projections:
        return torch.zeros(0, 1, device=scale_map.device), torch.zeros(0, dtype=torch.long)
    share = max(1, settings.cap // len(projections))
    vectors = []
    for scale, projection in enumerate(projections, start=1):
        block = block_size(projection, scale_map)
        of_scale = at_least_float32(projection).flatten(2)  # (B, E, positions)
        if settings.mode == "pooled":
            chosen = functional.normalize(of_scale.mean(dim=2), dim=1)
        else:
            chosen = of_scale.movedim(1, 2).flatten(0, 1)
        if settings.mode == "masked":
            positions = torch.nonzero(present_in_blocks(scale_map.cpu() == scale, block).flatten()).squeeze(1)
        else:
            positions = torch.arange(len(chosen))
        positions = drawn(positions, share, generator)
        # As many as there are: all of them, and in order.
        vectors.append(chosen if len(positions) == len(chosen) else rows_of(chosen, positions))
    counts = torch.tensor([len(chosen) for chosen in vectors])
    return torch.cat(vectors), torch.arange(1, len(projections) + 1).repeat_interleave(counts)


def block_size(projection: Tensor, scale_map: Tensor) -> tuple[int, ...]:
    """How many voxels of the scale map one position of the projection stands for, along every axis."""
    fine, coarse = tuple(scale_map.shape[1:]), tuple(projection.shape[2:])
    fits = len(fine) == len(coarse) and all(n and not m % n for m, n in zip(fine, coarse))
    if not fits or scale_map.shape[0] != projection.shape[0]:
        raise ValueError(
            f"scale_map: expected (B, *S) with axes that are multiples of the projections' {tuple(projection.shape)}, "
            f"got {tuple(scale_map.shape)}"
        )
    return tuple(m // n for m, n in zip(fine, coarse))


def present_in_blocks(mask: Tensor, block: tuple[int, ...]) -> Tensor:
    """Max-pool a bool mask (B, *S) over blocks: True where any voxel of the block is."""
    # Whole slices against one another: a reduction over an axis of a few voxels takes many times as long on a CPU.
    for axis in range(mask.ndim - 1, 0, -1):
        mask = reduce(torch.logical_or, mask.unflatten(axis, (-1, block[axis - 1])).unbind(axis + 1))
    return mask


def drawn(positions: Tensor, most: int, generator: torch.Generator | None) -> Tensor:
    """At most `most` of the positions (N,) in host memory, drawn without replacement.

    All of them, in order and without a draw, if they are no more.
    """
    if len(positions) <= most:
        return positions
    device = "cpu" if generator is None else generator.device
    chosen = torch.randperm(len(positions), generator=generator, device=device)[:most]
    return positions[chosen.cpu()]
