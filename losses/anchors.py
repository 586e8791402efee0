"""Which vectors are contrasted: the paper names the anchors' set A and leaves open what is in it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.precision import at_least_float32


def sample_anchors(
    projections: Sequence[Tensor], scale_map: Tensor, settings: AnchorSettings, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Anchors of the contrastive loss and their scales (Sadikine et al. 2023, Sec. 2.3).

    Args:
        projections: one (B, E, *s) a scale, l2-normalised over E, smallest vessels first.
        scale_map: scale of each voxel, integers (B, *S) 0 … S; every axis a multiple of the projections'. Only "masked"
            looks at its values.
        settings: mode and cap.
        generator: draws the positions where there are more than the cap allows; replayable, None is torch's global one.

    Returns:
        Embeddings (N, E) in float32 or better and their scales (N,), 1 … S. N is 0 without projections, or where
        no scale is present under "masked".

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
        return torch.zeros(0, 1, device=scale_map.device), torch.zeros(0, dtype=torch.long, device=scale_map.device)
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
            chosen = chosen[present_in_blocks(scale_map == scale, block).flatten()]
        vectors.append(drawn(chosen, share, generator))
    counts = torch.tensor([len(chosen) for chosen in vectors])
    anchor_scales = torch.arange(1, len(projections) + 1).repeat_interleave(counts)
    return torch.cat(vectors), anchor_scales.to(scale_map.device)


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
    for axis in range(mask.ndim - 1, 0, -1):
        mask = mask.unflatten(axis, (-1, block[axis - 1])).any(axis + 1)
    return mask


def drawn(vectors: Tensor, most: int, generator: torch.Generator | None) -> Tensor:
    """At most `most` rows, drawn without replacement; all of them, in order and without a draw, if they are no more."""
    if len(vectors) <= most:
        return vectors
    device = "cpu" if generator is None else generator.device
    chosen = torch.randperm(len(vectors), generator=generator, device=device)[:most]
    return vectors[chosen.to(vectors.device)]
