"""Features of a network's levels at positions that hold vessel, with the scale of the vessel there."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from ramify.models.baselines import ResUNet
from ramify.models.multi_task import MultiTaskResUNet
from ramify.models.network import Network
from ramify.models.pooling import multiples_of
from ramify.models.unet import UNet
from ramify.training.inference import pad_to

POSITIONS = 500
"""Most positions of one scale in one case."""
BOXES = (1, 3, 5, 9, 17)
"""Sides in voxels of the boxes whose mean grey values are the features `surroundings`."""


class Sample(NamedTuple):
    """Features (N, C) of a case at some positions, and the scale of the vessel there (N,), 1 … S."""

    features: NDArray[np.float64]
    scales: NDArray[np.int64]


class Level(NamedTuple):
    """The part of a network that gives a level's features, and how many voxels of each axis a position stands for."""

    module: nn.Module
    block: tuple[int, ...]


def _intensity(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return image


def _surroundings(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([ndimage.uniform_filter(channel, side, mode="nearest") for channel in image for side in BOXES])


OF_THE_IMAGE: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "intensity": _intensity,
    "surroundings": _surroundings,
}
"""Features (F, *S) of an image (C, *S) that need no network, by name: what a network's are to be held against."""


def levels_of(network: Network) -> dict[str, Level]:
    """The levels of a network by name: encoder.0 (full resolution) … encoder.L, main_decoder.L-1 … main_decoder.0.

    The encoder's last is `bottleneck` too. Raises ValueError for a network without an encoder and a decoder of levels.

    Examples:
        >>> from ramify.models import ResUNet
        >>> from ramify.training.level_features import levels_of
        >>> levels = levels_of(ResUNet(levels=2, base_channels=2, ndim=2, pooling=(1, 2)))
        >>> {name: level.block for name, level in levels.items() if name.startswith("encoder")}
        {'encoder.0': (1, 1), 'encoder.1': (1, 2), 'encoder.2': (2, 4)}
    """
    if isinstance(network, UNet):
        encoder, decoder, rows = network.encoder, network.decoder, network.pooling
    elif isinstance(network, ResUNet | MultiTaskResUNet):
        encoder, decoder, rows = network.encoder.blocks, network.main_decoder.blocks, network.encoder.pooling
    else:
        raise ValueError(f"{type(network).__name__} has no levels to look at; resunet and unet have")
    blocks = [multiples_of(rows[:level], network.ndim) for level in range(len(rows) + 1)]
    down = {f"encoder.{level}": Level(module, blocks[level]) for level, module in enumerate(encoder)}
    deepest = down[f"encoder.{len(encoder) - 1}"]
    stages = zip(reversed(range(len(decoder))), decoder, strict=True)
    return {
        **down,
        "bottleneck": deepest,
        **{f"main_decoder.{level}": Level(module, blocks[level]) for level, module in stages},
    }


def features_of(network: Network) -> tuple[str, ...]:
    """The names of all features there are of a network and of the image; raises as `levels_of`."""
    return (*levels_of(network), *OF_THE_IMAGE)


def check_features(names: Sequence[str], network: Network) -> None:
    """Raise ValueError for a name that is none of `features_of` the network."""
    known = features_of(network)
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"no features {unknown[0]!r} in this network; there are {', '.join(known)}")


