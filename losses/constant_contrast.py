"""What a contrast comes to that does not look at the image: the loss of constants, and the signs that it is there."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ramify.losses.host_rows import rows_with


def contrast_floor(
    anchors: Sequence[int], temperature: float, embeddings: Sequence[int] | None = None, *, balanced: bool = False
) -> float:
    """Contrastive loss of embeddings that are one direction a label, all of them equally far apart.

    S directions are farthest apart as the corners of a simplex, where the cosine of any two is -1 / (S - 1): opposite
    for two labels, at 120 degrees for three. Eq. 7 and 8 of Sadikine et al. 2023 then come to

        1/|A| Σ_s a_s log(1 + Σ_{t ≠ s} n_t exp(-S / ((S - 1) τ)))

    for a_s anchors and n_t embeddings a label. With as many of every label no embeddings whatever have a lower loss
    (docs/contrast.md has the proof); with unequal numbers other angles are better and the loss can be a little lower.

    Args:
        anchors: how many anchors each label has, a_s.
        temperature: τ > 0.
        embeddings: how many embeddings each label has, n_s, its anchors among them; by default they are all.
        balanced: as of `contrastive_loss`.

    Returns:
        The loss; 0 where fewer than two labels are there, or none has an anchor with a positive.

    Examples:
        >>> from ramify.losses import contrast_floor
        >>> round(contrast_floor([512, 512, 512], temperature=0.94), 3)  # log(1 + 1024 exp(-1.5 / 0.94))
        5.341
        >>> round(contrast_floor([512, 512, 512], temperature=0.1), 4)  # a low temperature sees them apart
        0.0003
    """
    every = list(anchors if embeddings is None else embeddings)
    labels = sum(count > 0 for count in every)
    counted = [(own, count) for own, count in zip(anchors, every, strict=True) if own and count > 1]
    if labels < 2 or not counted:
        return 0.0
    closeness = -labels / (labels - 1) / temperature
    losses = [math.log1p((sum(every) - count) * math.exp(closeness)) for _, count in counted]
    shares = [1 if balanced else own for own, _ in counted]
    return sum(share * loss for share, loss in zip(shares, losses)) / sum(shares)


def spread_of(embeddings: Tensor, labels: Tensor) -> tuple[dict[int, Tensor], Tensor | None]:
    """How alike the embeddings of a label are, and the labels among one another.

    Args:
        embeddings: (N, E) of unit length.
        labels: (N,) integers, in host memory.

    Returns:
        Of each label the mean cosine of its embeddings to their mean direction, from near 0 to 1, where they are one
        direction; and the mean cosine of the mean directions of two labels, None with fewer than two labels.

    Examples:
        >>> import torch
        >>> from ramify.losses.constant_contrast import spread_of
        >>> within, between = spread_of(torch.tensor([[1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]]), torch.tensor([1, 1, 2]))
        >>> {label: round(float(cosine), 3) for label, cosine in within.items()}, round(float(between), 3)
        ({1: 0.894, 2: 1.0}, -0.894)
    """
    means = {label: rows_with(embeddings, labels, label).mean(0) for label in labels.unique().tolist()}
    # The mean cosine to the direction of the mean is the length of the mean.
    within = {label: mean.norm() for label, mean in means.items()}
    if len(means) < 2:
        return within, None
    directions = functional.normalize(torch.stack(list(means.values())), dim=1)
    total = directions.sum(0).square().sum() - directions.square().sum()
    return within, total / (len(means) * (len(means) - 1))
