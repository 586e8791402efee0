"""The contrast between scales: Sadikine et al. 2023, Eq. 7 and 8, in memory that grows with N rather than N^2.

With s_ij = z_i·z_j / τ and L_i = log Σ_{k in N_i} exp(s_ik), Eq. 8 is l_ij = softplus(L_i - s_ij): no exponential is
formed that could overflow. Its derivative by L_i is sigmoid(L_i - s_ij), so the gradient needs the same two blocks of
products as the loss; it is accumulated while they are at hand, and nothing of size N^2 is kept.

Hard negatives (Robinson et al. 2021, Eq. 4) are drawn in proportion to exp(β s_ik) rather than alike, which makes of
the sum the one of all with weights of mean 1: L_i = log Σ_k w_ik exp(s_ik), w_ik = |N_i| exp(β s_ik) / Σ_k exp(β s_ik).
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ramify.losses.host_rows import rows_of
from ramify.losses.precision import at_least_float32

# Products formed at a time: on a CPU as many as stay in its cache, on a GPU as many as keep it busy.
CHUNK_CPU = 2**20
CHUNK_GPU = 2**23


class Weighing(NamedTuple):
    """How much an anchor and its negatives count."""

    balanced: bool = False
    """The mean over labels of the mean over the anchors of each, rather than the mean over all anchors."""
    hard_negatives: float = 0.0
    """β: a negative counts in proportion to exp(β s)."""


def contrastive_loss(
    embeddings: Tensor,
    labels: Tensor,
    temperature: float,
    anchors: int | None = None,
    *,
    balanced: bool = False,
    hard_negatives: float = 0.0,
) -> Tensor:
    """Contrastive loss with one positive and all negatives in the denominator (Sadikine et al. 2023, Eq. 7 and 8).

    L_c = 1/|A| Σ_i 1/|P_i| Σ_{j in P_i} -log(exp(s_ij) / (exp(s_ij) + Σ_{k in N_i} exp(s_ik))) with s_ij = z_i·z_j / τ.
    P_i are the other anchors of i's label, N_i the anchors of other labels. Anchors without a positive have no mean
    over P_i: they are left out of A, but remain negatives of others. Anchors without negatives contribute exactly 0.

    Vectors of past steps cannot move: were they in A too, 1/|A| would take from the others what they cannot use, and
    the contrast would fade as the memory grows. They are positives and negatives, and no anchors.

    Args:
        embeddings: (N, E) z, taken as given: the projection heads have l2-normalised them. Any floating type; computed
            in float32 or better, under autocast too.
        labels: (N,) integers, the scale of each anchor; of labels on a GPU the host waits for an answer.
        temperature: τ > 0.
        anchors: how many of the embeddings, the first ones, make up A; all of them by default. The others are positives
            and negatives alone.
        balanced: take the mean over labels of the mean over their anchors, so that each label counts alike.
        hard_negatives: β ≥ 0. A negative counts in proportion to exp(β s_ik), the mean weight being 1 (Robinson et al.
            2021, Eq. 4, without their correction for false negatives); 0 is Eq. 8.

    Returns:
        A scalar; 0 with a gradient of zeros where no anchor has a positive, as for N of 0 and 1. Differentiable once.

    Raises ValueError where shapes or types do not fit, the temperature is not positive, β is negative, or there are
    fewer embeddings than anchors.

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
    if not (math.isfinite(hard_negatives) and hard_negatives >= 0.0):
        raise ValueError(f"hard_negatives: expected a number of at least 0, got {hard_negatives!r}")
    anchors = len(embeddings) if anchors is None else anchors
    if not 0 <= anchors <= len(embeddings):
        raise ValueError(f"anchors: expected 0 … {len(embeddings)} of as many embeddings, got {anchors}")
    wants_gradient = torch.is_grad_enabled() and embeddings.requires_grad
    weighing = Weighing(balanced, hard_negatives)
    given = at_least_float32(embeddings)
    loss: Tensor = _ContrastiveLoss.apply(given, labels, temperature, anchors, weighing, wants_gradient)
    return loss


