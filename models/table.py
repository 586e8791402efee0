"""The table of docs/networks.md: parameters and size multiple of each network at its default size.

python -m ramify.models.table
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from ramify.models.build import build_network
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.tasks.settings import Auxiliary, TaskSettings

SHOWN = ("resunet", "unet", "fcn", "nnunet_plain", "nnunet_residual", "hrnet", "monai:SegResNet")
HEAD = """\
| network | 2D: levels | size multiple | parameters | 3D: levels | size multiple | parameters |
| --- | --- | --- | --- | --- | --- | --- |"""


class Size(NamedTuple):
    """One network in so many dimensions."""

    levels: int | None
    size_multiple: int
    parameters: int


def measure(settings: ModelSettings, ndim: int, n_scales: int = 3) -> Size:
    """Build a network for one channel of image and count."""
    with torch.device("meta"):  # shapes without values: nothing is allocated
        network = build_network(settings, 1, n_scales, ndim)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Size(settings.sizes(ndim)[0] or None, network.size_multiples[0], parameters)


def rows() -> Iterator[str]:
    """One row a network; the multi-task form of resunet in a row of its own."""
    for network in SHOWN:
        beside: tuple[Auxiliary, ...] = ("none", "scales") if network == "resunet" else ("none",)
        for auxiliary in beside:
            tasks = TaskSettings(main="vessels", auxiliary=auxiliary)
            settings = ModelSettings(network=network, tasks=tasks, contrast=ContrastHeadSettings(head="per_scale"))
            cells = [network if auxiliary == "none" else f"{network}, with three scales beside"]
            for ndim in (2, 3):
                if (network, ndim) == ("hrnet", 3):
                    cells += ["–"] * 3
                    continue
                levels, multiple, parameters = measure(settings, ndim)
                cells += [str(levels or "–"), str(multiple), f"{parameters:,}"]
            yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(HEAD)
    for row in rows():
        print(row)
