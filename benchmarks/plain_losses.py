"""The contrast between scales as one writes it down first, with every pair in memory."""

import torch
from torch import Tensor
from torch.nn import functional


def plain_contrastive_loss(embeddings: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Sadikine et al. 2023, Eq. 7 and 8, over the whole N x N matrix of products; any labels, in a stable form."""
    products = embeddings @ embeddings.T / temperature
    same = labels[:, None] == labels[None, :]
    positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    negatives = torch.logsumexp(products.masked_fill(same, -torch.inf), dim=1, keepdim=True)
    pairs = functional.softplus(negatives - products) * positive
    counts = positive.sum(1)
    return (pairs.sum(1)[counts > 0] / counts[counts > 0]).mean()