class _ContrastiveLoss(torch.autograd.Function):
    """Loss and gradient in one pass over chunks of rows."""

    @staticmethod
    def forward(
        ctx: Any,
        embeddings: Tensor,
        labels: Tensor,
        temperature: float,
        anchors: int,
        weighing: Weighing,
        wants_gradient: bool,
    ) -> Tensor:
        # How many of each label there are decides what is computed, so the host has to know.
        labels = labels.cpu()
        # Stable, so that the anchors of a label come before those of its embeddings that are none.
        order = torch.argsort(labels, stable=True)
        values, counts = torch.unique_consecutive(labels[order], return_counts=True)
        own = torch.searchsorted(values, labels[:anchors]).bincount(minlength=len(values))
        blocks = list(zip(own.tolist(), counts.tolist()))
        with torch.autocast(embeddings.device.type, enabled=False):
            loss, gradient = _by_chunks(
                rows_of(embeddings.detach(), order), blocks, temperature, weighing, wants_gradient
            )
        if wants_gradient:
            ctx.save_for_backward(rows_of(gradient, torch.argsort(order)))
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return outer * gradient, None, None, None, None, None


def _by_chunks(
    embeddings: Tensor,
    blocks: list[tuple[int, int]],
    temperature: float,
    weighing: Weighing,
    wants_gradient: bool,
) -> tuple[Tensor, Tensor]:
    """Loss and its gradient (zeros if not wanted) for embeddings sorted by label.

    Each label's block is told by how many of it are anchors, which come first, and how many there are.
    """
    total = len(embeddings)
    of_labels = [own for own, count in blocks if own and count > 1]
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
        share = anchors_of_label * len(of_labels) if weighing.balanced else sum(of_labels)
        for first in range(own.start, last, height):
            rows = slice(first, min(first + height, last))
            weight = 1.0 / (share * positives)
            loss += _chunk_loss(twice, rows, own, others, temperature, weight, weighing.hard_negatives, gradient)
    return loss, torch.zeros_like(embeddings) if gradient is None else gradient[:total] + gradient[total:]


def _chunk_loss(
    twice: Tensor,
    rows: slice,
    own: slice,
    others: slice,
    temperature: float,
    weight: float,
    hard_negatives: float,
    gradient: Tensor | None,
) -> Tensor:
    """Loss of the anchors `rows`, of label `own`, with `weight` a pair; adds to `gradient` where it is given."""
    scaled = twice[rows] / temperature
    log_mass, slopes, height = _log_mass(scaled @ twice[others].T, hard_negatives)
    gaps = torch.addmm(log_mass, scaled, twice[own].T, alpha=-1.0)  # L_i - s_ij
    gaps.diagonal(rows.start - own.start).fill_(-torch.inf)  # an anchor is no positive of its own
    loss = functional.softplus(gaps, threshold=40.0).sum() * weight
    if gradient is not None:
        pulls = gaps.sigmoid_()
        pushes = pulls.sum(dim=1, keepdim=True) * height
        scaled *= weight
        gradient[rows] += (pushes * (slopes @ twice[others]) - pulls @ twice[own]) * (weight / temperature)
        gradient[others].addmm_(slopes.T, pushes * scaled)
        gradient[own].addmm_(pulls.T, scaled, alpha=-1.0)
    return loss


def _log_mass(products: Tensor, hard_negatives: float) -> tuple[Tensor, Tensor, Tensor]:
    """L_i (rows, 1) of products s_ik (rows, negatives), and its derivative by them in two factors; uses `products`."""
    largest = products.amax(dim=1, keepdim=True)
    products.sub_(largest)
    if not hard_negatives:
        masses = products.exp_()
        mass = masses.sum(dim=1, keepdim=True)
        return largest + mass.log(), masses, 1.0 / mass
    weighing, weighed = products * hard_negatives, products.mul_(1.0 + hard_negatives)
    log_mass = weighed.logsumexp(1, keepdim=True) - weighing.logsumexp(1, keepdim=True) + math.log(products.shape[1])
    slopes = torch.softmax(weighed, 1).mul_(1.0 + hard_negatives).sub_(torch.softmax(weighing, 1), alpha=hard_negatives)
    return largest + log_mass, slopes, torch.ones_like(largest)
