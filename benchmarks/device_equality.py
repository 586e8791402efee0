"""Whether a device computes what the CPU does: every network, every loss, forwards and backwards, in each precision."""

import importlib.util
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.loss_inputs import loss_inputs
from benchmarks.loss_overhead import terms_in_3d
from benchmarks.training_step import Size, phantom_batch
from ramify.losses.settings import LossSettings
from ramify.losses.total import TotalLoss
from ramify.models.build import build_network, place_network
from ramify.models.outputs import TaskOutputs
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.tasks.formulation import Tasks
from ramify.tasks.settings import TaskSettings
from ramify.training.device import autocast

LIMITS = {torch.float32: 1e-3, torch.bfloat16: 0.1}
"""Largest difference that counts as equal, as a share of the CPU's greatest value: float32 adds up in another order,
bfloat16 has eight bits."""
SCALES = 3
ALONE = TaskSettings(main="vessels", auxiliary="none")


class Difference(NamedTuple):
    """Of a network or a loss between the device and the CPU in float32.

    forwards, backwards: greatest difference of the output and of the gradient, as shares of the CPU's greatest value.
    """

    name: str
    precision: str
    forwards: float
    backwards: float
    equal: bool


def differences(device: torch.device, size: Size) -> Iterator[Difference]:
    """Of every network, then of every loss."""
    allowed = torch.backends.cudnn.allow_tf32
    # Ten bits for a product would be seen, and are another question.
    torch.backends.cudnn.allow_tf32 = False
    try:
        for name, model in networks().items():
            yield from _of_network(name, model, device, size)
        for name in terms_in_3d():
            yield from _of_loss(name, device, size)
    finally:
        torch.backends.cudnn.allow_tf32 = allowed


def networks() -> dict[str, ModelSettings]:
    """Small ones of every kind that is installed and sees 3D."""
    contrast = ContrastHeadSettings(head="per_scale")
    found = {
        "resunet": ModelSettings(tasks=ALONE, levels=3),
        "resunet, scales": ModelSettings(tasks=TaskSettings(auxiliary="scales"), levels=3, contrast=contrast),
        "unet": ModelSettings(network="unet", tasks=ALONE, levels=3, base_channels=8),
        "fcn": ModelSettings(network="fcn", tasks=ALONE),
        "monai:SegResNet": ModelSettings(network="monai:SegResNet", tasks=ALONE, arguments={"init_filters": 8}),
    }
    if importlib.util.find_spec("dynamic_network_architectures"):
        found["nnunet_residual"] = ModelSettings(network="nnunet_residual", tasks=ALONE, levels=3, base_channels=4)
    return found


def _of_network(name: str, model: ModelSettings, device: torch.device, size: Size) -> Iterator[Difference]:
    torch.manual_seed(0)
    on_cpu = build_network(model, 1, SCALES, 3)
    multiple = max(on_cpu.size_multiples)
    image = torch.randn(1, 1, *(max(multiple, length // multiple * multiple) for length in size))

    def computed(where: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        network = build_network(model, 1, SCALES, 3)
        network.load_state_dict(on_cpu.state_dict())
        network = place_network(network, where)
        with autocast(where, dtype):
            logits = network(image.to(where)).logits
        logits.float().square().mean().backward()
        return logits.detach().float(), _gradient_of(network)

    yield from _beside_cpu(name, computed, device)


def _of_loss(name: str, device: torch.device, size: Size) -> Iterator[Difference]:
    settings = LossSettings(main={name: 1.0}, lambda_contrastive=0.0, foreground_weight=2.0)
    total = TotalLoss(settings, Tasks.of(ALONE, SCALES))
    given, _ = loss_inputs(size, "cpu")

    def computed(where: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        _, truth = phantom_batch(size, SCALES, 1, where)
        logits = given.to(where, dtype).requires_grad_()
        value = total(TaskOutputs(logits), truth, torch.Generator().manual_seed(0))["total"]
        (gradient,) = torch.autograd.grad(value, logits)
        return value.detach().float(), gradient.float()

    yield from _beside_cpu(name, computed, device)


def _beside_cpu(
    name: str, computed: Callable[[torch.device, torch.dtype], tuple[Tensor, Tensor]], device: torch.device
) -> Iterator[Difference]:
    expected = computed(torch.device("cpu"), torch.float32)
    for dtype, limit in LIMITS.items():
        forwards, backwards = (
            float((found.cpu() - own).abs().max() / own.abs().max().clamp_min(torch.finfo(torch.float32).tiny))
            for found, own in zip(computed(device, dtype), expected, strict=True)
        )
        precision = str(dtype).removeprefix("torch.")
        yield Difference(name, precision, forwards, backwards, max(forwards, backwards) <= limit)


def _gradient_of(network: nn.Module) -> Tensor:
    return torch.cat([weights.grad.flatten().float() for weights in network.parameters() if weights.grad is not None])
