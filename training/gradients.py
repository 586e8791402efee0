"""What each loss term pulls at: the norm of its gradient, and whether it pulls where Dice and cross-entropy do.

"Reassessing utility of topology based losses" (2024) shows that Skeleton Recall's gradient by the probabilities depends
on the label alone, and doubts what such a term can add. That can be looked at in three places: the probabilities, the
logits and the shared encoder.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ramify.losses.across_ranks import summed, world_size
from ramify.losses.total import Outputs, TotalLoss
from ramify.losses.truth import Truth

REFERENCE_TERMS = ("dice", "cross_entropy")
# Gradients by the outputs are sent through the network with a sum of this power of two.
SENT_EXPONENT = 12
HALVINGS_AT_A_TIME = 6
MOST_HALVINGS = 36


class _Leaves(NamedTuple):
    """The network's outputs cut off from it."""

    logits: Tensor
    projections: tuple[Tensor, ...]
    deep_logits: tuple[Tensor, ...] = ()  # not looked at: they are the same tasks on coarser grids
    auxiliary_logits: tuple[Tensor, ...] = ()


def term_gradients(
    loss: TotalLoss,
    outputs: Outputs,
    truth: Truth,
    network: nn.Module,
    generator: torch.Generator | None = None,
    turn: int | None = None,
) -> dict[str, float]:
    """Norm of every term's gradient, unweighted, and its cosine with Dice and cross-entropy.

    Tasks have channels of their own, so by probabilities and logits a term is held against its own task's Dice and
    cross-entropy; the encoder is shared, and there it is held against the sum of all tasks'.

    Args:
        loss: the objective.
        outputs: of the network, its graph still alive; it is kept.
        truth: of the batch.
        network: whose shared encoder (all weights, where it has none) is the third place, unless it is frozen.
        generator: draws what a term draws; give one with the state that the step's own has.
        turn: which auxiliary task alone the outputs have; None: all.

    Returns:
        "gradient/<place>/<task>/<term>/norm" and ".../cosine" for the places "probabilities" (not for exclusive
        classes, whose probabilities are not free), "logits" and "encoder". A gradient of zero has no direction, and so
        no cosine. In a distributed training they are those of the whole batch, the same on every rank.
    """
    # In double precision a saturated sigmoid still has a slope, so that the gradient by p can be told from that by x.
    leaves = _Leaves(
        outputs.logits.detach().double().requires_grad_(),
        tuple(projection.detach().double().requires_grad_() for projection in outputs.projections),
        auxiliary_logits=tuple(logits.detach().double().requires_grad_() for logits in outputs.auxiliary_logits),
    )
    terms = loss(leaves, truth, generator, turn=turn, differentiable_terms=True)
    del terms["total"]
    of_tasks = [leaves.logits, *leaves.auxiliary_logits]
    ends = [outputs.logits, *outputs.auxiliary_logits, *outputs.projections]
    shared = [weight for weight in getattr(network, "encoder", network).parameters() if weight.requires_grad]
    places: dict[str, dict[str, Tensor]] = {"probabilities": {}, "logits": {}, "encoder": {}}
    every_logit = torch.cat([logits.detach().flatten() for logits in of_tasks])
    slope = torch.sigmoid(every_logit) * torch.sigmoid(-every_logit)
    # A term may be constant on one rank alone: all ranks go through the same ones.
    moving = summed(torch.tensor([float(value.requires_grad) for value in terms.values()]).to(slope))
    for (name, value), moves in zip(terms.items(), moving.tolist()):
        if not moves:
            continue
        # Of the mean over the ranks of their losses, which is the loss of the whole batch.
        pulls = [pull / world_size() for pull in _gradients(value, [*of_tasks, *leaves.projections])]
        places["logits"][name] = torch.cat([pull.flatten() for pull in pulls[: len(of_tasks)]])
        places["probabilities"][name] = places["logits"][name] / slope
        if shared:
            places["encoder"][name] = summed(_through_network(ends, pulls, shared))
    if loss.tasks.main.exclusive:
        del places["probabilities"]
    return {
        f"gradient/{place}/{name}": value
        for place, gradients in places.items()
        for name, value in _compared(gradients, shared=place == "encoder").items()
    }


def _gradients(value: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of a scalar, zeros where it does not depend on a leaf."""
    if not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(leaf) if pull is None else pull for leaf, pull in zip(leaves, found)]


def _through_network(ends: Sequence[Tensor], pulls: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """The gradient of all weights as one vector in double precision, from that of the network's outputs.

    Layers may compute in float16, where small gradients vanish and large ones overflow. So they are sent scaled, as in
    a training step, by a power of two, which changes no digit; by less where that is too much.
    """
    seen = [(end, pull) for end, pull in zip(ends, pulls) if end.requires_grad]
    sent = _maximum_over_ranks(torch.stack([pull.abs().sum() for _, pull in seen]).amax())
    first = SENT_EXPONENT - math.frexp(sent)[1] if math.isfinite(sent) else 0
    for exponent in range(first, first - MOST_HALVINGS, -HALVINGS_AT_A_TIME):
        kept, given = zip(*((end, torch.ldexp(pull, pull.new_tensor(exponent)).to(end.dtype)) for end, pull in seen))
        through = torch.autograd.grad(kept, weights, given, retain_graph=True, allow_unused=True)
        parts = [torch.zeros_like(w) if g is None else g for g, w in zip(through, weights)]
        vector = torch.ldexp(torch.cat([part.flatten().double() for part in parts]), pulls[0].new_tensor(-exponent))
        if not math.isfinite(sent) or not _maximum_over_ranks((~torch.isfinite(vector)).any().double()):
            break
    return vector


def _maximum_over_ranks(value: Tensor) -> float:
    if world_size() > 1:
        dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return float(value)


def _compared(gradients: Mapping[str, Tensor], *, shared: bool) -> dict[str, float]:
    """Norm of each gradient, and its cosine with those of Dice and cross-entropy: of its own task, or of all.

    Of the encoder's weights every rank has all of the gradient; of probabilities and logits it has its own samples'.
    """
    compared: dict[str, float] = {}
    for name, gradient in gradients.items():
        reference = torch.zeros_like(gradient)
        for other, pull in gradients.items():
            task, _, term = other.rpartition("/")
            if term in REFERENCE_TERMS and (shared or task == name.rpartition("/")[0]):
                reference = reference + pull
        products = torch.stack([gradient @ gradient, reference @ reference, gradient @ reference])
        own, of_reference, between = (products if shared else summed(products)).tolist()
        compared[f"{name}/norm"] = math.sqrt(own)
        if own > 0 and of_reference > 0:
            compared[f"{name}/cosine"] = between / math.sqrt(own) / math.sqrt(of_reference)
    return compared
