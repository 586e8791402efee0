"""What each loss term pulls at: the norm of its gradient, and whether it pulls where Dice and cross-entropy do.

"Reassessing utility of topology based losses" (2024) shows that Skeleton Recall's gradient by the probabilities depends
on the label alone, and doubts what such a term can add. That can be looked at in three places: the probabilities, the
logits and the shared encoder.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from losses.total import Outputs, TotalLoss
from losses.truth import Truth

REFERENCE_TERMS = ("dice", "cross_entropy")


class _Leaves(NamedTuple):
    """The network's outputs cut off from it."""

    logits: Tensor
    projections: tuple[Tensor, ...]


def term_gradients(
    loss: TotalLoss, outputs: Outputs, truth: Truth, network: nn.Module, generator: torch.Generator | None = None
) -> dict[str, float]:
    """Norm of every term's gradient, unweighted, and its cosine with Dice and cross-entropy.

    Tasks have channels of their own, so by probabilities and logits a term is held against its own task's Dice and
    cross-entropy; the encoder is shared, and there it is held against the sum of all tasks'.

    Args:
        loss: the objective.
        outputs: of the network, its graph still alive; it is kept.
        truth: of the batch.
        network: whose shared encoder (all weights, where it has none) is the third place.
        generator: draws what a term draws; give one with the state that the step's own has.

    Returns:
        "gradient/<place>/<task>/<term>/norm" and ".../cosine" for the places "probabilities" (not for exclusive
        classes, whose probabilities are not free), "logits" and "encoder". A gradient of zero has no direction, and so
        no cosine.
    """
    # In double precision a saturated sigmoid still has a slope, so that the gradient by p can be told from that by x.
    leaves = _Leaves(
        outputs.logits.detach().double().requires_grad_(),
        tuple(projection.detach().double().requires_grad_() for projection in outputs.projections),
    )
    terms = loss(leaves, truth, generator, differentiable_terms=True)
    del terms["total"]
    ends = [outputs.logits, *outputs.projections]
    shared = [weight for weight in getattr(network, "encoder", network).parameters() if weight.requires_grad]
    places: dict[str, dict[str, Tensor]] = {"probabilities": {}, "logits": {}, "encoder": {}}
    slope = torch.sigmoid(leaves.logits.detach()) * torch.sigmoid(-leaves.logits.detach())
    for name, value in terms.items():
        if not value.requires_grad:
            continue
        pulls = _gradients(value, [leaves.logits, *leaves.projections])
        places["logits"][name] = pulls[0].flatten()
        places["probabilities"][name] = (pulls[0] / slope).flatten()
        seen = [(end, pull.to(end.dtype)) for end, pull in zip(ends, pulls) if end.requires_grad]
        kept, given = zip(*seen)
        through = torch.autograd.grad(kept, shared, given, retain_graph=True, allow_unused=True)
        places["encoder"][name] = _joined(through, shared)
    if loss.formulation == "multi_class":
        del places["probabilities"]
    return {
        f"gradient/{place}/{name}": value
        for place, gradients in places.items()
        for name, value in _compared(gradients, shared=place == "encoder").items()
    }


def _gradients(value: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of a scalar, zeros where it does not depend on a leaf."""
    found = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(leaf) if pull is None else pull for leaf, pull in zip(leaves, found)]


def _joined(gradients: Sequence[Tensor | None], weights: Sequence[Tensor]) -> Tensor:
    """The gradients of all weights as one vector."""
    parts = [torch.zeros_like(w) if g is None else g for g, w in zip(gradients, weights)]
    return torch.cat([part.flatten().double() for part in parts])


def _compared(gradients: Mapping[str, Tensor], *, shared: bool) -> dict[str, float]:
    """Norm of each gradient, and its cosine with those of Dice and cross-entropy: of its own task, or of all."""
    compared: dict[str, float] = {}
    for name, gradient in gradients.items():
        reference = torch.zeros_like(gradient)
        for other, pull in gradients.items():
            task, _, term = other.rpartition("/")
            if term in REFERENCE_TERMS and (shared or task == name.rpartition("/")[0]):
                reference = reference + pull
        norm = gradient.norm()
        compared[f"{name}/norm"] = float(norm)
        if norm > 0 and reference.norm() > 0:
            compared[f"{name}/cosine"] = float(gradient @ reference / (norm * reference.norm()))
    return compared
