"""The device of paper computes what the CPU does, and counts exactly what would have a host wait for a GPU."""

import pytest
import torch
from torch import nn

from benchmarks.host_waits import PAPER, on_paper, paper_device

WAITING = {
    "item": lambda values: values.sum().item(),
    "if": lambda values: bool((values > 0).any()),
    "tolist": lambda values: values.tolist(),
    "cpu": lambda values: values.cpu(),
    "nonzero": lambda values: values.nonzero(),
    "unique": lambda values: values.unique(),
    "bincount": lambda values: values.to(torch.int64).bincount(),
    "masked_select": lambda values: values.masked_select(values > 1),
    "mask as an index": lambda values: values[values > 1],
    "index in host memory": lambda values: values[torch.tensor([0, 2])],
    "list as an index": lambda values: values[[0, 2]],
    "numbers sent": lambda values: values.new_tensor([1.0, 2.0, 3.0]),
    "tensor of numbers": lambda values: torch.tensor([1.0, 2.0], device=values.device),
    "blocking copy": lambda values: torch.ones(3).to(values.device),
    "copied in": lambda values: values.clone().copy_(torch.ones(3)),
}
GOING_ON = {
    "where": lambda values: torch.where(values > 1, values, 0.0),
    "masked fill": lambda values: values.masked_fill(values > 1, 0.0),
    "number at a mask": lambda values: values.clone().__setitem__(values > 1, 0.0),
    "filled": lambda values: values.new_full((3,), 2.0) + torch.zeros(3, device=values.device),
    "sent without waiting": lambda values: torch.ones(3).to(values.device, non_blocking=True),
    "index on the device": lambda values: values[torch.tensor([0, 2]).to(values.device, non_blocking=True)],
    "a number of the host's": lambda values: values + torch.tensor(1.0),
    "asked on the host": lambda values: values * torch.ones(3).sum().item(),
}


@pytest.mark.parametrize("name", WAITING)
def test_what_waits_is_counted_once(name):
    with paper_device() as waits:
        values = torch.tensor([0.0, 1.0, 2.0]).to(PAPER, non_blocking=True)
        assert waits.total() == 0
        WAITING[name](values)
    assert waits.total() == 1


@pytest.mark.parametrize("name", GOING_ON)
def test_what_goes_on_is_not_counted(name):
    with paper_device() as waits:
        GOING_ON[name](torch.tensor([0.0, 1.0, 2.0]).to(PAPER, non_blocking=True))
    assert waits.total() == 0


def test_host_and_device_do_not_mix():
    with paper_device(), pytest.raises(RuntimeError, match="on the host and on the device"):
        torch.ones(3).to(PAPER) + torch.ones(3)


def test_a_network_learns_there_as_on_the_cpu():
    def weights_after_a_step(device):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.PReLU(), nn.Conv2d(2, 1, 1))
        image = torch.randn(2, 1, 5, 5)
        if device == PAPER:
            on_paper(network)
        optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
        network(image.to(device, non_blocking=True)).square().mean().backward()
        optimiser.step()
        return torch.cat([tensor.detach().flatten().cpu() for tensor in network.state_dict().values()])

    expected = weights_after_a_step(torch.device("cpu"))
    with paper_device():
        found = weights_after_a_step(PAPER)
    torch.testing.assert_close(found, expected)
