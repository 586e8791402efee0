"""Anchors of a contrast with one head for all scales: positions that hold vessel, labelled by the scale there.

A head a scale can answer with a direction of its own, whatever the image shows. One head for all cannot: what it gives
a position depends on the features there alone, so the label must be found in the image.
"""

import torch
from torch import Tensor
from torch.nn import functional

from ramify.losses.across_ranks import chosen_rows, joined_batch, joined_on_host
from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.anchors import block_size, drawn, present_in_blocks
from ramify.losses.precision import at_least_float32

BACKGROUND = 0
NO_CLASS = -1


def sample_shared_anchors(
    projection: Tensor,
    scale_map: Tensor,
    n_scales: int,
    settings: AnchorSettings,
    generator: torch.Generator | None = None,
    wrong: Tensor | None = None,
    ignored: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Anchors of one projection that all scales share, and what is there: a scale, or background.

    Each class gets the same share of the cap. In a distributed training they are drawn from the batches of all ranks,
    alike on each of them.

    Args:
        projection: (B, E, *s), l2-normalised over E.
        scale_map: scale of each voxel, integers (B, *S) 0 … n_scales; every axis a multiple of the projection's. It is
            looked at by the host, which need not wait where it lies in host memory.
        n_scales: number of scales S.
        settings: cap, mixed, near_background and errors.
        generator: draws the positions; replayable, None is torch's global one.
        wrong: bool (B, *S), where the network is wrong about vessels; needed where `errors` is above 0, and then waited
            for.
        ignored: bool (B, *S), where nobody knows what is there, where the scale map lies; None where everything is
            known.

    Returns:
        Embeddings (N, E) in float32 or better and their classes (N,), in host memory: 1 … S, or 0 for background. N is
        0 where there is neither a vessel nor, with it, a background near it.

    Raises ValueError where batch or sizes of projection and scale map do not fit.

    Examples:
        >>> import torch
        >>> from ramify.losses import AnchorSettings, sample_shared_anchors
        >>> projection = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 1, 3)  # three positions of two voxels
        >>> scales = torch.tensor([[[1, 2, 0, 0, 2, 2]]])
        >>> embeddings, classes = sample_shared_anchors(projection, scales, 2, AnchorSettings(near_background=1))
        >>> embeddings.flatten().tolist(), classes.tolist()
        ([2.0, 1.0, 3.0], [0, 1, 2])
    """
    size = tuple(projection.shape[2:])
    block = block_size(projection, scale_map)
    on_host = None if ignored is None else ignored.cpu()
    own_labels = position_classes(scale_map.cpu(), size, n_scales, settings, on_host)
    labels = joined_on_host(own_labels, projection.device).flatten()
    mistaken = None
    if settings.errors:
        if wrong is None:
            raise ValueError("anchors.errors: anchors where the network is wrong need to know where it is")
        mistaken = joined_batch(present_in_blocks(wrong, block)).flatten().cpu()

    classes = range(BACKGROUND if settings.near_background else 1, 1 + n_scales)
    share = max(1, settings.cap // len(classes))
    of_classes = [(labels == number).nonzero().squeeze(1) for number in classes]
    chosen = [_chosen(positions, share, settings, generator, mistaken) for positions in of_classes]
    counts = torch.tensor([len(positions) for positions in chosen])
    rows = at_least_float32(projection).movedim(1, -1).flatten(0, -2)
    return chosen_rows(rows, torch.cat(chosen)), torch.tensor(classes).repeat_interleave(counts)


def position_classes(
    scale_map: Tensor, size: tuple[int, ...], n_scales: int, settings: AnchorSettings, ignored: Tensor | None = None
) -> Tensor:
    """What is at each position of a feature map: a scale, background near a vessel (0), or nothing to contrast (-1).

    Args:
        scale_map: integers (B, *S), 0 … n_scales.
        size: of the feature map, *s; each position stands for a block of voxels.
        n_scales: number of scales.
        settings: `mixed` says what a block of several scales is, `near_background` how far background goes.
        ignored: bool (B, *S), where nobody knows what is there: a block with such voxels is no background.

    Returns:
        int8 (B, *s).
    """
    block = tuple(m // n for m, n in zip(scale_map.shape[1:], size))
    present = torch.stack([present_in_blocks(scale_map == scale, block) for scale in range(1, 1 + n_scales)])
    vessel = present.any(0)
    classes = torch.full(vessel.shape, NO_CLASS, dtype=torch.int8, device=scale_map.device)
    if settings.near_background:
        background = ~vessel if ignored is None else ~(vessel | present_in_blocks(ignored, block))
        classes[_near(vessel, settings.near_background) & background] = BACKGROUND
    for scale in range(n_scales, 0, -1):  # the smallest has the last word
        classes[present[scale - 1]] = scale
    if settings.mixed == "left_out":
        classes[present.sum(0) > 1] = NO_CLASS
    return classes


def _near(mask: Tensor, reach: int) -> Tensor:
    """Where a mask (B, *s) is, or is within so many positions along the axes; bool."""
    pool = functional.max_pool2d if mask.ndim == 3 else functional.max_pool3d
    pooled = pool(mask[:, None].float(), 2 * reach + 1, stride=1, padding=reach)
    return pooled[:, 0] > 0


def _chosen(
    positions: Tensor,
    share: int,
    settings: AnchorSettings,
    generator: torch.Generator | None,
    mistaken: Tensor | None,
) -> Tensor:
    """At most `share` of the positions of a class, numbers into the batch; those where the network is wrong first."""
    if mistaken is None:
        return drawn(positions, share, generator)
    wrong = drawn(positions[mistaken[positions]], round(share * settings.errors), generator)
    taken = torch.zeros_like(mistaken)
    taken[wrong] = True
    return torch.cat((wrong, drawn(positions[~taken[positions]], share - len(wrong), generator)))
