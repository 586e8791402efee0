"""The contrast between scales: Sadikine et al. 2023, Eq. 7 and 8, in memory that grows with N rather than N^2.

With s_ij = z_i·z_j / τ and L_i = log Σ_{k in N_i} exp(s_ik), Eq. 8 is l_ij = softplus(L_i - s_ij): no exponential is
formed that could overflow. Its derivative by L_i is sigmoid(L_i - s_ij), so the gradient needs the same two blocks of
products as the loss; it is accumulated while they are at hand, and nothing of size N^2 is kept.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ramify.losses.precision import at_least_float32

# Products formed at a time: on a CPU as many as stay in its cache, on a GPU as many as keep it busy.
CHUNK_CPU = 2**20
CHUNK_GPU = 2**23


def contrastive_loss(embeddings: Tensor, labels: Tensor, temperature: float, anchors: int | None = None) -> Tensor:
    """Contrastive loss with one positive and all negatives in the denominator (Sadikine et al. 2023, Eq. 7 and 8).

    L_c = 1/|A| Σ_i 1/|P_i| Σ_{j in P_i} -log(exp(s_ij) / (exp(s_ij) + Σ_{k in N_i} exp(s_ik))) with s_ij = z_i·z_j / τ.
    P_i are the other anchors of i's label, N_i the anchors of other labels. Anchors without a positive have no mean
    over P_i: they are left out of A, but remain negatives of others. Anchors without negatives contribute exactly 0.

    Vectors of past steps cannot move: were they in A too, 1/|A| would take from the others what they cannot use, and
    the contrast would fade as the memory grows. They are positives and negatives, and no anchors.

    Args:
        embeddings: (N, E) z, taken as given: the projection heads have l2-normalised them. Any floating type; computed
            in float32 or better, under autocast too.
        labels: (N,) integers, the scale of each anchor.
        temperature: τ > 0.
        anchors: how many of the embeddings, the first ones, make up A; all of them by default. The others are positives
            and negatives alone.

    Returns:
        A scalar; 0 with a gradient of zeros where no anchor has a positive, as for N of 0 and 1. Differentiable once.

    Raises ValueError where shapes or types do not fit, the temperature is not positive, or there are fewer embeddings
    than anchors.

    Examples:
        >>> import torch
        >>> from ramify.losses import contrastive_loss
        >>> embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> loss = contrastive_loss(embeddings, torch.tensor([1, 1, 2, 2]), temperature=1.0)
        >>> round(loss.item(), 3)  # -log(e / (e + 2))
        0.551
    """
    if embeddings.ndim != 2 or not embeddings.is_floating_point():
        raise ValueError(f"embeddings: expected floats (N, E), got {embeddings.dtype} {tuple(embeddings.shape)}")
    if labels.shape != embeddings.shape[:1] or labels.is_floating_point():
        expected = f"integers ({len(embeddings)},) as there are embeddings"
        raise ValueError(f"labels: expected {expected}, got {labels.dtype} {tuple(labels.shape)}")
    if not (math.isfinite(temperature) and temperature > 0.0):
        raise ValueError(f"temperature: expected a positive number, got {temperature!r}")
    anchors = len(embeddings) if anchors is None else anchors
    if not 0 <= anchors <= len(embeddings):
        raise ValueError(f"anchors: expected 0 … {len(embeddings)} of as many embeddings, got {anchors}")
    wants_gradient = torch.is_grad_enabled() and embeddings.requires_grad
    loss: Tensor = _ContrastiveLoss.apply(at_least_float32(embeddings), labels, temperature, anchors, wants_gradient)
    return loss


class _ContrastiveLoss(torch.autograd.Function):
    """Loss and gradient in one pass over chunks of rows."""

    @staticmethod
    def forward(
        ctx: Any, embeddings: Tensor, labels: Tensor, temperature: float, anchors: int, wants_gradient: bool
    ) -> Tensor:
        labels = labels.to(embeddings.device)
        # Stable, so that the anchors of a label come before those of its embeddings that are none.
        order = torch.argsort(labels, stable=True)
        values, counts = torch.unique_consecutive(labels[order], return_counts=True)
        own = torch.searchsorted(values, labels[:anchors]).bincount(minlength=len(values))
        blocks = list(zip(own.tolist(), counts.tolist()))
        with torch.autocast(embeddings.device.type, enabled=False):
            loss, gradient = _by_chunks(embeddings.detach()[order], blocks, temperature, wants_gradient)
        if wants_gradient:
            ctx.save_for_backward(gradient[torch.argsort(order)])
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return outer * gradient, None, None, None, None


def _by_chunks(
    embeddings: Tensor, blocks: list[tuple[int, int]], temperature: float, wants_gradient: bool
) -> tuple[Tensor, Tensor]:
    """Loss and its gradient (zeros if not wanted) for embeddings sorted by label.

    Each label's block is told by how many of it are anchors, which come first, and how many there are.
    """
    total = len(embeddings)
    anchors = sum(own for own, count in blocks if count > 1)
    # Twice in a row, all anchors but one label's are one contiguous block.
    twice = torch.cat((embeddings, embeddings))
    gradient = torch.zeros_like(twice) if wants_gradient else None
    loss = embeddings.new_zeros(())
    height = max(1, (CHUNK_CPU if embeddings.device.type == "cpu" else CHUNK_GPU) // max(1, total))
    start = 0
    for anchors_of_label, count in blocks:
        own, start = slice(start, start + count), start + count
        positives = count - 1
        if positives == 0 or len(blocks) == 1:
            continue
        others = slice(own.stop, own.start + total)
        last = own.start + anchors_of_label
        for first in range(own.start, last, height):
            rows = slice(first, min(first + height, last))
            loss += _chunk_loss(twice, rows, own, others, temperature, 1.0 / (anchors * positives), gradient)
    return loss, torch.zeros_like(embeddings) if gradient is None else gradient[:total] + gradient[total:]


def _chunk_loss(
    twice: Tensor,
    rows: slice,
    own: slice,
    others: slice,
    temperature: float,
    weight: float,
    gradient: Tensor | None,
) -> Tensor:
    """Loss of the anchors `rows`, of label `own`, with `weight` a pair; adds to `gradient` where it is given."""
    scaled = twice[rows] / temperature
    negatives = scaled @ twice[others].T
    largest = negatives.amax(dim=1, keepdim=True)
    negatives.sub_(largest).exp_()
    mass = negatives.sum(dim=1, keepdim=True)
    gaps = torch.addmm(largest + mass.log(), scaled, twice[own].T, alpha=-1.0)  # L_i - s_ij
    gaps.diagonal(rows.start - own.start).fill_(-torch.inf)  # an anchor is no positive of its own
    loss = functional.softplus(gaps, threshold=40.0).sum() * weight
    if gradient is not None:
        pulls = gaps.sigmoid_()
        pushes = pulls.sum(dim=1, keepdim=True) / mass  # times exp(s_ik - largest): the derivative by s_ik
        scaled *= weight
        gradient[rows] += (pushes * (negatives @ twice[others]) - pulls @ twice[own]) * (weight / temperature)
        gradient[others].addmm_(negatives.T, pushes * scaled)
        gradient[own].addmm_(pulls.T, scaled, alpha=-1.0)
    return loss
