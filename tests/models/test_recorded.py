"""What torch records of a network, to run it elsewhere, is the network: at other sizes than that it was recorded at."""

import warnings

import pytest
import torch

from ramify.models import build_inference_network, place_network
from ramify.models.network import Network
from tests.models.networks import OURS, tiny


class Logits(torch.nn.Module):
    """What can be recorded: a tensor in, a tensor out."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(image).logits
        return logits


def logits_of(name: str, ndim: int, **further: int) -> Logits:
    torch.manual_seed(0)
    return Logits(place_network(build_inference_network(tiny(name, **further), 1, 3, ndim), "cpu")).eval()


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", OURS)
def test_a_traced_network_is_the_network(name: str, ndim: int):
    network = logits_of(name, ndim)
    image = torch.randn(1, 1, *(8, 12, 4)[:ndim])
    other = torch.randn(2, 1, *(4, 8, 12)[:ndim])
    with torch.no_grad(), warnings.catch_warnings():
        # torch says of jit that it is not its future; and of each size that it looked at it, which it may.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network, image)
        for each in (image, other):
            torch.testing.assert_close(traced(each), network(each), rtol=0, atol=1e-5)


def test_an_exported_network_is_the_network():
    network = logits_of("resunet", ndim=3, levels=1)
    batch, *sides = [torch.export.Dim(f"n{axis}") for axis in range(4)]
    free = {0: batch, **{axis: 2 * side for axis, side in enumerate(sides, start=2)}}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.export.export(network, (torch.randn(2, 1, 4, 6, 8),), dynamic_shapes=(free,))
        other = torch.randn(3, 1, 8, 4, 6)
        torch.testing.assert_close(exported.module()(other), network(other), rtol=0, atol=1e-5)


def test_a_compiled_activation_has_no_break():
    """`torch.compile` with fullgraph refuses whatever it cannot record; no compiler is run."""
    network = logits_of("resunet", ndim=2, levels=1)
    image = torch.randn(2, 1, 8, 8)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = torch.compile(network, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(image), network(image), rtol=0, atol=1e-5)