def sample_levels(
    network: Network,
    image: NDArray[np.float32],
    scale_map: NDArray[np.integer],
    names: Sequence[str],
    n_scales: int,
    window: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
) -> dict[str, Sample]:
    """Features of one case at positions that hold vessel, by name; the same at every call.

    A position of a level stands for a block of voxels. It holds vessel where one of them does, and its scale is that of
    most of them, the smaller one where two have as many. Of each scale at most POSITIONS are taken, evenly over the
    case.

    Args:
        network: on `device`, in evaluation mode.
        image: prepared (C, *S). scale_map: integers (*S), 0 background, 1 … S.
        names: see `levels_of` and OF_THE_IMAGE.
        n_scales: number of scales S.
        window: voxels of the windows, side by side, in which the case is looked at; None looks at all of it at once.

    Raises ValueError for an unknown name.
    """
    check_features(names, network)
    levels = {name: level for name, level in levels_of(network).items() if name in names}
    step = window or network.size_multiples
    size = tuple(-(-n // each) * each for n, each in zip(scale_map.shape, step, strict=True))
    padded = np.pad(scale_map, [(0, whole - n) for whole, n in zip(size, scale_map.shape)])
    places = {name: _places(padded, level.block, n_scales) for name, level in levels.items()}

    features = _features_at(
        {name: at for name, (at, _) in places.items()}, network, levels, image, size, window, device
    )
    found = {name: Sample(features[name], scales) for name, (_, scales) in places.items()}
    for name in (name for name in names if name in OF_THE_IMAGE):
        at, scales = _places(scale_map, (1,) * scale_map.ndim, n_scales)
        found[name] = Sample(OF_THE_IMAGE[name](image)[(slice(None), *at.T)].T.astype(np.float64), scales)
    return {name: found[name] for name in names}


def block_scales(scale_map: NDArray[np.integer], block: Sequence[int], n_scales: int) -> NDArray[np.int64]:
    """The scale of most vessel voxels in each block of such sides (the smaller of two with as many); 0: there is none.

    Examples:
        >>> import numpy as np
        >>> from ramify.training.level_features import block_scales
        >>> block_scales(np.array([[0, 2, 1, 2], [2, 1, 0, 0]]), block=(2, 2), n_scales=2).tolist()
        [[2, 1]]
    """
    parts = [part for n, side in zip(scale_map.shape, block, strict=True) for part in (n // side, side)]
    within = tuple(range(1, 2 * scale_map.ndim, 2))
    counts = np.stack([(scale_map == scale).reshape(parts).sum(within) for scale in range(1, 1 + n_scales)])
    return np.where(counts.any(0), counts.argmax(0) + 1, 0)


def _places(
    scale_map: NDArray[np.integer], block: Sequence[int], n_scales: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions (N, ndim) of blocks that hold vessel, and their scales (N,)."""
    blocks = block_scales(scale_map, block, n_scales)
    chosen = []
    for scale in range(1, 1 + n_scales):
        positions = np.argwhere(blocks == scale)
        count = min(len(positions), POSITIONS)
        chosen.append(positions[np.arange(count) * len(positions) // max(1, count)])
    scales = np.repeat(np.arange(1, 1 + n_scales), [len(positions) for positions in chosen])
    return np.concatenate(chosen), scales


def _features_at(
    places: Mapping[str, NDArray[np.int64]],
    network: Network,
    levels: Mapping[str, Level],
    image: NDArray[np.float32],
    size: tuple[int, ...],
    window: Sequence[int] | None,
    device: torch.device | str,
) -> dict[str, NDArray[np.float64]]:
    """Features (N, C) of each level at its positions, window by window of the image padded to `size`."""
    tensor = pad_to(torch.from_numpy(np.array(image, dtype=np.float32))[None].to(device), size)
    tile = tuple(window or size)
    parts: dict[str, list[tuple[NDArray[np.intp], NDArray[np.float64]]]] = {name: [] for name in levels}
    with _recording(levels) as seen, torch.no_grad():
        for corner in itertools.product(*(range(0, n, step) for n, step in zip(size, tile))) if levels else ():
            network(tensor[(slice(None), slice(None), *(slice(c, c + n) for c, n in zip(corner, tile)))])
            for name, level in levels.items():
                start, end = (np.array(at) // level.block for at in (corner, np.add(corner, tile)))
                inside = np.flatnonzero(np.all((places[name] >= start) & (places[name] < end), axis=1))
                local = torch.from_numpy(places[name][inside] - start).to(device)
                values = seen[name][0][(slice(None), *local.T)].T
                parts[name].append((inside, values.double().cpu().numpy()))
    found = {}
    for name, pieces in parts.items():
        order = np.concatenate([inside for inside, _ in pieces])
        found[name] = np.concatenate([values for _, values in pieces])[np.argsort(order)]
    return found


@contextmanager
def _recording(levels: Mapping[str, Level]) -> Iterator[dict[str, Tensor]]:
    """What each level gave in the latest forward pass, by name."""
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(_: nn.Module, __: object, output: Tensor) -> None:
            seen[name] = output

        return hook

    handles = [level.module.register_forward_hook(keep(name)) for name, level in levels.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
