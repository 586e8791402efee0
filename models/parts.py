"""The parts of a network by name, as the names of its weights have them: encoder, decoders, heads."""

from collections.abc import Iterable, Sequence
from itertools import takewhile

from torch import nn


def tensors_of(network: nn.Module) -> list[str]:
    """Names of all that a network's state dict holds, weights first, then running statistics.

    What stands in two places of a network is named once, by the first.
    """
    kept = network.state_dict().keys()
    named = (*network.named_parameters(), *network.named_buffers())
    return [name for name, _ in named if name in kept]


def parts_of(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of a network's weights by the part of it that they are in.

    A part is what names begin with. What is wrapped around a whole network, as around those of MONAI, is none.

    Examples:
        >>> from ramify.models.parts import parts_of
        >>> parts_of(["encoder.0.weight", "encoder.0.bias", "head.weight"])
        {'encoder': ['encoder.0.weight', 'encoder.0.bias'], 'head': ['head.weight']}
        >>> parts_of(["network.encoder.0.weight", "network.head.weight"])
        {'encoder': ['network.encoder.0.weight'], 'head': ['network.head.weight']}
    """
    paths = {name: name.split(".") for name in names}
    around = len(_common([path[:-1] for path in paths.values()]))
    found: dict[str, list[str]] = {}
    for name, path in paths.items():
        found.setdefault(path[around], []).append(name)
    return found


def innermost(names: Iterable[str]) -> str:
    """The innermost part of a network that all of these weights are in; of a single one, that itself.

    Examples:
        >>> from ramify.models.parts import innermost
        >>> innermost(["main_decoder.head.weight", "main_decoder.head.bias"])
        'main_decoder.head'
    """
    return ".".join(_common([name.split(".") for name in names]))


def _common(paths: Sequence[Sequence[str]]) -> list[str]:
    """What all paths begin with."""
    return [level[0] for level in takewhile(lambda level: len(set(level)) == 1, zip(*paths))]
