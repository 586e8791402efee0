"""Losses beside their peers: forward and backward, each side in a process of its own."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.cost import Cost, cost_of, in_own_process
from benchmarks.loss_inputs import loss_inputs
from benchmarks.plain_losses import plain_contrastive_loss
from ramify.losses import soft_skeletonisation
from ramify.losses.contrastive import contrastive_loss
from ramify.losses.soft_cldice import soft_cldice_loss
from ramify.losses.topo_cldice import topo_cldice_loss

EMBEDDING, TEMPERATURE = 64, 0.94  # 64 channels: what the network projects to


class Edges(NamedTuple):
    """Of the cubes that the losses are measured on, voxels."""

    soft_cldice: tuple[int, ...]
    topo_cldice: int


class Comparison(NamedTuple):
    """One loss on one input, by us and, where there is one, by a peer."""

    name: str
    peer: str
    theirs: Cost | None
    ours: Cost

    def row(self) -> str:
        """As a line of a table."""
        ours = f"{self.ours.seconds * 1e3:9.1f} ms{self.ours.mebibytes:8.0f} MiB"
        if self.theirs is None:
            return f"{self.name:34}{self.peer:16}{'':24}{ours}"
        faster, share = self.theirs.seconds / self.ours.seconds, self.theirs.mebibytes / max(self.ours.mebibytes, 0.1)
        theirs = f"{self.theirs.seconds * 1e3:9.1f} ms{self.theirs.mebibytes:8.0f} MiB"
        return f"{self.name:34}{self.peer:16}{theirs:24}{ours}{faster:8.1f} x  1/{share:.0f}"


HEADER = f"{'':34}{'peer':16}{'time, memory':>21}{'':5}{'ours':>12}{'':11}{'faster':>7}  memory"


def compare_losses(
    edges: Edges, iterations: tuple[int, ...], anchors: int, device: str, repeats: int, menten: Path | None
) -> Iterator[Comparison]:
    """Every comparison, one after the other.

    Args:
        edges: of the cubes.
        iterations: of the skeleton of soft-clDice.
        anchors: how many are contrasted.
        device: cpu or cuda.
        repeats: calls a side, whose median counts.
        menten: folder of a clone of martinmenten/skeletonization-for-gradient-based-optimization, if there is one.
    """
    for size in edges.soft_cldice:
        for k in iterations:
            theirs, ours, plain = (
                in_own_process(soft_cldice_cost, side, size, k, device, repeats) for side in ("monai", "ours", "plain")
            )
            yield Comparison(f"soft-clDice {size}^3, k = {k}", "MONAI", theirs, ours)
            yield Comparison("  without compiled kernels", "MONAI", theirs, plain)
    theirs, ours = (in_own_process(contrastive_cost, side, anchors, device, repeats) for side in ("plain", "ours"))
    yield Comparison(f"contrastive, {anchors} anchors", "whole matrix", theirs, ours)
    ours = in_own_process(contrastive_cost, "ours", 4 * anchors, device, 1)
    yield Comparison(f"contrastive, {4 * anchors} anchors", "", None, ours)
    size = edges.topo_cldice
    published = in_own_process(topo_cldice_cost, menten, size, 10, device, min(repeats, 3)) if menten else None
    ours = in_own_process(topo_cldice_cost, None, size, 10, device, repeats)
    yield Comparison(f"Topo-clDice {size}^3, k = 10", "published code" if menten else "", published, ours)


def soft_cldice_cost(side: str, size: int, iterations: int, device: str, repeats: int) -> Cost:
    """Of soft-clDice: ours, ours in plain PyTorch as on any device but a CPU, or MONAI's."""
    if side != "monai":
        soft_skeletonisation.COMPILED = side == "ours"
        return _cost(lambda p, y: soft_cldice_loss(p, y, iterations=iterations), size, device, repeats)
    from monai.losses.cldice import SoftclDiceLoss

    loss = SoftclDiceLoss(iter_=iterations, smooth=1.0)
    return _cost(lambda p, y: loss(y, p), size, device, repeats)


def topo_cldice_cost(clone: Path | None, size: int, iterations: int, device: str, repeats: int) -> Cost:
    """Of clDice over the skeleton of Menten et al. 2023, ours or that of the published code."""
    if clone is None:
        return _cost(lambda p, y: topo_cldice_loss(p, y, iterations=iterations), size, device, repeats)
    sys.path.insert(0, str(clone))
    from skeletonize import Skeletonize  # type: ignore[import-not-found]

    thin = Skeletonize(probabilistic=True, simple_point_detection="Boolean", num_iter=iterations)

    def loss(probabilities: Tensor, target: Tensor) -> Tensor:
        of_prediction, of_target = thin(probabilities), thin(target)
        precision = ((of_prediction * target).sum() + 1) / (of_prediction.sum() + 1)
        sensitivity = ((of_target * probabilities).sum() + 1) / (of_target.sum() + 1)
        value: Tensor = 1 - 2 * precision * sensitivity / (precision + sensitivity)
        return value

    return _cost(loss, size, device, repeats)


def contrastive_cost(side: str, anchors: int, device: str, repeats: int) -> Cost:
    """Of the contrast between three scales, ours or over the whole matrix."""
    generator = torch.Generator().manual_seed(0)
    drawn = functional.normalize(torch.randn(anchors, EMBEDDING, generator=generator), dim=1).to(device)
    embeddings = drawn.requires_grad_()
    labels = torch.randint(1, 4, (anchors,), generator=generator).to(device)
    loss = contrastive_loss if side == "ours" else plain_contrastive_loss
    loss(embeddings[:64], labels[:64], TEMPERATURE).backward()

    def step() -> None:
        embeddings.grad = None
        loss(embeddings, labels, TEMPERATURE).backward()

    return cost_of(step, repeats, device)


def _cost(loss: Callable[[Tensor, Tensor], Tensor], size: int, device: str, repeats: int) -> Cost:
    """Of a loss of probabilities and target and its gradient."""

    def step(edge: int) -> Callable[[], None]:
        logits, target = loss_inputs((edge,) * 3, device)
        probabilities = torch.sigmoid(logits).requires_grad_()

        def call() -> None:
            probabilities.grad = None
            loss(probabilities, target).backward()

        return call

    # A small call loads, or compiles, every kernel that the timed ones need.
    step(16)()
    return cost_of(step(size), repeats, device)
